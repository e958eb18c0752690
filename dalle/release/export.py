"""The shipped checkpoint: networks, known words, named sliders, and a model card."""

import json
from collections import Counter
from pathlib import Path

from PIL import Image

from dalle import runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import corpus
from dalle.evaluation.eval_prompts import common_labels
from dalle.evaluation.evaluate import SHEETS
from dalle.networks.upscaler import FILE
from dalle.pipeline import sliders as directions
from dalle.pipeline.dalle import DALLE
from dalle.prompts.vocabulary import split
from dalle.recipe import Recipe
from dalle.release import slider_rotation
from dalle.release.model_cards import shipped_card
from dalle.release.slider_naming import measure

SHOWN = {  # sheets of an evaluation, good and bad, and their files beside the card
    "concepts": "concepts.webp",
    "recognition-good": "good.webp",
    "recognition-bad": "bad.webp",
    "position-good": "scenes-good.webp",
    "position-bad": "scenes-bad.webp",
}

SLIDER_PROMPTS = 32


def known_words(emoji: EmojiSet) -> list[str]:
    """Words of training captions, lower-case; the English ones first, and those used most."""
    counts = Counter(word for text in corpus(emoji) for word in split(text))
    names = (text for c in emoji.concepts for text in (c.labels.get("en", ""), *c.keywords.get("en", ())))
    english = {word for name in names for word in split(name)}
    return sorted(counts, key=lambda word: (word not in english, -counts[word], word))


def name_sliders(source: Path, target: Path, emoji: EmojiSet) -> str:
    """Write the checkpoint `source` to `target` with its code's axes turned and named; -> the digest."""
    dtype = runtime.inference_dtype()
    model, quick = DALLE.from_pretrained(source), DALLE.from_pretrained(source, dtype)
    prompts = common_labels(emoji, SLIDER_PROMPTS)
    recipes = [Recipe(t, seed=seed, size=model.config.image_size) for seed, t in enumerate(prompts)]
    slider_rotation.rotate_code(model, slider_rotation.find_rotation(quick, recipes))
    digest = model.save_pretrained(target)
    directions.save(target / "sliders.json", measure(DALLE.from_pretrained(target, dtype), recipes))
    return digest


def export(source: Path, target: Path, emoji: EmojiSet, evaluation: Path) -> str:
    """Write the checkpoint `source` to `target` with its words and its card; -> the digest.

    `evaluation` is the folder that `python -m dalle evaluate --checkpoint source` wrote. An upscaler beside
    the source, or else the one that `target` had, goes with it.
    """
    figures = json.loads((evaluation / "evaluation.json").read_text(encoding="utf-8"))
    model = DALLE.from_pretrained(source)
    measured = figures.get("checkpoint", "?")
    if measured != model.digest:
        raise ValueError(
            f"{evaluation} holds figures of checkpoint {measured}, not of {model.digest}; "
            f"run `python -m dalle evaluate --checkpoint {source} --output {evaluation}` first"
        )
    sliders = directions.load(source / "sliders.json", model.config.flow.code)
    upscaler = next((p.read_bytes() for f in (source, target) if (p := f / FILE).is_file()), None)
    shown = {name: file for name, file in SHOWN.items() if (evaluation / f"{name}.png").is_file()}
    titles = {name: title for sheets in SHEETS.values() for name, title in sheets.items()}
    sheets = [(file, titles[name]) for name, file in shown.items()]
    digest = model.save_pretrained(target, shipped_card(model, emoji, figures, sheets))
    if upscaler:
        (target / FILE).write_bytes(upscaler)
    directions.save(target / "sliders.json", sliders)
    (target / "words.json").write_text(json.dumps(known_words(emoji), ensure_ascii=False), encoding="utf-8")
    for name, file in shown.items():
        with Image.open(evaluation / f"{name}.png") as sheet:
            sheet.save(target / file, quality=80, method=6)
    return digest
