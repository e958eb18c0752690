"""Model cards (README.md of a checkpoint) of the shipped model, a fine-tuned one, and one from scratch."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.folder.image_folder import ImageFolder
from dalle.evaluation.evaluate import PARTS
from dalle.evaluation.report import metrics_table
from dalle.networks.model import DALLEModel


def shipped_card(
    model: DALLEModel, emoji: EmojiSet, metrics: dict[str, Any], grids: Iterable[tuple[str, str]] = ()
) -> str:
    """Card of the shipped checkpoint; `metrics` of its evaluation, `grids`: (file beside the card, title)."""
    millions = {name: count / 1e6 for name, count in model.sizes().items()}
    parts = "\n".join(f"| {name} | {value:.1f} M |" for name, value in millions.items())
    sources = "\n".join(
        f"| {source.title} | {source.author} | [{source.licence}]({source.licence_url}) | {source.used} |"
        for source in emoji.licences
    )
    return SHIPPED_CARD.format(
        digest=metrics["checkpoint"],
        total=sum(millions.values()),
        parts=parts,
        figures=metrics_table(metrics),
        evaluated=" ".join(part for part in PARTS if part in metrics),
        sources=sources,
        icons=len(emoji.icons),
        concepts=len(emoji.concepts),
        styles=len({icon.style for icon in emoji.icons}),
        data=emoji.digest[:12],
        sheets="\n\n".join(f"{title}:\n\n![{title}]({file})" for file, title in grids),
    )


SHIPPED_CARD = """\
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
losses are in `dalle/research/RESEARCH.md`. A sentence-embedding model (all-MiniLM-L6-v2, Apache-2.0) taught
the text encoder where English words outside the data belong; nothing of it is in these weights.
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

SAMPLES_FILE = "samples.webp"

MAX_CAPTIONS_LISTED = 20


def run_card(data: ImageFolder, settings: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Card of a user's run; `metrics` without "base": trained from scratch."""
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
"""
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
