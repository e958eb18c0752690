"""Saves the checkpoint of a run, which replaces older ones after it was read again and drew samples."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from dalle.data.folder.image_folder import ImageFolder
from dalle.files import fsync_directory, fsync_files
from dalle.pipeline.dalle import DALLE
from dalle.release.model_cards import SAMPLES_FILE, run_card


def save(
    pipeline: DALLE,
    folder: Path,
    data: ImageFolder,
    draw_grid: Callable[[DALLE], Image.Image],
    settings: dict[str, Any],
    metrics: dict[str, Any],
) -> None:
    """Write a checkpoint to `folder`, which appears after `draw_grid` drew samples with the saved pipeline.

    `settings` and `metrics` are those of the model card, which keeps the credits of the pipeline's. Older
    checkpoints of the run are deleted.
    """
    scratch = folder.with_name(".checkpoint")
    for unfinished in folder.parent.glob(".*checkpoint*"):  # of a run that was killed while it saved
        shutil.rmtree(unfinished)
    digest = pipeline.save_pretrained(scratch, run_card(data, settings, metrics, pipeline.card))
    saved = DALLE.from_pretrained(scratch)
    if saved.model.digest != digest:
        raise OSError(f"{scratch} came back from the disk changed; is the disk sound?")
    draw_grid(saved).save(scratch / SAMPLES_FILE, quality=80, method=6)
    fsync_files(scratch)
    shutil.rmtree(folder, ignore_errors=True)  # of the same step, if the run was killed after it saved
    os.replace(scratch, folder)
    fsync_directory(folder.parent)  # before anything older is deleted
    for other in folder.parent.glob("checkpoint-*"):
        if other != folder:
            shutil.rmtree(other)
