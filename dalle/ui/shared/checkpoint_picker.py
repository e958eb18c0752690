"""Which checkpoint draws: chosen in the header, told in the footer and under About, for all visitors."""

from pathlib import Path
from typing import Any

import gradio as gr

from dalle.errors import InputError
from dalle.finetuning.runs import Run
from dalle.serving.studio import Studio
from dalle.serving.training_service import TrainingService
from dalle.ui.shared import about
from dalle.ui.shared.events import QUIET, View, show_errors
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator

OWN = "run/"  # before the name of a run, of which the newest checkpoint is meant


class CheckpointPicker:
    """`choice` offers the checkpoints beside that with which the page was started, and the visitor's own."""

    def __init__(self, studio: Studio, workshop: TrainingService, spoken: Localizer):
        self._studio, self._workshop = studio, workshop
        self.choice = spoken(
            gr.Dropdown,
            lambda say: {"label": say("checkpoint")},
            choices=[studio.model_name],
            value=studio.model_name,
            container=False,
            min_width=0,
            scale=0,
            elem_id="checkpoint",
        )

    def wire(self, language: gr.Radio, visitor: gr.BrowserState, credit: gr.HTML, card: gr.Markdown) -> Any:
        """`credit` and `card`: what else tells of the checkpoint in use; -> the event of another one."""
        self._credit, self._card = credit, card
        return self.choice.input(self.use, [language, visitor, self.choice], self.outputs, **QUIET)

    @property
    def outputs(self) -> set[Any]:
        return {self.choice, self._credit, self._card}

    def show(self, language: str, visitor: str) -> View:
        """What is in use, and what else there is."""
        own = [(run.name, OWN + run.name) for run in self._workshop.runs(visitor) if run.checkpoint]
        offered = [*((name, name) for name in self._studio.checkpoints()), *own]
        value = self._value()
        if value not in [key for _, key in offered]:  # somebody else's, or one that lies elsewhere
            offered.append((self._studio.model_name, value))
        return {
            self.choice: gr.update(choices=offered, value=value),
            self._credit: about.credit(self._studio, Translator(language)),
            self._card: about.card(self._studio),
        }

    def use(self, language: str, visitor: str, value: str) -> View:
        """Draw with another checkpoint from now on."""
        say = Translator(language)
        with show_errors(say, "run_failed"):
            if value.startswith(OWN):
                run = self._workshop.run(visitor, value.removeprefix(OWN))
                self._studio.use(checkpoint_of(run), run.name)
            else:
                self._studio.choose(value)
        gr.Info(say("in_use", name=self._studio.model_name))
        return self.show(language, visitor)

    def _value(self) -> str:
        folder = self._studio.folder
        if folder.parent.parent == self._workshop.home:
            return OWN + folder.parent.name
        return self._studio.model_name


def checkpoint_of(run: Run) -> Path:
    """The checkpoint that a run has left. Raises Refused where there is none yet."""
    if run.checkpoint is None:
        raise InputError("no_checkpoint", name=run.name)
    return run.checkpoint
