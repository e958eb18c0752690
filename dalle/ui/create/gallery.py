"""The gallery: fills while its pictures are drawn, says how it goes, and stops when told to."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from dalle.recipe import Picture
from dalle.serving.requests import Frame
from dalle.serving.studio import Studio
from dalle.ui.create.form import FormControls, GenerationForm
from dalle.ui.shared import tiles
from dalle.ui.shared.events import EXPECTED_ERRORS, Running, View, error_html, error_text
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import bar, progress
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

LIVE = "element.setAttribute('aria-live', 'polite')"  # how it ends is read out; a bar is not


class Gallery:
    """Draws what the form says. `tiles` is the State with what is finished."""

    def __init__(self, studio: Studio, spoken: Localizer, form: FormControls):
        self._studio, self._form = studio, form
        self._running = Running()
        with spoken.heading("pictures"):
            self.zip = spoken(
                gr.Button, lambda say: {"value": say("zip")}, size="sm", scale=0, visible=False, elem_id="zip"
            )
            self.file = gr.DownloadButton(visible="hidden", elem_id="zip-file")
        self.status = gr.HTML(elem_id="status", apply_default_css=False, js_on_load=LIVE)
        self.empty = spoken(gr.HTML, lambda say: {"value": _empty(say)}, apply_default_css=False)
        self.pictures = gr.HTML(
            visible=False, js_on_load=tiles.SELECT, apply_default_css=False, elem_id="pictures"
        )
        self.tiles = gr.State(())
        self.asked = gr.Textbox(label="", visible="hidden")  # the prompt that was drawn last

    @property
    def outputs(self) -> set[Any]:
        form = self._form
        own = {self.status, self.empty, self.pictures, self.tiles, self.asked, self.zip}
        return own | {form.draw, form.stop, form.seed}

    def draw(self, request: gr.Request, language: str, *fields: Any) -> Iterator[View]:
        """Fill the gallery; the form shows the seed that was used."""
        say, settings = Translator(language), GenerationForm(*fields).seeded()
        cancel = self._running.begin(request)
        last = None
        try:
            yield self._begun(say, settings)
            for frame in self._studio.stream(settings.recipes(self._studio), cancel):
                yield self._under_way(say, frame, last, int(settings.count))
                last = frame
            outcome = say("done") if last and last.done else say("stopped")
            status = f'<p role="status">{outcome}</p>'
        except EXPECTED_ERRORS as error:
            status = error_html(error_text(say, error))
        finally:
            self._running.end(request)
        yield self._ended(last.finished if last else [], status)

    def stop(self, request: gr.Request) -> None:
        """End the drawing of this visitor within one step."""
        self._running.stop(request)

    def _begun(self, say: Translator, settings: GenerationForm) -> View:
        return {
            self.status: bar(say("starting")),
            self.empty: gr.update(visible=False),
            self.pictures: gr.update(value=tiles.coming([], int(settings.count)), visible=True),
            self.tiles: (),
            self.asked: settings.prompt,
            self.zip: gr.update(visible=False),
            self._form.draw: gr.update(visible=False),
            self._form.stop: gr.update(visible=True),
            self._form.seed: settings.seed,
        }

    def _under_way(self, say: Translator, frame: Frame, before: Frame | None, count: int) -> View:
        if frame.waiting:
            return {self.status: bar(say("waiting", place=frame.waiting))}
        view = {self.status: progress(say, frame)}
        # Most steps repaint nothing: a picture that stays is the same object.
        if before is None or list(map(id, frame.pictures)) != list(map(id, before.pictures)):
            previews = [tiles.preview(picture.image) for picture in frame.pictures]
            view[self.pictures] = tiles.coming(previews, count)
        return view

    def _ended(self, finished: Sequence[Picture], status: str) -> View:
        drawn = tuple(EncodedPicture.of(picture) for picture in finished)
        labels = [f"{tile.recipe.prompt}, {tile.recipe.seed}" for tile in drawn]
        return {
            self.status: status,
            self.empty: gr.update(visible=not drawn),
            self.pictures: gr.update(
                value=tiles.buttons([tile.uri for tile in drawn], labels, chosen=0), visible=bool(drawn)
            ),
            self.tiles: drawn,
            self.zip: gr.update(visible=bool(drawn)),
            self._form.draw: gr.update(visible=True),
            self._form.stop: gr.update(visible=False),
        }


def _empty(say: Translator) -> str:
    blanks = "<i></i>" * 8
    return (
        f'<div class="empty"><div class="blanks" aria-hidden="true">{blanks}</div>'
        f"<h3>{say('empty_title')}</h3><p>{say('empty')}</p></div>"
    )
