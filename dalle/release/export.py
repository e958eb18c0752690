"""The shipped checkpoint: networks, known words, named sliders, and a model card."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from dalle import runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import corpus
from dalle.evaluation.eval_prompts import common_labels
from dalle.evaluation.quality import PARTS, SHEETS
from dalle.evaluation.report import table
from dalle.networks.upscaler import FILE
from dalle.pipeline import sliders as directions
from dalle.pipeline.dalle import DALLE
from dalle.prompts.vocabulary import split
from dalle.recipe import Recipe
from dalle.release import slider_rotation
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
    slider_rotation.turn(model, slider_rotation.find(quick, recipes))
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
    digest = model.save_pretrained(target, card(model, emoji, figures, sheets))
    if upscaler:
        (target / FILE).write_bytes(upscaler)
    directions.save(target / "sliders.json", sliders)
    (target / "words.json").write_text(json.dumps(known_words(emoji), ensure_ascii=False), encoding="utf-8")
    for name, file in shown.items():
        with Image.open(evaluation / f"{name}.png") as sheet:
            sheet.save(target / file, quality=80, method=6)
    return digest


def card(
    model: DALLE, emoji: EmojiSet, figures: dict[str, Any], sheets: Iterable[tuple[str, str]] = ()
) -> str:
    """The model card: README.md of the folder; `sheets` are files beside it, and their titles."""
    millions = {name: count / 1e6 for name, count in model.sizes().items()}
    parts = "\n".join(f"| {name} | {value:.1f} M |" for name, value in millions.items())
    sources = "\n".join(
        f"| {source.title} | {source.author} | [{source.licence}]({source.licence_url}) | {source.used} |"
        for source in emoji.licences
    )
    return CARD.format(
        digest=figures["checkpoint"],
        total=sum(millions.values()),
        parts=parts,
        figures=table(figures),
        evaluated=" ".join(part for part in PARTS if part in figures),
        sources=sources,
        icons=len(emoji.icons),
        concepts=len(emoji.concepts),
        styles=len({icon.style for icon in emoji.icons}),
        data=emoji.digest[:12],
        sheets="\n\n".join(f"{title}:\n\n![{title}]({file})" for file, title in sheets),
    )


CARD = """\
---
license: apache-2.0
library_name: dalle
pipeline_tag: text-to-image
tags: [text-to-image, emoji, rectified-flow, cpu]
language: [multilingual]
---
# emoji: a small DALL·E trained from nothing on open emoji art

Draws 128x128 pictures of prompts such as "a red apple", "an owl, noto style", "a green cat to the left of a
red house", in English, and of single names in some 28 languages. It runs on two CPU cores. Weights:
`{digest}`, {total:.1f} million parameters, bf16.

| network | parameters |
|---|---|
{parts}

## Figures

`python -m dalle evaluate --what {evaluated}` gives them again.

{figures}

{sheets}

## Training

From random weights, on {icons} icons of {concepts} concepts in {styles} drawing styles (data `{data}`,
built by `python -m dalle dataset emoji`), composed into captioned scenes without end. Phases, hours and
losses are in `dalle/RESEARCH.md`. A sentence-embedding model (all-MiniLM-L6-v2, Apache-2.0) taught the text
encoder where English words outside the data belong; nothing of it is in these weights.
All phases together took about fourteen hours on two CPU cores, some 0.4 kWh at an assumed 15 W a core, and in
the end twenty minutes on one NVIDIA H200, at most 0.3 kWh: three quarters of all samples were seen there.
`upscaler.safetensors` is a small network of its own, trained on icons at 512 pixels; the rest works without.

## Limits

Of things drawn alone the referee names eleven in twelve at once, nearly as many as of the real icons; of
people and symbols eight in nine. A thing in a colour that it was never shown in comes out nineteen times in
twenty, and so do things to the left of or above each other. Of scenes where two things have each a colour of
its own, and of counts, a third and a quarter fail, mostly by one thing of several that is not quite itself;
the judge itself fails one true scene in nine of these. Things stand on a grid: whole, or on halves of the
picture; five of a kind are smaller, and the softest. Pictures of one prompt differ less than its icons do.
Far out on a slider a picture can be a mixture of two drawings. A name
in another language, or misspelt, is read as the English label that the text encoder puts nearest, and
then goes as well as that; words outside the data seldom go at all. Codes are drawn with half the spread
of a standard normal: variety beyond that is the sliders'.

It knows the subjects, styles, colours and backgrounds of its icons and nothing else: no photographs, no
lettering, no real people. People come in few variants, skin tones are folded into the icons' default, and
national flags were left out. Only English prompts describe whole scenes.

## Data and credits

| set | by | licence | icons used |
|---|---|---|---|
{sources}

Code and weights: Apache-2.0. Pictures that you draw are yours; where they come close to one of the icons
above, that icon's licence asks you to name its authors.
"""
