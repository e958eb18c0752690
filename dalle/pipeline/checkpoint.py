"""The checkpoint folder: its files, atomic writing, checksum, verification."""

import hashlib
import os
import shutil
from pathlib import Path

from dalle.files import fsync_directory
from dalle.networks import upscaler

FILES = ("config.json", "model.safetensors", "tokenizer.json")  # of every checkpoint

LABELS = "labels.json"  # what its glossary knows, where it has one


class CheckpointError(ValueError):
    """A folder that is no checkpoint of ours, or a damaged one; the message says what to do."""


def weights_digest(weights: Path) -> str:
    """Twelve hex digits that name these weights."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def replace_folder(new: Path, folder: Path) -> None:
    """Put `new` in the place of `folder`."""
    old = folder.with_name(f".{folder.name}-{os.getpid()}-old")
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    fsync_directory(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


SHOWN = "samples concepts good bad scenes-good scenes-bad".split()  # by a card

GRID_FILES = tuple(f"{name}.webp" for name in SHOWN)

ALL_FILES = (
    *FILES,
    LABELS,
    upscaler.FILE,
    "README.md",
    "words.json",
    "prompts.json",
    "sliders.json",
    *GRID_FILES,
)
