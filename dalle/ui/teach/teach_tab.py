"""The Teach tab: pictures become a run, and a run becomes a checkpoint to draw with."""

import secrets
from typing import Any

import gradio as gr

from dalle.data.folder.archive import SourceError
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
from dalle.ui.teach.upload import Draft, Rows


class TeachTab:
    """The parts of the tab, and what passes between them and the rest of the page."""

    def __init__(
        self,
        studio: Studio,
        workshop: TrainingService,
        localized: Localizer,
        language: gr.Radio,
        visitor: gr.BrowserState,
    ):
        """`visitor` stands outside of the tab: Gradio reads what a browser keeps only where it is shown."""
        self._studio, self._workshop, self._language, self.visitor = studio, workshop, language, visitor
        with gr.Row(elem_id="lesson"):
            with gr.Column(scale=6, min_width=300, elem_id="given"):
                self.draft = Draft(studio, workshop, localized)
            with gr.Column(scale=5, min_width=300, elem_id="learnt"):
                self.watch = RunMonitor(studio, workshop, localized)
        self.draft.wire(language, visitor)
        self.watch.wire(language, visitor)
        given = [language, visitor, *self.draft.inputs]
        self.draft.start.click(self.start, given, self.draft.outputs | self.watch.outputs, **QUEUED)

    def start(
        self, language: str, visitor: str, table: Rows, name: str, preset: str, how: str, flips: bool
    ) -> Updates:
        """Make a run of the draft, and watch it."""
        with show_errors(Translator(language), "teach_refused"):
            rows = self.draft.rows(table)
            run = self._workshop.start(visitor, rows, self._studio.folder, preset, name, how, flips)
        return self.draft.cleared() | self.watch.refresh(language, visitor, run.name, {})

    def arrive(self, page: gr.Blocks, picker: CheckpointPicker) -> None:
        """When the page is opened: who it is, what they left here, and which checkpoint draws."""
        who, watch = [self._language, self.visitor], self.watch
        known = page.load(_known, self.visitor, self.visitor, **UNQUEUED)
        known.then(picker.refresh, who, picker.outputs, **UNQUEUED)
        look = [*who, watch.chosen, watch.seen]
        known.then(watch.refresh, look, watch.outputs, **UNQUEUED)
        self.draft.arrive(known, self.visitor, self._language)
        watch.ready.change(picker.refresh, who, picker.outputs, **UNQUEUED)

    def follow(self, translated: Any) -> None:
        """After another language was chosen: what is told of the visitor's own pictures."""
        draft = self.draft
        asked = [self._language, self.visitor, draft.table]
        translated.then(draft.retell, asked, draft.told | {draft.table}, **QUEUED)

    def use(self, picker: CheckpointPicker, create: CreateTab, tabs: gr.Tabs) -> Any:
        """Draw with a run's checkpoint: chosen, and at once tried, in the Create tab; -> the event of it."""
        given = [self._language, self.visitor, self.watch.chosen]
        button = self.watch.buttons["use"]
        chosen = button.click(
            lambda language, visitor, name: picker.select(language, visitor, RUN_PREFIX + name),
            given,
            picker.outputs,
            **QUEUED,
        )
        asked = chosen.success(self._caption, given, [create.form.prompt, tabs], **UNQUEUED)
        asked.then(None, js=CLICK_DRAW_JS)
        return chosen

    def _caption(self, language: str, visitor: str, name: str) -> list[Any]:
        """What a run was taught, as a prompt, and the tab that draws it."""
        try:
            data = ImageFolder.open(self._workshop.run(visitor, name).folder / "data")
            prompt = data.items[0].caption
        except SourceError:  # a checkpoint that was brought here, by whatever it was taught
            prompt = self._studio.random_prompt(0)
        return [prompt, gr.update(selected="create")]


def _known(visitor: Any) -> str:
    """The secret that this browser keeps, or a new one."""
    fits = isinstance(visitor, str) and 16 <= len(visitor) <= 64
    return visitor if fits else secrets.token_urlsafe(24)
