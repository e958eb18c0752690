"""The gallery: draws the pictures of one generation, with previews, progress and a way to stop it."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from dalle.recipe import Picture
from dalle.serving.requests import Frame
from dalle.serving.studio import Studio
from dalle.ui.create.form import FormControls
from dalle.ui.shared import tiles
from dalle.ui.shared.events import EXPECTED_ERRORS, CancelEvents, Outputs, Updates, error_html, error_text
from dalle.ui.shared.generation_settings import GenerationSettings
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import LIVE_REGION_JS, frame_progress, progress_bar
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture


class Gallery:
    """`finished` is the State with a tuple of EncodedPicture."""

    def __init__(self, studio: Studio, localized: Localizer, form: FormControls):
        self._studio, self._form = studio, form
        self._cancel_events = CancelEvents()
        with localized.heading("pictures"):
            self.zip_button = localized(
                gr.Button, {"value": "zip"}, size="sm", scale=0, visible=False, elem_id="zip"
            )
            self.zip_file = gr.DownloadButton(visible="hidden", elem_id="zip-file")
        self.status = gr.HTML(elem_id="status", apply_default_css=False, js_on_load=LIVE_REGION_JS)
        self.empty_state = localized(gr.HTML, {"value": _empty_state_html}, apply_default_css=False)
        self.pictures = gr.HTML(
            visible=False, js_on_load=tiles.SELECT_JS, apply_default_css=False, elem_id="pictures"
        )
        self.finished = gr.State(())

    @property
    def outputs(self) -> Outputs:
        return [
            self._form.draw_button,
            self._form.stop_button,
            self._form.seed,
            self.zip_button,
            self.status,
            self.empty_state,
            self.pictures,
            self.finished,
        ]

    def draw(self, request: gr.Request, language: str, **settings: Any) -> Iterator[Updates]:
        """Draw pictures; `settings` are the fields of GenerationSettings. The form shows the seed used."""
        translate, chosen = Translator(language), GenerationSettings(**settings).with_next_seed()
        cancel = self._cancel_events.create(request)
        last = None
        try:
            yield self._started(translate, chosen)
            for frame in self._studio.stream(chosen.recipes(self._studio), cancel):
                yield self._in_progress(translate, frame, last, int(chosen.count))
                last = frame
            outcome = translate("done") if last and last.done else translate("stopped")
            status = f'<p role="status">{outcome}</p>'
        except EXPECTED_ERRORS as error:
            status = error_html(error_text(translate, error))
        finally:
            self._cancel_events.remove(request)
        yield self._ended(last.finished if last else [], status)

    def stop(self, request: gr.Request) -> None:
        """Stop this visitor's generation within one solver step."""
        self._cancel_events.set(request)

    def _started(self, translate: Translator, settings: GenerationSettings) -> Updates:
        return {
            self.status: progress_bar(translate("starting")),
            self.empty_state: gr.update(visible=False),
            self.pictures: gr.update(value=tiles.picture_placeholders([], int(settings.count)), visible=True),
            self.finished: (),
            self.zip_button: gr.update(visible=False),
            self._form.draw_button: gr.update(visible=False),
            self._form.stop_button: gr.update(visible=True),
            self._form.seed: settings.seed,
        }

    def _in_progress(
        self, translate: Translator, frame: Frame, previous: Frame | None, count: int
    ) -> Updates:
        if frame.waiting:
            return {self.status: progress_bar(translate("waiting", place=frame.waiting))}
        updates: Updates = {self.status: frame_progress(translate, frame)}
        # Most frames have no new previews: an unchanged picture is the same object.
        if previous is None or list(map(id, frame.pictures)) != list(map(id, previous.pictures)):
            previews = [tiles.preview_url(picture.image) for picture in frame.pictures]
            updates[self.pictures] = tiles.picture_placeholders(previews, count)
        return updates

    def _ended(self, pictures: Sequence[Picture], status: str) -> Updates:
        finished = tuple(EncodedPicture.encode(picture) for picture in pictures)
        labels = [f"{encoded.recipe.prompt}, {encoded.recipe.seed}" for encoded in finished]
        buttons = tiles.picture_buttons([encoded.data_url for encoded in finished], labels, selected=0)
        return {
            self.status: status,
            self.empty_state: gr.update(visible=not finished),
            self.pictures: gr.update(value=buttons, visible=bool(finished)),
            self.finished: finished,
            self.zip_button: gr.update(visible=bool(finished)),
            self._form.draw_button: gr.update(visible=True),
            self._form.stop_button: gr.update(visible=False),
        }


def _empty_state_html(translate: Translator) -> str:
    blanks = "<i></i>" * 8
    return (
        f'<div class="empty"><div class="blanks" aria-hidden="true">{blanks}</div>'
        f"<h3>{translate('empty_title')}</h3><p>{translate('empty')}</p></div>"
    )
