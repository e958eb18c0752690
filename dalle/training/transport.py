"""What travels to a machine with an accelerator, and what comes back; all in small files.

here:   sprites, checkpoint  --pack-->  a folder of a few MiB
there:  the folder  --unpack, timed_run.run, export-->  pieces of the weights and logs
here:   pieces  --join-->  checkpoint
"""

import shutil
import tempfile
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

from dalle.data.sprites.sprite_set import SpriteSet
from dalle.pipeline import checkpoint
from dalle.pipeline.checkpoint import CONFIG_FILE, TOKENIZER_FILE
from dalle.pipeline.dalle import DALLE
from dalle.prompts.lexicon_files import LEXICON_FILES
from dalle.training.pieces import join_file, split_file
from dalle.training.sprite_pack import pack_sprites, unpack_sprites
from dalle.training.timed_run import PHASES, weights_so_far
from dalle.training.told_numbers import with_told_numbers
from dalle.training.weight_pack import load_weights, save_weights

SPRITES_FILE = "sprites.safetensors"
START_FILES = (CONFIG_FILE, TOKENIZER_FILE, *LEXICON_FILES)
WEIGHTS_FILE = "weights.safetensors"  # of `weight_pack`
ARCHIVE = "run.zip"


def pack_start(source: Path, folder: Path) -> None:
    """Write a checkpoint's networks in 8 bits, its tokenizer and its words into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in START_FILES:
        if (source / name).is_file():
            shutil.copy(source / name, folder / name)
    save_weights(checkpoint.load_model(source).state_dict(), folder / WEIGHTS_FILE)


def unpack_start(folder: Path, target: Path) -> None:
    """Write the checkpoint that `pack_start` packed to `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for name in START_FILES:
        if (folder / name).is_file():
            shutil.copy(folder / name, target / name)
    checkpoint.write_weights(load_weights(folder / WEIGHTS_FILE), target)


def pack(sprites: Path, source: Path, folder: Path) -> None:
    """Write what a run on another machine needs into `folder`: sprites, and the checkpoint to start from."""
    pack_start(source, folder / "start")
    pack_sprites(SpriteSet.load(sprites), sprites, folder / SPRITES_FILE)


def unpack(folder: Path, target: Path) -> None:
    """The inverse of `pack`; what is not in `folder`, or is in `target` already, is left out."""
    if (folder / SPRITES_FILE).is_file() and not (target / "sprites").is_dir():
        unpack_sprites(folder / SPRITES_FILE, target / "sprites")
    if (folder / "start").is_dir() and not (target / "start").is_dir():
        unpack_start(folder / "start", target / "start")


def export(
    run: Path, start: Path, target: Path, networks: Collection[str] = (), eight_bit: Collection[str] = ()
) -> list[Path]:
    """Write the weights of a run so far, and its logs, as pieces into `target` -> the pieces.

    networks: attributes of DALLEModel to write, all by default; eight_bit: those of them in 8 bits.
    """
    state = weights_so_far(run, start).state_dict()
    wanted = {n: t for n, t in state.items() if not networks or n.partition(".")[0] in networks}
    small = {n: t for n, t in wanted.items() if n.partition(".")[0] in eight_bit}
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / ARCHIVE
        with zipfile.ZipFile(archive, "w") as file:
            for name, part, is_small in (
                ("small.safetensors", small, True),
                ("exact.safetensors", {n: t for n, t in wanted.items() if n not in small}, False),
            ):
                if part:
                    save_weights(part, Path(scratch) / name, eight_bit=is_small)
                    file.write(Path(scratch) / name, name)
            for phase in PHASES:
                log = run / phase / "metrics.jsonl"
                if log.is_file():
                    file.write(log, f"{phase}.jsonl", zipfile.ZIP_DEFLATED)
        return split_file(archive, target)


def join(folders: Sequence[Path], start: Path, target: Path) -> str:
    """A checkpoint from the pieces in `folders`; later ones replace networks of earlier ones -> the digest.

    start: the checkpoint from which the run started, with the tokenizer and the words. The logs are written
    beside the checkpoint's files.
    """
    pipeline = DALLE.from_pretrained(start)
    model = with_told_numbers(pipeline.model)
    with tempfile.TemporaryDirectory() as scratch:
        for folder in folders:
            archive = Path(scratch) / ARCHIVE
            join_file(folder, ARCHIVE, archive)
            with zipfile.ZipFile(archive) as file:
                file.extractall(scratch)
            for name in ("small.safetensors", "exact.safetensors"):
                part = Path(scratch) / name
                if part.is_file():
                    model.load_state_dict(load_weights(part), strict=False)
                    part.unlink()
        digest = DALLE(model, lexicon=pipeline.lexicon).save_pretrained(target)
        for log in Path(scratch).glob("*.jsonl"):
            shutil.copy(log, target / log.name)
    return digest
