"""HTML of training runs: their list, the status of one, its pictures and its loss curve."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from dalle import images
from dalle.data.folder.archive import SourceError
from dalle.data.folder.image_folder import ImageFolder
from dalle.finetuning.finetune_tasks import SAMPLES_PER_ROW
from dalle.finetuning.run_status import ACTIVE_STATES, Status
from dalle.finetuning.runs import Run
from dalle.ui.shared import tiles
from dalle.ui.shared.events import error_html
from dalle.ui.shared.progress import progress_bar
from dalle.ui.shared.texts import Translator, format_duration
from dalle.ui.teach.loss_curve import loss_curve_html

TRAINING_IMAGE_SIZE = 128  # pixels a side


def run_list_html(translate: Translator, runs: Sequence[tuple[str, str]], selected: int) -> str:
    """Buttons for runs, each given as (name, state); `selected` is the index of the one that is shown."""
    cells = "".join(
        f'<li><button type="button" data-index="{index}" aria-pressed="{str(index == selected).lower()}">'
        f'<i class="{state}"></i><b>{escape(name)}</b> '
        f"<span>{translate(f'state_{state}')}</span></button></li>"
        for index, (name, state) in enumerate(runs)
    )
    return f'<ul class="runs">{cells}</ul>' if cells else ""


def status_html(translate: Translator, name: str, status: Status, position: int, is_stopping: bool) -> str:
    """Name and state of a run, with a progress bar until it ends; `position` is its place in the queue."""
    parts = [translate("run_stopping" if is_stopping else f"state_{status.state}")]
    if status.state == "waiting":
        parts = [translate("run_place", place=position)]
    if status.steps:
        parts.append(translate("progress", step=status.step, steps=status.steps))
    if status.seconds_left is not None:
        parts.append(translate("run_left", time=format_duration(translate, status.seconds_left)))
    text = " · ".join(parts)
    if status.state in ("waiting", *ACTIVE_STATES):
        is_training = status.steps and status.state != "waiting"
        line = progress_bar(text, status.step / status.steps if is_training else None)
    else:
        line = f'<p role="status">{text}</p>'
    error = error_html(status.error) if status.state == "failed" else ""
    return f"<h3>{escape(name)}</h3> {line}{error}"


def pictures_html(
    translate: Translator, run: Run, sample_grids: Sequence[Path], has_reconstructions: bool
) -> str:
    """The newest samples, the training images, their reconstructions, and the earlier samples."""
    figures = []
    if training_images := _training_images(run.folder / "data"):
        figures.append(_figure(tiles.preview_url(training_images), translate("run_learnt")))
    if has_reconstructions:
        figures.append(_figure(_file_url(run.folder / "reconstructions.png"), translate("run_held")))
    samples = sample_grids[-1] if sample_grids else run.checkpoint and run.checkpoint / "samples.webp"
    if samples and samples.is_file():
        figures.insert(0, _figure(_file_url(samples), translate("run_samples")))
    if len(sample_grids) > 1:
        earlier = "".join(
            f'<img src="{_file_url(path)}" alt="{int(path.stem)}">' for path in sample_grids[-2::-1]
        )
        figures.append(
            f'<details class="before"><summary>{translate("run_before")}</summary>{earlier}</details>'
        )
    return "".join(figures)


def run_loss_curve_html(translate: Translator, run: Run) -> str:
    return loss_curve_html([metrics["loss"] for metrics in run.metrics()], translate("run_loss"))


def empty_state_html(translate: Translator) -> str:
    steps = "".join(f"<li>{translate(f'teach_step_{number}')}</li>" for number in (1, 2, 3))
    return f'<div class="empty"><h3>{translate("runs_empty")}</h3><ol class="steps">{steps}</ol></div>'


def _training_images(folder: Path) -> Image.Image | None:
    """The first images that a run trains on, in a row; None if it has none."""
    try:
        items = ImageFolder.open(folder).items[:SAMPLES_PER_ROW]
        squares = [images.to_square(images.read(folder / item.name), TRAINING_IMAGE_SIZE) for item in items]
    except (SourceError, OSError):
        return None
    return images.grid(squares, SAMPLES_PER_ROW) if squares else None


def _file_url(path: Path) -> str:
    return tiles.preview_url(images.read(path))


def _figure(url: str, caption: str) -> str:
    figcaption = f"<figcaption>{caption}</figcaption>"
    return f'<figure class="exhibit">{figcaption}<img src="{url}" alt="{caption}"></figure>'
