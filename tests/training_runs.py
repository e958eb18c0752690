"""What tests of training share: a subject that no model has seen, run folders that are ready to train."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from dalle.data.folder.importer import import_images
from dalle.finetuning import plan, runs
from dalle.finetuning.runner import ProgressCallback
from dalle.finetuning.runs import Run
from dalle.networks.upscaler import UPSCALER_FILE, Upscaler
from dalle.pipeline import sliders
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import Slider
from dalle.prompts.lexicon import Lexicon, Near
from dalle.prompts.lexicon_files import LEXICON_FILES, save_lexicon
from tests.tiny import tiny_checkpoint

CAPTION = "a blorple"
PATIENCE = 300  # seconds that a process may take to begin on a busy machine
OPTIONAL_FILES = (*LEXICON_FILES, "prompts.json", "sliders.json", UPSCALER_FILE)  # of a checkpoint
LEXICON = Lexicon(
    labels=("a red apple", "a dog"),
    words=("apple", "dog", "red", "blorple stew"),
    names={"de": {"hund": "a dog"}},
    thesaurus={"pug": Near(("a dog",), "hand"), "blorple": Near((), "hand")},
)


def save_blorple_images(folder: Path, count: int = 5) -> Path:
    """Transparent images 0.png, 1.png, ... of an invented subject; -> the folder."""
    folder.mkdir(parents=True)
    for number in range(count):
        image = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
        pen = ImageDraw.Draw(image)
        pen.ellipse((4, 8, 42, 44), fill=(200, 30 + 20 * number, 60))
        pen.rectangle((14, 14, 24, 24 + number), fill=(20, 20, 200))
        image.save(folder / f"{number}.png")
    return folder


def complete_checkpoint(folder: Path) -> Path:
    """A tiny checkpoint with all OPTIONAL_FILES; -> the folder."""
    tiny_checkpoint(folder, card="# A card\n\n## Data and credits\n\nDrawings by somebody.\n")
    save_lexicon(folder, LEXICON)
    (folder / "prompts.json").write_text('["a red apple"]')
    text = {"en": "size", "zh": "大小"}
    sliders.save_sliders(folder / "sliders.json", (Slider(3, text, text, text),))
    Upscaler(16, 1).save(folder)
    return folder


def create_run(run: Path, base: Path, images: Path, caption: str = CAPTION, **overrides: object) -> Path:
    """The folder of a run that fine-tunes `base` on a folder of images, all with one caption."""
    data = import_images(images, run / "data")
    data.with_captions((name, caption) for name, _ in data.rows)
    small = {"steps": 6, "generator_steps": 3, "replay_samples": 20, "precision": "fp32"}
    plan.make_plan(base, **(small | overrides)).save(run)
    return run


def load_checkpoint(run: Path) -> DALLE:
    """The only checkpoint of a run."""
    (folder,) = run.glob("checkpoint-*")
    return DALLE.from_pretrained(folder)


def never_stop(state: str, step: int, steps: int, loss: float | None) -> bool:
    """A ProgressCallback."""
    return False


def stop_at(last_step: int) -> ProgressCallback:
    """A ProgressCallback that stops a run once it has trained so many steps."""
    return lambda state, step, steps, loss: state == "training" and step >= last_step


def recorder(calls: list[tuple[str, int, int, float | None]]) -> Callable[..., bool]:
    """A ProgressCallback that never stops, and appends its arguments to `calls`."""
    return lambda *call: bool(calls.append(call))


def run_with_state(home: Path, name: str = "one", state: str = "training") -> Run:
    """A run with nothing but a status."""
    run = runs.create(home, name)
    (run.folder / "status.json").write_text(json.dumps({"state": state, "step": 3, "steps": 9}))
    return run


def write_lock_file(home: Path, run: str, pid: int, start_time: str) -> None:
    """The lock.json of a run that is training."""
    (home / "lock.json").write_text(json.dumps({"run": run, "pid": pid, "born": start_time}))


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)
