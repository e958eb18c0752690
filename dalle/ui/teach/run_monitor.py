"""Training runs of a visitor: their list, the state of one, and its actions.

Everything is read from the runs' files, so that a page that is reloaded shows the same. A timer polls them;
only what has changed since the last poll is sent to the browser.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.blocks import Block
from gradio.processing_utils import save_bytes_to_cache

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
    Outputs,
    Updates,
    confirm_js,
    error_html,
    error_text,
    show_errors,
)
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import progress_bar
from dalle.ui.shared.texts import Translator
from dalle.ui.teach import run_html

POLL_SECONDS = 2
RUN_ACTIONS = ("use", "stop", "resume", "download", "delete")

ShownKeys = dict[str, str]  # component id -> key of the value that the browser shows


class View(NamedTuple):
    """The value of a component, made only if `key` differs from the key of what the browser shows."""

    component: Block
    key: object  # compared by its repr
    make_value: Callable[[], Any]


class RunMonitor:
    """`selected` is the State with the name of the run that is shown, `shown_keys` with the ShownKeys.

    `runs_with_checkpoint` is a hidden text with the names of the runs that have one, so that its change event
    can update the checkpoint dropdown.
    """

    def __init__(self, studio: Studio, training: TrainingService, localized: Localizer):
        self._studio, self._training = studio, training
        self.selected, self.shown_keys = gr.State(""), gr.State({})
        with localized.heading("runs"):
            self.import_button = localized.upload_button(
                "run_import", "bring", file_count="multiple", scale=0
            )
        self.import_status = gr.HTML(apply_default_css=False, elem_classes="status")
        self.run_list = gr.HTML(js_on_load=tiles.SELECT_JS, apply_default_css=False, elem_id="runs")
        self.empty_state = localized(gr.HTML, {"value": run_html.empty_state_html}, apply_default_css=False)
        # Outside of `body`: Gradio would show it together with the column.
        self.download_file = gr.DownloadButton(visible="hidden", elem_id="run-file")
        with gr.Column(visible=False, elem_id="run") as self.body:
            self.status = gr.HTML(apply_default_css=False, elem_id="run-status", elem_classes="status")
            self.buttons = self._create_buttons(localized)
            self.pictures = gr.HTML(apply_default_css=False, elem_id="run-sheets")
            self.loss_curve = gr.HTML(apply_default_css=False)
        self.runs_with_checkpoint = gr.Textbox(label="", visible="hidden")
        self.timer = gr.Timer(POLL_SECONDS)

    def _create_buttons(self, localized: Localizer) -> dict[str, gr.Button]:
        with gr.Row(elem_classes="buttons", elem_id="run-buttons"):
            return {
                action: localized(
                    gr.Button,
                    {"value": f"run_{action}"},
                    size="sm",
                    min_width=0,
                    visible=False,
                    variant="primary" if action == "use" else "secondary",
                    elem_id=f"run-{action}",
                )
                for action in RUN_ACTIONS
            }

    @property
    def outputs(self) -> Outputs:
        return [
            self.run_list,
            self.empty_state,
            self.body,
            self.status,
            self.pictures,
            self.loss_curve,
            self.runs_with_checkpoint,
            self.selected,
            self.shown_keys,
            *self.buttons.values(),
        ]

    def connect(self, language: gr.Radio, visitor: gr.BrowserState) -> None:
        inputs = [language, visitor, self.selected, self.shown_keys]
        self.timer.tick(self.refresh, inputs, self.outputs, **UNQUEUED)
        language.change(self.refresh, inputs, self.outputs, **UNQUEUED)
        self.run_list.select(self._select, [language, visitor, self.shown_keys], self.outputs, **UNQUEUED)
        self.buttons["stop"].click(self._stop, inputs, self.outputs, **QUEUED)
        self.buttons["resume"].click(self._resume, inputs, self.outputs, **QUEUED)
        self.buttons["delete"].click(self._delete, inputs, self.outputs, js=confirm_js("run_sure"), **QUEUED)
        exported = self.buttons["download"].click(
            self._export, [language, visitor, self.selected], self.download_file, **QUEUED
        )
        exported.success(None, js="() => document.querySelector('#run-file').click()")
        uploaded = self.import_button.upload(_import_progress, language, self.import_status, **UNQUEUED)
        uploaded.then(
            self._import_checkpoint,
            [language, visitor, self.import_button],
            [*self.outputs, self.import_status],
            **QUEUED,
        )

    # --- handlers

    def refresh(self, language: str, visitor: str, selected: str, shown_keys: ShownKeys) -> Updates:
        """Read the runs' files; changes those of `outputs` whose values are new. Shows the run `selected`."""
        updates: Updates = {}
        keys: ShownKeys = {}
        try:
            for view in self._views(Translator(language), visitor, selected):
                component_id, key = str(view.component._id), repr((language, view.key))
                keys[component_id] = key
                if shown_keys.get(component_id) != key:
                    updates[view.component] = view.make_value()
        except OSError:  # a run was deleted in the meantime; the next poll is soon
            return gr.skip()
        return updates | {self.shown_keys: keys} if updates else gr.skip()

    def _select(self, event: gr.EventData, language: str, visitor: str, shown_keys: ShownKeys) -> Updates:
        runs = self._training.runs(visitor)
        name = runs[event.index].name if event.index < len(runs) else ""
        return self.refresh(language, visitor, name, shown_keys)

    def _stop(self, language: str, visitor: str, selected: str, shown_keys: ShownKeys) -> Updates:
        with show_errors(Translator(language), "run_failed"):
            self._training.run(visitor, selected).stop()
        return self.refresh(language, visitor, selected, shown_keys)

    def _resume(self, language: str, visitor: str, selected: str, shown_keys: ShownKeys) -> Updates:
        with show_errors(Translator(language), "run_failed"):
            self._training.resume(visitor, selected)
        return self.refresh(language, visitor, selected, shown_keys)

    def _delete(self, language: str, visitor: str, selected: str, shown_keys: ShownKeys) -> Updates:
        """Delete the run; `language` is empty if the visitor declined (see confirm_js)."""
        if not language:
            return gr.skip()
        translate = Translator(language)
        with show_errors(translate, "run_failed"):
            if self._is_in_use(self._training.run(visitor, selected)):
                raise ValueError(translate("run_in_use"))
            self._training.delete(visitor, selected)
        return self.refresh(language, visitor, "", shown_keys)

    def _export(self, language: str, visitor: str, selected: str) -> str:
        """Write the run's checkpoint as a zip file; -> its path."""
        with show_errors(Translator(language), "run_failed"):
            run = self._training.run(visitor, selected)
            content = checkpoint_archive.export_zip(require_checkpoint(run), run.name)
        return save_bytes_to_cache(content, f"{run.name}.zip", self.download_file.GRADIO_CACHE)

    def _import_checkpoint(self, language: str, visitor: str, paths: list[str]) -> Updates:
        """Make a run of an uploaded checkpoint, and show it."""
        try:
            run = self._training.import_checkpoint(visitor, [Path(path) for path in paths])
        except EXPECTED_ERRORS as error:
            return {self.import_status: error_html(error_text(Translator(language), error, "run_refused"))}
        return self.refresh(language, visitor, run.name, {}) | {self.import_status: ""}

    # --- views

    def _views(self, translate: Translator, visitor: str, selected: str) -> Iterator[View]:
        runs = self._training.runs(visitor)
        names, statuses = [run.name for run in runs], [run.status() for run in runs]
        index = names.index(selected) if selected in names else 0
        rows = [(name, status.state) for name, status in zip(names, statuses, strict=True)]
        yield View(self.run_list, (rows, index), lambda: run_html.run_list_html(translate, rows, index))
        yield View(self.empty_state, not runs, lambda: gr.update(visible=not runs))
        yield View(self.body, bool(runs), lambda: gr.update(visible=bool(runs)))
        name = names[index] if runs else ""
        yield View(self.selected, name, lambda: name)
        with_checkpoint = " ".join(run.name for run in runs if run.checkpoint)
        yield View(self.runs_with_checkpoint, with_checkpoint, lambda: with_checkpoint)
        if runs:
            yield from self._run_views(translate, runs[index], statuses[index])

    def _run_views(self, translate: Translator, run: Run, status: Status) -> Iterator[View]:
        position = self._training.queue_position(run)
        is_stopping = _is_pending(status) and run.stop_requested
        yield View(
            self.status,
            (run.name, status, position, is_stopping),
            lambda: run_html.status_html(translate, run.name, status, position, is_stopping),
        )
        for action, is_offered in _offered_actions(run, status, is_stopping).items():
            yield View(
                self.buttons[action], is_offered, lambda visible=is_offered: gr.update(visible=visible)
            )
        grids, has_reconstructions = run.sample_grids(), (run.folder / "reconstructions.png").is_file()
        yield View(
            self.pictures,
            (run.name, grids, has_reconstructions, str(run.checkpoint)),
            lambda: run_html.pictures_html(translate, run, grids, has_reconstructions),
        )
        yield View(
            self.loss_curve,
            (run.name, _file_size(run.folder / "flow/metrics.jsonl")),
            lambda: run_html.run_loss_curve_html(translate, run),
        )

    def _is_in_use(self, run: Run) -> bool:
        return self._studio.folder.parent == run.folder


def _is_pending(status: Status) -> bool:
    """Whether the run waits in the queue or is being trained."""
    return status.state in ("waiting", *ACTIVE_STATES)


def _offered_actions(run: Run, status: Status, is_stopping: bool) -> dict[str, bool]:
    """For each of RUN_ACTIONS, whether its button is shown."""
    has_checkpoint, is_pending = run.checkpoint is not None, _is_pending(status)
    return {
        "use": has_checkpoint,
        "stop": is_pending and not is_stopping,
        "resume": status.state in ("stopped", "failed", "interrupted"),
        "download": has_checkpoint,
        "delete": not is_pending,
    }


def _file_size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _import_progress(language: str) -> str:
    return progress_bar(Translator(language)("run_importing"))
