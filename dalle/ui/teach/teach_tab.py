"""The Teach tab: layout, the events that connect its parts, and the start of a training run."""

import secrets
from typing import Any

import gradio as gr
from gradio.events import Dependency

from dalle.data.folder.archive import SourceError
from dalle.data.folder.augmentation import ResizeMode
from dalle.data.folder.image_folder import ImageFolder
from dalle.serving.studio import Studio
from dalle.serving.training_service import TrainingService
from dalle.ui.create.create_tab import CreateTab
from dalle.ui.create.form import CLICK_DRAW_JS
from dalle.ui.shared.checkpoint_picker import RUN_PREFIX, CheckpointPicker
from dalle.ui.shared.events import QUEUED, UNQUEUED, Updates, show_errors
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator
from dalle.ui.teach.run_monitor import RunMonitor
from dalle.ui.teach.upload import Rows, UploadPanel, captions


class TeachTab:
    """The draft of a run on the left, the visitor's runs on the right."""

    def __init__(
        self,
        studio: Studio,
        training: TrainingService,
        localized: Localizer,
        language: gr.Radio,
        visitor: gr.BrowserState,
    ):
        """`visitor` must be outside of the tabs: Gradio reads a BrowserState only when it is rendered."""
        self._studio, self._training, self._language, self._visitor = studio, training, language, visitor
        with gr.Row(elem_id="lesson"):
            with gr.Column(scale=6, min_width=300, elem_id="given"):
                self.upload = UploadPanel(studio, training, localized)
            with gr.Column(scale=5, min_width=300, elem_id="learnt"):
                self.monitor = RunMonitor(studio, training, localized)
        self.upload.connect(language, visitor)
        self.monitor.connect(language, visitor)
        self.upload.start_button.click(
            self._start,
            [language, visitor, *self.upload.inputs],
            [*self.upload.outputs, *self.monitor.outputs],
            **QUEUED,
        )

    # --- events

    def on_page_load(self, page: gr.Blocks, picker: CheckpointPicker) -> None:
        """Identify the visitor; then show their draft, their runs and the checkpoint in use."""
        language, visitor, monitor = self._language, self._visitor, self.monitor
        identified = page.load(_visitor_secret, visitor, visitor, **UNQUEUED)
        identified.then(picker.refresh, [language, visitor], picker.outputs, **UNQUEUED)
        identified.then(
            monitor.refresh,
            [language, visitor, monitor.selected, monitor.shown_keys],
            monitor.outputs,
            **UNQUEUED,
        )
        self.upload.restore_after(identified, language, visitor)
        monitor.runs_with_checkpoint.change(picker.refresh, [language, visitor], picker.outputs, **UNQUEUED)

    def on_language_change(self, translated: Dependency) -> None:
        """`translated` is the event that translates the page's components."""
        self.upload.relabel_after(translated, self._language, self._visitor)

    def connect_use_button(self, picker: CheckpointPicker, create: CreateTab, tabs: gr.Tabs) -> Dependency:
        """Select a run's checkpoint and draw with it in the Create tab; -> the event of the selection."""
        inputs = [self._language, self._visitor, self.monitor.selected]
        selected = self.monitor.buttons["use"].click(
            lambda language, visitor, name: picker.select(language, visitor, RUN_PREFIX + name),
            inputs,
            picker.outputs,
            **QUEUED,
        )
        prompted = selected.success(self._first_caption, inputs, [create.form.prompt, tabs], **UNQUEUED)
        prompted.then(None, js=CLICK_DRAW_JS)
        return selected

    # --- handlers

    def _start(
        self,
        language: str,
        visitor: str,
        table: Rows,
        name: str,
        preset: str,
        resize_mode: ResizeMode,
        horizontal_flip: bool,
    ) -> Updates:
        """Make a run of the draft, and show it."""
        with show_errors(Translator(language), "teach_refused"):
            run = self._training.start(
                visitor, captions(table), self._studio.folder, preset, name, resize_mode, horizontal_flip
            )
        return self.upload.cleared() | self.monitor.refresh(language, visitor, run.name, {})

    def _first_caption(self, language: str, visitor: str, name: str) -> list[Any]:
        """The first caption that a run was trained on, as the prompt; and the Create tab."""
        try:
            data = ImageFolder.open(self._training.run(visitor, name).folder / "data")
            prompt = data.items[0].caption
        except SourceError:  # an imported checkpoint, without its training data
            prompt = self._studio.random_prompt(0)
        return [prompt, gr.update(selected="create")]


def _visitor_secret(stored: Any) -> str:
    """The secret that the browser stores, or a new one if it is not of this form."""
    is_valid = isinstance(stored, str) and 16 <= len(stored) <= 64
    return stored if is_valid else secrets.token_urlsafe(24)
