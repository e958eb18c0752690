"""Export of a trained checkpoint for release: its lexicon, named sliders, sample grids, model card."""

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from PIL import Image

from dalle import runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.sprite_scenes.corpus import english_texts, known_labels, labels_and_keywords
from dalle.data.sprites.sprite_set import SpriteSet
from dalle.evaluation.eval_prompts import common_labels
from dalle.evaluation.evaluate import SAMPLE_GRIDS
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import save_sliders
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.words import split_words
from dalle.recipe import Recipe
from dalle.release import slider_rotation
from dalle.release.model_cards import shipped_card
from dalle.release.slider_naming import name_sliders_by_effect

GRID_FILE_NAMES = {  # sample grid of the evaluation -> its file beside the model card
    "concepts": "concepts.webp",
    "recognition-good": "good.webp",
    "recognition-bad": "bad.webp",
    "sliders": "sliders.webp",
    "position-good": "scenes-good.webp",
    "position-bad": "scenes-bad.webp",
}

SLIDER_PROMPTS = 32  # prompts on which sliders are measured


def known_words(sprites: SpriteSet) -> list[str]:
    """Lower-case words of the training captions, each group by frequency.

    First those of English names and scenes, then those of English keywords, then those of other languages.
    """
    texts = list(english_texts(sprites))
    groups = [texts, labels_and_keywords(sprites, "en"), labels_and_keywords(sprites)]
    counts = words_of([*texts, *labels_and_keywords(sprites)])
    by_group = (sorted(words_of(group), key=lambda word: (-counts[word], word)) for group in groups)
    return list(dict.fromkeys(itertools.chain.from_iterable(by_group)))


def words_of(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs in the texts, in lower case."""
    return Counter(word for text in texts for word in split_words(text))


def name_sliders(source: Path, target: Path, emoji: EmojiSet, sprites: SpriteSet) -> str:
    """Write the checkpoint `source` to `target` with the code rotated and its sliders named -> the digest.

    Sliders are measured on prompts of `emoji`; the labels are those of `sprites`.
    """
    dtype = runtime.inference_dtype()
    pipeline, quick = DALLE.from_pretrained(source), DALLE.from_pretrained(source, dtype)
    prompts = common_labels(emoji, SLIDER_PROMPTS)
    recipes = [Recipe(t, seed=seed, size=pipeline.model.config.image_size) for seed, t in enumerate(prompts)]
    slider_rotation.rotate_code(pipeline.model, slider_rotation.find_rotation(quick, recipes))
    lexicon = Lexicon(tuple(dict.fromkeys(known_labels(sprites))))
    rotated = DALLE(pipeline.model, lexicon=lexicon)  # without sliders of the old code
    digest = rotated.save_pretrained(target)
    save_sliders(
        target / "sliders.json", name_sliders_by_effect(DALLE.from_pretrained(target, dtype), recipes)
    )
    return digest


def export(
    source: Path, target: Path, sprites: SpriteSet, evaluation: Path, training: str, limits: str
) -> str:
    """Write the checkpoint `source` to `target` with labels, words, card and sample grids -> the digest.

    `sprites` is the set that it was trained on: labels, words and credits are its. `evaluation` is the folder
    that `python -m dalle evaluate --checkpoint source` wrote. `training` and `limits` are Markdown for the
    card: how these weights were trained, and where they fail. The upscaler is the source's, or else the one
    that `target` had. Raises ValueError where the metrics are of other weights.
    """
    metrics = json.loads((evaluation / "evaluation.json").read_text(encoding="utf-8"))
    pipeline = DALLE.from_pretrained(source)
    measured = metrics.get("checkpoint", "?")
    if measured != pipeline.model.digest:
        raise ValueError(
            f"{evaluation} holds figures of checkpoint {measured}, not of {pipeline.model.digest}; "
            f"run `python -m dalle evaluate --checkpoint {source} --output {evaluation}` first"
        )
    files = {name: file for name, file in GRID_FILE_NAMES.items() if (evaluation / f"{name}.png").is_file()}
    titles = {name: title for grids in SAMPLE_GRIDS.values() for name, title in grids.items()}
    grids = [(file, titles[name]) for name, file in files.items()]
    exported = DALLE(
        pipeline.model,
        lexicon=replace(
            pipeline.lexicon,
            labels=tuple(dict.fromkeys(known_labels(sprites))),
            words=tuple(known_words(sprites)),
        ),
        sliders=pipeline.sliders,
        upscaler=pipeline.upscaler or Upscaler.load(target),
        card=shipped_card(pipeline.model, sprites, metrics, training, limits, grids),
    )
    digest = exported.save_pretrained(target)
    for name, file in files.items():
        with Image.open(evaluation / f"{name}.png") as grid:
            grid.save(target / file, quality=80, method=6)
    return digest
