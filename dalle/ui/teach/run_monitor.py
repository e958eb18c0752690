"""Runs, watched: which there are, how one stands, what it draws by now, and what can be done with it.

All is read from the runs' files, so that a page that is reloaded shows the same. What has not changed since
the last look is not sent again.
"""

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from dalle import images
from dalle.data.folder.archive import SourceError
from dalle.data.folder.image_folder import ImageFolder
from dalle.finetuning.finetune_tasks import SAMPLES_PER_ROW
from dalle.finetuning.run_status import ACTIVE_STATES, Status
from dalle.finetuning.runs import Run
from dalle.pipeline import checkpoint_archive
from dalle.serving.studio import Studio
from dalle.serving.training_service import TrainingService
from dalle.ui.shared import tiles
from dalle.ui.shared.checkpoint_picker import require_checkpoint
from dalle.ui.shared.events import (
    EXPECTED_ERRORS,
    QUEUED,
    UNQUEUED,
    Updates,
    confirm_js,
    error_html,
    error_text,
    show_errors,
)
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import progress_bar
from dalle.ui.shared.texts import Translator, format_duration
from dalle.ui.teach.loss_curve import curve

EVERY = 2  # seconds between two looks
SIDE = 128  # pixels of a picture that is being learnt
BUTTONS = ("use", "stop", "resume", "download", "delete")


class Part(NamedTuple):
    """Something on the page: made anew when its key is another."""

    component: Any
    key: object
    value: Callable[[], Any]


class RunMonitor:
    """`chosen` is the State with the name of the run that is shown; `seen` has the keys of what is shown."""

    def __init__(self, studio: Studio, workshop: TrainingService, localized: Localizer):
        self._studio, self._workshop = studio, workshop
        self.chosen, self.seen = gr.State(""), gr.State({})
        with localized.heading("runs"):
            self.bring = localized.upload_button("run_import", "bring", file_count="multiple", scale=0)
        self.news = gr.HTML(apply_default_css=False, elem_classes="status")
        self.listed = gr.HTML(js_on_load=tiles.SELECT_JS, apply_default_css=False, elem_id="runs")
        self.empty = localized(gr.HTML, {"value": _empty}, apply_default_css=False)
        # Outside of what is shown and hidden, which would show it too.
        self.file = gr.DownloadButton(visible="hidden", elem_id="run-file")
        with gr.Column(visible=False, elem_id="run") as self.body:
            self.status = gr.HTML(apply_default_css=False, elem_id="run-status", elem_classes="status")
            self.buttons = self._buttons(localized)
            self.sheets = gr.HTML(apply_default_css=False, elem_id="run-sheets")
            self.curve = gr.HTML(apply_default_css=False)
        self.ready = gr.Textbox(label="", visible="hidden")  # names of the runs that have a checkpoint
        self.timer = gr.Timer(EVERY)
        shown = {self.listed, self.empty, self.body, self.status, self.sheets, self.curve, self.ready}
        self.outputs = shown | {self.chosen, self.seen, *self.buttons.values()}

    def _buttons(self, localized: Localizer) -> dict[str, gr.Button]:
        with gr.Row(elem_classes="buttons", elem_id="run-buttons"):
            return {
                name: localized(
                    gr.Button,
                    {"value": f"run_{name}"},
                    size="sm",
                    min_width=0,
                    visible=False,
                    variant="primary" if name == "use" else "secondary",
                    elem_id=f"run-{name}",
                )
                for name in BUTTONS
            }

    def wire(self, language: gr.Radio, visitor: gr.BrowserState) -> None:
        who = [language, visitor]
        look = [*who, self.chosen, self.seen]
        self.timer.tick(self.refresh, look, self.outputs, **UNQUEUED)
        language.change(self.refresh, look, self.outputs, **UNQUEUED)
        self.listed.select(self.choose, [*who, self.seen], self.outputs, **UNQUEUED)
        for name, act in (("stop", self.stop), ("resume", self.resume)):
            self.buttons[name].click(act, look, self.outputs, **QUEUED)
        self.buttons["delete"].click(self.delete, look, self.outputs, js=confirm_js("run_sure"), **QUEUED)
        packed = self.buttons["download"].click(self.pack, [*who, self.chosen], self.file, **QUEUED)
        packed.success(None, js="() => document.querySelector('#run-file').click()")
        begun = self.bring.upload(_importing, language, self.news, **UNQUEUED)
        begun.then(self.take_in, [*who, self.bring], self.outputs | {self.news}, **QUEUED)

    # --- what the events do

    def refresh(self, language: str, visitor: str, chosen: str, seen: dict[str, str]) -> Updates:
        """Whatever has changed since the last look."""
        view, keys = {}, {}
        try:
            for part in self._parts(Translator(language), visitor, chosen):
                name, key = str(part.component._id), repr((language, part.key))
                keys[name] = key
                if seen.get(name) != key:
                    view[part.component] = part.value()
        except OSError:  # a run was deleted meanwhile; the next look is soon
            return gr.skip()
        return view | {self.seen: keys} if view else gr.skip()

    def choose(self, event: gr.EventData, language: str, visitor: str, seen: dict[str, str]) -> Updates:
        found = self._workshop.runs(visitor)
        name = found[event.index].name if event.index < len(found) else ""
        return self.refresh(language, visitor, name, seen)

    def stop(self, language: str, visitor: str, chosen: str, seen: dict[str, str]) -> Updates:
        with show_errors(Translator(language), "run_failed"):
            self._workshop.run(visitor, chosen).stop()
        return self.refresh(language, visitor, chosen, seen)

    def resume(self, language: str, visitor: str, chosen: str, seen: dict[str, str]) -> Updates:
        with show_errors(Translator(language), "run_failed"):
            self._workshop.resume(visitor, chosen)
        return self.refresh(language, visitor, chosen, seen)

    def delete(self, language: str, visitor: str, chosen: str, seen: dict[str, str]) -> Updates:
        """Without a language the visitor was not sure."""
        if not language:
            return gr.skip()
        translate = Translator(language)
        with show_errors(translate, "run_failed"):
            if self._in_use(self._workshop.run(visitor, chosen)):
                raise ValueError(translate("run_in_use"))
            self._workshop.delete(visitor, chosen)
        return self.refresh(language, visitor, "", seen)

    def pack(self, language: str, visitor: str, chosen: str) -> str:
        with show_errors(Translator(language), "run_failed"):
            run = self._workshop.run(visitor, chosen)
            content = checkpoint_archive.export_zip(require_checkpoint(run), run.name)
        return save_bytes_to_cache(content, f"{run.name}.zip", self.file.GRADIO_CACHE)

    def take_in(self, language: str, visitor: str, paths: list[str]) -> Updates:
        try:
            run = self._workshop.import_checkpoint(visitor, [Path(path) for path in paths])
        except EXPECTED_ERRORS as error:
            return {self.news: error_html(error_text(Translator(language), error, "run_refused"))}
        return self.refresh(language, visitor, run.name, {}) | {self.news: ""}

    # --- what is shown

    def _parts(self, translate: Translator, visitor: str, chosen: str) -> Iterator[Part]:
        found = self._workshop.runs(visitor)
        names, states = [run.name for run in found], [run.status() for run in found]
        at = names.index(chosen) if chosen in names else 0
        lines = [(name, status.state) for name, status in zip(names, states, strict=True)]
        yield Part(self.listed, (lines, at), lambda: _list(translate, lines, at))
        yield Part(self.empty, not found, lambda: gr.update(visible=not found))
        yield Part(self.body, bool(found), lambda: gr.update(visible=bool(found)))
        yield Part(self.chosen, names[at] if found else "", lambda: names[at] if found else "")
        ready = " ".join(run.name for run in found if run.checkpoint)
        yield Part(self.ready, ready, lambda: ready)
        if found:
            yield from self._run(translate, found[at], states[at])

    def _run(self, translate: Translator, run: Run, status: Status) -> Iterator[Part]:
        place = self._workshop.queue_position(run)
        checkpoint, going = run.checkpoint is not None, status.state in ("waiting", *ACTIVE_STATES)
        stopping = going and run.stop_requested
        offered = {
            "use": checkpoint,
            "stop": going and not stopping,
            "resume": status.state in ("stopped", "failed", "interrupted"),
            "download": checkpoint,
            "delete": not going,
        }
        key = (run.name, status, place, stopping)
        yield Part(self.status, key, lambda: _status(translate, run.name, status, place, stopping))
        for name, offer in offered.items():
            button = self.buttons[name]
            yield Part(button, offer, lambda offer=offer: gr.update(visible=offer))
        sheets = run.sample_grids()
        held = (run.folder / "reconstructions.png").is_file()
        key = (run.name, sheets, held, str(run.checkpoint))
        yield Part(self.sheets, key, lambda: _sheets(translate, run, sheets, held))
        length = _length(run.folder / "flow/metrics.jsonl")
        yield Part(self.curve, (run.name, length), lambda: _curve(translate, run))

    def _in_use(self, run: Run) -> bool:
        return self._studio.folder.parent == run.folder


def _importing(language: str) -> str:
    return progress_bar(Translator(language)("run_importing"))


def _list(translate: Translator, runs: list[tuple[str, str]], at: int) -> str:
    cells = "".join(
        f'<li><button type="button" data-index="{index}" aria-pressed="{str(index == at).lower()}">'
        f'<i class="{state}"></i><b>{escape(name)}</b> <span>{translate(f"state_{state}")}</span></button></li>'
        for index, (name, state) in enumerate(runs)
    )
    return f'<ul class="runs">{cells}</ul>' if cells else ""


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _curve(translate: Translator, run: Run) -> str:
    return curve([line["loss"] for line in run.metrics()], translate("run_loss"))


def _status(translate: Translator, name: str, status: Status, place: int, stopping: bool) -> str:
    """How a run stands, in a line, and a bar while it goes on."""
    words = [translate("run_stopping" if stopping else f"state_{status.state}")]
    if status.state == "waiting":
        words = [translate("run_place", place=place)]
    if status.steps:
        words.append(translate("progress", step=status.step, steps=status.steps))
    if status.seconds_left is not None:
        words.append(translate("run_left", time=format_duration(translate, status.seconds_left)))
    text = " · ".join(words)
    if status.state in ("waiting", *ACTIVE_STATES):
        share = status.step / status.steps if status.steps and status.state != "waiting" else None
        line = progress_bar(text, share)
    else:
        line = f'<p role="status">{text}</p>'
    trouble = error_html(status.error) if status.state == "failed" else ""
    return f"<h3>{escape(name)}</h3> {line}{trouble}"


def _sheets(translate: Translator, run: Run, sheets: list[Path], held: bool) -> str:
    """What is learnt, how well it can be held, and what is drawn by now; each in its row."""
    rows = []
    if learnt := _learnt(run.folder / "data"):
        rows.append(_figure(tiles.preview_url(learnt), translate("run_learnt")))
    if held:
        rows.append(_figure(_preview(run.folder / "reconstructions.png"), translate("run_held")))
    samples = sheets[-1] if sheets else run.checkpoint and run.checkpoint / "samples.webp"
    if samples and samples.is_file():
        rows.insert(0, _figure(_preview(samples), translate("run_samples")))
    if len(sheets) > 1:
        before = "".join(f'<img src="{_preview(path)}" alt="{int(path.stem)}">' for path in sheets[-2::-1])
        rows.append(f'<details class="before"><summary>{translate("run_before")}</summary>{before}</details>')
    return "".join(rows)


def _learnt(folder: Path) -> Any:
    """The first pictures that a run learns from, in a row; None where it has none."""
    try:
        data = ImageFolder.open(folder)
        pictures = [images.read(folder / item.name) for item in data.items[:SAMPLES_PER_ROW]]
    except (SourceError, OSError):
        return None
    return (
        images.grid([images.to_square(picture, SIDE) for picture in pictures], SAMPLES_PER_ROW)
        if pictures
        else None
    )


def _preview(path: Path) -> str:
    return tiles.preview_url(images.read(path))


def _figure(source: str, words: str) -> str:
    caption = f"<figcaption>{words}</figcaption>"
    return f'<figure class="exhibit">{caption}<img src="{source}" alt="{words}"></figure>'


def _empty(translate: Translator) -> str:
    steps = "".join(f"<li>{translate(f'teach_step_{number}')}</li>" for number in (1, 2, 3))
    return f'<div class="empty"><h3>{translate("runs_empty")}</h3><ol class="steps">{steps}</ol></div>'
