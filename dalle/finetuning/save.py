"""What a fine-tuning run leaves: a checkpoint with words and model card, read again before it counts."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from dalle.data.folder.image_folder import Folder
from dalle.files import fsync_directory, fsync_files, read_texts
from dalle.networks.upscaler import FILE
from dalle.pipeline.dalle import DALLE
from dalle.prompts.vocabulary import SHORTEST, split
from dalle.release.model_cards import SHEET, run_card


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
    digest = model.save_pretrained(scratch, run_card(data, settings, figures))
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
    fsync_files(scratch)
    shutil.rmtree(folder, ignore_errors=True)  # the same, where the run was killed when it was done
    os.replace(scratch, folder)
    fsync_directory(folder.parent)  # before anything older goes
    for other in folder.parent.glob("checkpoint-*"):
        if other != folder:
            shutil.rmtree(other)
