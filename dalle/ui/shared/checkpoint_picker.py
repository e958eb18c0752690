"""Dropdown that selects the checkpoint in use, for all visitors; the footer and the About tab follow it."""

from pathlib import Path

import gradio as gr
from gradio.events import Dependency

from dalle.errors import InputError
from dalle.finetuning.runs import Run
from dalle.serving.studio import Studio
from dalle.serving.training_service import TrainingService
from dalle.ui.shared import about
from dalle.ui.shared.events import QUEUED, Outputs, Updates, show_errors
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator

RUN_PREFIX = "run/"  # RUN_PREFIX + name: the newest checkpoint of a training run


class CheckpointPicker:
    """`dropdown` offers the checkpoints beside the one used at the start, and those of the visitor's runs."""

    def __init__(self, studio: Studio, training: TrainingService, localized: Localizer):
        self._studio, self._training = studio, training
        self.dropdown = localized(
            gr.Dropdown,
            {"label": "checkpoint"},
            choices=[studio.model_name],
            value=studio.model_name,
            container=False,
            min_width=0,
            scale=0,
            elem_id="checkpoint",
        )

    def connect(
        self, language: gr.Radio, visitor: gr.BrowserState, footer: gr.HTML, model_card: gr.Markdown
    ) -> Dependency:
        """`footer` and `model_card` describe the checkpoint in use; -> the event of a selection."""
        self._footer, self._model_card = footer, model_card
        return self.dropdown.input(self.select, [language, visitor, self.dropdown], self.outputs, **QUEUED)

    @property
    def outputs(self) -> Outputs:
        return [self.dropdown, self._footer, self._model_card]

    def refresh(self, language: str, visitor: str) -> Updates:
        """Show the checkpoint in use and the choices."""
        runs = [(run.name, RUN_PREFIX + run.name) for run in self._training.runs(visitor) if run.checkpoint]
        choices = [*((name, name) for name in self._studio.checkpoints()), *runs]
        value = self._current_value()
        if value not in [choice for _, choice in choices]:  # of another visitor's run, or in another folder
            choices.append((self._studio.model_name, value))
        return {
            self.dropdown: gr.update(choices=choices, value=value),
            self._footer: about.credits_html(self._studio, Translator(language)),
            self._model_card: about.model_card(self._studio),
        }

    def select(self, language: str, visitor: str, value: str) -> Updates:
        """Load another checkpoint; all visitors draw with it from now on."""
        translate = Translator(language)
        with show_errors(translate, "run_failed"):
            if value.startswith(RUN_PREFIX):
                run = self._training.run(visitor, value.removeprefix(RUN_PREFIX))
                self._studio.load_checkpoint(require_checkpoint(run), run.name)
            else:
                self._studio.select_checkpoint(value)
        gr.Info(translate("in_use", name=self._studio.model_name))
        return self.refresh(language, visitor)

    def _current_value(self) -> str:
        folder = self._studio.folder
        if folder.parent.parent == self._training.home:
            return RUN_PREFIX + folder.parent.name
        return self._studio.model_name


def require_checkpoint(run: Run) -> Path:
    """The run's newest checkpoint. Raises InputError if it has none yet."""
    if run.checkpoint is None:
        raise InputError("no_checkpoint", name=run.name)
    return run.checkpoint
