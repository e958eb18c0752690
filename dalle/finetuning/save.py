"""What a fine-tuning run leaves: a checkpoint with words and model card, read again before it counts."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from dalle.data.folder.image_folder import Folder
from dalle.files import read_texts, settle, settle_names
from dalle.networks.upscaler import FILE
from dalle.pipeline.dalle import DALLE
from dalle.prompts.vocabulary import SHORTEST, split

SHEET = "samples.webp"
LISTED = 20  # captions in a model card


def save(
    model: DALLE,
    folder: Path,
    base: Path | None,
    data: Folder,
    draw: Callable[[DALLE], Image.Image],
    settings: dict[str, Any],
    figures: dict[str, Any],
) -> None:
    """Write a checkpoint to `folder`, which appears when it was read again and drew a sheet.

    What `base` has of words, prompts, sliders and upscaler it has too; None: it began from nothing. Older
    checkpoints of the run are then deleted.
    """
    scratch = folder.with_name(".checkpoint")
    for left in folder.parent.glob(".*checkpoint*"):  # by a run that was killed while it saved
        shutil.rmtree(left)
    digest = model.save_pretrained(scratch, card(data, settings, figures))
    new = list(dict.fromkeys(item.caption for item in data.items))
    words = dict.fromkeys(word for text in new for word in split(text) if len(word) >= SHORTEST)
    for name, first in (("words.json", words), ("prompts.json", new)):
        known = read_texts(base / name) if base else []
        if known or base is None:
            both = list(dict.fromkeys([*first, *known]))
            (scratch / name).write_text(json.dumps(both, ensure_ascii=False), encoding="utf-8")
    for name in ("sliders.json", FILE) if base else ():
        if (base / name).is_file():
            shutil.copyfile(base / name, scratch / name)
    again = DALLE.from_pretrained(scratch)
    if again.digest != digest:
        raise OSError(f"{scratch} came back from the disk changed; is the disk sound?")
    draw(again).save(scratch / SHEET, quality=80, method=6)
    settle(scratch)
    shutil.rmtree(folder, ignore_errors=True)  # the same, where the run was killed when it was done
    os.replace(scratch, folder)
    settle_names(folder.parent)  # before anything older goes
    for other in folder.parent.glob("checkpoint-*"):
        if other != folder:
            shutil.rmtree(other)


def card(data: Folder, settings: dict[str, Any], figures: dict[str, Any]) -> str:
    """The model card: README.md of the checkpoint's folder. Without a "base" it began from nothing."""
    captions = Counter(item.caption for item in data.items)
    counted = captions.most_common(LISTED)
    told = "\n".join("- `{}`: {}".format(text.replace("`", "'"), count) for text, count in counted)
    more = len(captions) - LISTED
    psnr = f"{figures['psnr']:.1f} dB PSNR"
    if figures.get("adapted"):
        psnr += f" as they came; the Generator was adapted to them, to {figures['psnr_adapted']:.1f} dB"
    return (CARD if "base" in figures else CARD_FROM_NOTHING).format(
        base=figures.get("base"),
        summary=data.summary(),
        captions=told + (f"\n- and {more} other captions" if more > 0 else ""),
        settings="\n".join(
            f"| {name} | {value} |" for name, value in settings.items() if name != "base" and value != ""
        ),
        psnr=psnr,
        sheet=SHEET,
    )


LEARNT = """\

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
CARD = (
    """\
---
library_name: dalle
pipeline_tag: text-to-image
tags: [text-to-image, rectified-flow, cpu, fine-tuned]
---
# A small DALL·E, fine-tuned on a person's own pictures

It began as checkpoint `{base}` and learnt from:
"""
    + LEARNT.replace("{rows}", " Above: what it learnt; below: what it knew before.")
    + """\
While it learnt it was held to what that checkpoint did under captions that it knew, lest these be lost.
Reconstruction of the new pictures: {psnr}.

## Limits

It knows its new subject from few pictures: other views, poses and settings are guesses. The licence of the
checkpoint that it began from goes on to hold, and so do the rights in the pictures it learnt from.
"""
)
CARD_FROM_NOTHING = (
    """\
---
library_name: dalle
pipeline_tag: text-to-image
tags: [text-to-image, rectified-flow, cpu]
---
# A small DALL·E, trained from nothing on a person's own pictures

It learnt all that it knows from:
"""
    + LEARNT.replace("{rows}", "")
    + """\
Reconstruction of the pictures: {psnr}.

## Limits

It knows no more than these pictures and captions. The rights in them go on to hold.
"""
)
