"""Model cards (README.md of a checkpoint) of the shipped model, a fine-tuned one, and one from scratch."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from dalle.data.folder.image_folder import ImageFolder
from dalle.data.scenes.colours import COLOURS
from dalle.data.sprite_scenes.plan import LIGHT, LOOKS, MATERIALS, PLACES
from dalle.data.sprites import notices
from dalle.data.sprites.sprite_set import SpriteSet
from dalle.evaluation.evaluate import PARTS
from dalle.evaluation.report import metrics_table
from dalle.networks import colour
from dalle.networks.camera import FACTORS
from dalle.networks.model import DALLEModel

CREDITS_HEADING = "## Data and credits"
CREDITS_SECTION = re.compile(rf"^{CREDITS_HEADING}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def shipped_card(
    model: DALLEModel,
    sprites: SpriteSet,
    metrics: dict[str, Any],
    training: str,
    limits: str,
    grids: Iterable[tuple[str, str]] = (),
) -> str:
    """Card of the shipped checkpoint, which was trained on `sprites`.

    `metrics` of its evaluation; `training` and `limits`: paragraphs on how these weights were trained and
    where they fail, in Markdown; `grids`: (file beside the card, title).
    """
    millions = {name: count / 1e6 for name, count in model.sizes().items()}
    kinds = Counter(concept.kind for concept in sprites.concepts)
    drawings = Counter(sprites.style(at) for at in range(len(sprites.sprites)))
    return SHIPPED_CARD.format(
        size=model.config.image_size,
        digest=metrics["checkpoint"],
        total=sum(millions.values()),
        parts="\n".join(f"| {name} | {value:.1f} M |" for name, value in millions.items()),
        languages=len({language for concept in sprites.concepts for language in concept.labels}),
        concepts=len(sprites.concepts),
        emoji=kinds["emoji"],
        nouns=kinds["noun"],
        compositions=kinds["composition"],
        styles=len(drawings),
        style_names=", ".join(drawings),
        colours=", ".join(COLOURS),
        places=", ".join(PLACES),
        materials=", ".join(MATERIALS),
        looks=", ".join(LOOKS),
        camera=", ".join(factor.name for factor in FACTORS),
        colour_factors=", ".join(colour.FACTORS),
        light=", ".join(LIGHT),
        figures=metrics_table(metrics),
        evaluated=" ".join(part for part in PARTS if part in metrics),
        sheets="\n\n".join(f"{title}:\n\n![{title}]({file})" for file, title in grids),
        sprites=len(sprites.sprites),
        data=sprites.digest[:12],
        training=training.strip(),
        limits=limits.strip(),
        few=sum(len(found) <= FEW_DRAWINGS for found in sprites.by_concept),
        few_drawings=FEW_DRAWINGS,
        narrow=sum(count < NARROW_STYLE for count in drawings.values()),
        narrow_style=NARROW_STYLE,
        credits_heading=CREDITS_HEADING,
        credits=notices.credits(sprites),
    )


FEW_DRAWINGS, NARROW_STYLE = 2, 100  # drawings of a concept, and of a style, that are few

SHIPPED_CARD = """\
---
license: apache-2.0
library_name: dalle
pipeline_tag: text-to-image
tags: [text-to-image, emoji, icons, clip-art, rectified-flow, cpu]
language: [multilingual]
---
# A small DALL·E, trained from nothing on open emoji, icons and clip art

Draws {size}x{size} pictures of prompts such as "a red apple", "an owl, noto style", "a lighthouse at night",
"a wooden cat", "a green cat to the left of a red house", in English, and of single names in some {languages}
languages. It runs on two CPU cores. Weights: `{digest}`, {total:.1f} million parameters, bf16.

| network | parameters |
|---|---|
{parts}

## What prompts may say

| prompts name | which |
|---|---|
| things | {concepts:,}: {emoji:,} emoji, {nouns:,} further nouns, {compositions:,} of several things |
| drawing styles | {styles}: {style_names} |
| colours, of things and backgrounds | {colours} |
| places, by day and by night | {places} |
| materials and patterns | {materials} |
| looks of the whole picture | {looks} |
| several things | two to six of a kind; beside, on, above, below, to the left and to the right of another |

| sliders of | what they do |
|---|---|
| the camera | move the finished picture: {camera} |
| colours | change those of the finished picture: {colour_factors} |
| what the networks were told in training | {light} |
| learnt numbers | named by the effect that was measured |

## Figures

`python -m dalle evaluate --what {evaluated}` gives them again.

{figures}

{sheets}

## Training

On {sprites:,} drawings of {concepts:,} concepts in {styles} drawing styles (data `{data}`, built by
`python -m dalle dataset sprites`), composed into captioned scenes without end: one thing or several, at
places, in relations, colours, materials and looks, on grounds whose tint the networks were told.

{training}

A sentence-embedding model (all-MiniLM-L6-v2, Apache-2.0) taught the text encoder where English words outside
the data belong; nothing of it is in these weights. `upscaler.safetensors` is a small network of its own,
trained on icons at 512 pixels; the rest works without.

## Limits

{limits}

It knows what the table above names and nothing else: no photographs, no lettering, no real people. People
come in few variants, skin tones are folded into the drawings' default, and national flags were left out. Only
English prompts describe whole scenes, and only the emoji have names in other languages. A name in another
language, or misspelt, is read as the English label that the text encoder puts nearest, and then goes as well
as that; words outside the data seldom go at all.

Of {few:,} things there are at most {few_drawings} drawings in the data, and {narrow} styles have fewer than
{narrow_style} drawings: such a thing or style comes out much as it was drawn there, and a style is a guess
for things that it never drew. Of several things in a picture each is smaller, and softer. Far out on a slider
a picture can be a mixture of two drawings.

{credits_heading}

{credits}

Code and weights: Apache-2.0. Pictures that you draw are yours; where they come close to one of the drawings
above, that drawing's licence asks you to name its authors.
"""


def inherited_credits(card: str) -> str:
    """The section of a card that says whose drawings the weights were trained on; "" where it has none."""
    found = CREDITS_SECTION.search(card)
    return f"\n{found[0].strip()}\n" if found else ""


SAMPLES_FILE = "samples.webp"

MAX_CAPTIONS_LISTED = 20


def run_card(data: ImageFolder, settings: dict[str, Any], metrics: dict[str, Any], base_card: str) -> str:
    """Card of a user's run; `metrics` without "base": trained from scratch.

    `base_card` is that of the checkpoint that the run began from, whose credits go on to hold.
    """
    captions = Counter(item.caption for item in data.items)
    counted = captions.most_common(MAX_CAPTIONS_LISTED)
    listed = "\n".join("- `{}`: {}".format(text.replace("`", "'"), count) for text, count in counted)
    more = len(captions) - MAX_CAPTIONS_LISTED
    psnr = f"{metrics['psnr']:.1f} dB PSNR"
    if metrics.get("adapted"):
        psnr += f" as they came; the Generator was adapted to them, to {metrics['psnr_adapted']:.1f} dB"
    return (FINETUNED_CARD if "base" in metrics else SCRATCH_CARD).format(
        base=metrics.get("base"),
        summary=data.summary(),
        captions=listed + (f"\n- and {more} other captions" if more > 0 else ""),
        settings="\n".join(
            f"| {name} | {value} |" for name, value in settings.items() if name != "base" and value != ""
        ),
        psnr=psnr,
        sheet=SAMPLES_FILE,
        credits=inherited_credits(base_card),
    )


RUN_SECTIONS = """\

{summary}

Captions, and how many pictures have each:

{captions}

## Settings

| setting | value |
|---|---|
{settings}

## Samples

Read from this checkpoint, not picked.{rows}

![samples]({sheet})

"""

FINETUNED_CARD = (
    """\
---
library_name: dalle
pipeline_tag: text-to-image
tags: [text-to-image, rectified-flow, cpu, fine-tuned]
---
# A small DALL·E, fine-tuned on a person's own pictures

It began as checkpoint `{base}` and learnt from:
"""
    + RUN_SECTIONS.replace("{rows}", " Above: what it learnt; below: what it knew before.")
    + """\
While it learnt it was held to what that checkpoint did under captions that it knew, lest these be lost.
Reconstruction of the new pictures: {psnr}.

## Limits

It knows its new subject from few pictures: other views, poses and settings are guesses. The licence of the
checkpoint that it began from goes on to hold, and so do the rights in the pictures it learnt from.
{credits}"""
)

SCRATCH_CARD = (
    """\
---
library_name: dalle
pipeline_tag: text-to-image
tags: [text-to-image, rectified-flow, cpu]
---
# A small DALL·E, trained from nothing on a person's own pictures

It learnt all that it knows from:
"""
    + RUN_SECTIONS.replace("{rows}", "")
    + """\
Reconstruction of the pictures: {psnr}.

## Limits

It knows no more than these pictures and captions. The rights in them go on to hold.
"""
)
