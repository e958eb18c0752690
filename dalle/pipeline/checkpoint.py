"""The checkpoint folder: its files, loading and saving of the networks, atomic replacement, checksum."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from dalle.config import Config
from dalle.files import fsync_directory, fsync_files
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Tokenizer
from dalle.networks.upscaler import UPSCALER_FILE
from dalle.prompts.lexicon import NAMES_FILE, THESAURUS_FILE
from dalle.prompts.lexicon_files import LABELS_FILE, WORDS_FILE

CONFIG_FILE = "config.json"
MODEL_FILE = "model.safetensors"  # bf16
TOKENIZER_FILE = "tokenizer.json"
PROMPTS_FILE = "prompts.json"  # example prompts
SLIDERS_FILE = "sliders.json"
CARD_FILE = "README.md"
GRID_FILES = tuple(  # sample grids that a model card shows
    f"{name}.webp" for name in ("samples", "concepts", "good", "bad", "scenes-good", "scenes-bad", "sliders")
)

REQUIRED_FILES = (CONFIG_FILE, MODEL_FILE, TOKENIZER_FILE)
ALL_FILES = (
    *REQUIRED_FILES,
    LABELS_FILE,
    UPSCALER_FILE,
    CARD_FILE,
    WORDS_FILE,
    PROMPTS_FILE,
    SLIDERS_FILE,
    NAMES_FILE,
    THESAURUS_FILE,
    *GRID_FILES,
)


class CheckpointError(ValueError):
    """A folder that is no checkpoint of ours, or a damaged one; the message says what to do."""


def load_config(folder: Path) -> Config:
    """The sizes of a checkpoint's networks; ValueError or OSError where they cannot be read."""
    return Config.from_json((folder / CONFIG_FILE).read_text(encoding="utf-8"))


def load_model(folder: Path, dtype: torch.dtype = torch.float32) -> DALLEModel:
    """The networks of a checkpoint folder; raises CheckpointError where it is missing, foreign or damaged."""
    for name in REQUIRED_FILES:
        if not (folder / name).is_file():
            raise CheckpointError(
                f"{folder} is no checkpoint: {name} is missing. A checkpoint is a folder that "
                "save_pretrained wrote, with config.json, model.safetensors and tokenizer.json"
            )
    try:
        config = load_config(folder)
        tokenizer = Tokenizer.load(folder / TOKENIZER_FILE, config.text)
        state = safetensors.torch.load_file(folder / MODEL_FILE)
        # Not on the meta device, where random numbers import torch's compiler, for seconds.
        with torch.random.fork_rng(devices=[]):
            model = DALLEModel(config, tokenizer, weights_digest(folder / MODEL_FILE))
        model.load_state_dict({k: v.to(dtype) for k, v in state.items()}, strict=True, assign=True)
    except (ValueError, TypeError, RuntimeError, OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"{folder} cannot be read as a checkpoint of this version ({str(error)[:300]}). "
            "The files are damaged or from another program: copy or train the checkpoint again"
        ) from error
    return model.eval().requires_grad_(False)


def save_model(model: DALLEModel, folder: Path) -> str:
    """Write the required files into an existing folder; -> the digest of the weights."""
    write_weights(model.state_dict(), folder)
    (folder / CONFIG_FILE).write_text(model.config.to_json() + "\n", encoding="utf-8")
    model.tokenizer.save(folder / TOKENIZER_FILE)
    return weights_digest(folder / MODEL_FILE)


def write_weights(state: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Write the weights' file, in bf16, into an existing folder."""
    tensors = {k: v.detach().to("cpu", torch.bfloat16).contiguous() for k, v in state.items()}
    safetensors.torch.save_file(tensors, folder / MODEL_FILE, {"format": "pt"})


def weights_digest(weights: Path) -> str:
    """The first twelve hex digits of a file's SHA-256."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write a checkpoint into; at the end it replaces `folder`, if nothing fails.

    A kill between the two renames at the end leaves the old folder as .NAME-PID-old: rename it back. Raises
    CheckpointError where that would replace a folder of other things, or a file cannot be written.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(f"{folder} holds other things than a checkpoint: choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield scratch
        scratch.chmod(0o755)
        fsync_files(scratch)
        _replace_folder(scratch, folder)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"the checkpoint could not be written to {folder} ({error})") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _replace_folder(new: Path, folder: Path) -> None:
    """Rename `new` to `folder`, and delete what was there before."""
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
