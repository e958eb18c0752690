"""The Edit tab: layout, the events that connect its parts, and running edits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from dalle import edits
from dalle.edits import PromptEdit
from dalle.recipe import Picture, Recipe, load_png
from dalle.serving.studio import Studio
from dalle.ui.create.create_tab import CreateTab
from dalle.ui.edit.edit_form import FIELD_NAMES, EditForm, files_of
from dalle.ui.edit.picture_loader import PictureLoader
from dalle.ui.edit.results import Results, display_url
from dalle.ui.edit.source_panel import SourcePanel, SourcePicture
from dalle.ui.edit.tools import ToolControls
from dalle.ui.shared import links
from dalle.ui.shared.events import (
    EXPECTED_ERRORS,
    QUEUED,
    UNQUEUED,
    CancelEvents,
    Outputs,
    Updates,
    error_html,
    error_text,
    show_errors,
)
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import Code, OpenPicture, slider_values
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

LIVE_TOOL = "bend"  # its result follows the sliders; it has no start button
FULL_SIZE_TOOLS = ("enlarge", "cut")  # these edit the picture itself, not its copy at the model's size
CODE_DECIMALS = 3  # of a code in a recipe
# The browser keeps the mask until an edit starts. Before the form's fields, `_edit` has 3 inputs: language,
# source picture, caption.
_WITH_MASK_JS = f"(...inputs) => {{ inputs[{3 + FIELD_NAMES.index('mask')}] = dalle.mask(); return inputs; }}"


class EditTab:
    """The picture and the tools on the left, the results on the right."""

    def __init__(self, studio: Studio, localized: Localizer, language: gr.Radio, tabs: gr.Tabs):
        self._studio, self._language, self._tabs = studio, language, tabs
        self._cancel_events = CancelEvents()
        self.finished = gr.State([])  # list of EncodedPicture, of the last edit; empty if it failed
        with gr.Row(elem_id="edit-room"):
            with gr.Column(scale=6, min_width=300, elem_classes="sheet"):
                self.source = SourcePanel(studio, localized)
                mask = gr.Textbox(label="", visible="hidden")
                with gr.Column(visible=False, elem_id="workshop") as self.body:
                    self.tools = ToolControls(localized, mask)
                    self._add_buttons(localized)
            with gr.Column(scale=5, min_width=300, elem_classes="sheet"):
                self.results = Results(localized)
        self._loader = PictureLoader(studio, self.source, tabs, self._open)
        self._connect_loading()
        self._edited = self._connect_edit()
        self._connect_sliders()
        self.results.connect(language)

    def _add_buttons(self, localized: Localizer) -> None:
        with gr.Row(elem_id="edit-go"):
            self.start_button = localized(
                gr.Button, {"value": "edit_go"}, variant="primary", elem_id="edit-start"
            )
            self.stop_button = localized(gr.Button, {"value": "stop"}, visible=False, elem_id="edit-stop")

    @property
    def open_outputs(self) -> Outputs:
        """What changes when a picture is opened."""
        return [
            self._tabs,
            *self.source.outputs,
            self.body,
            self.tools.prompt,
            self.tools.mask_canvas,
            *self.tools.code_sliders.outputs,
            *self.results.outputs,
        ]

    @property
    def reconstruct_outputs(self) -> Outputs:
        """What `reconstruct` changes."""
        return [*self.source.reconstruct_outputs, *self.tools.code_sliders.outputs]

    # --- events

    def on_page_load(self, language_ready: Dependency, create: CreateTab) -> None:
        """Open pictures that come from the rest of the page; add results to the history.

        `language_ready` is the event after which the language is known, and a link can be opened.
        """
        language, history = self._language, create.history

        def open_from_history(event: gr.EventData, language: str, entries: Any) -> Iterator[Updates]:
            yield from self._loader.load_edited(language, lambda: history.recipe(entries, event.index))

        self._edited.then(history.add, [history.entries, self.finished], history.outputs, **UNQUEUED)
        history.thumbnails.select(open_from_history, [language, history.entries], self.open_outputs, **QUEUED)
        create.panel.file_buttons["edit"].click(
            self._open_from_create, [language, create.panel.picture_state], self.open_outputs, **QUEUED
        )
        language_ready.then(self._open_link, language, self.open_outputs, **QUEUED)
        history.upload.upload(self._open_png, [language, history.upload], self.open_outputs, **QUEUED)

    def _connect_loading(self) -> None:
        source, tools, results, language = self.source, self.tools, self.results, self._language
        source.upload.upload(
            self._loader.load_file,
            [language, source.upload, source.awaited_recipe],
            self.open_outputs,
            trigger_mode="always_last",
            **QUEUED,
        )
        tools.other_upload.upload(
            self._open_other,
            [language, tools.other_upload],
            [tools.other_picture, tools.other_preview],
            **QUEUED,
        )
        results.buttons["go_on"].click(
            self._open_result, [language, results.finished, results.selected], self.open_outputs, **QUEUED
        )

    def _connect_edit(self) -> Dependency:
        source, tools, results = self.source, self.tools, self.results
        edited = self.start_button.click(
            self._edit,
            [
                self._language,
                source.picture_state,
                source.caption,
                *tools.inputs,
                tools.other_picture,
                results.finished,
            ],
            [self.start_button, self.stop_button, self.finished, *results.outputs],
            js=_WITH_MASK_JS,
            **QUEUED,
        )
        self.stop_button.click(self._cancel_events.set, **UNQUEUED)
        tools.tool.change(
            lambda tool: gr.update(visible=tool != LIVE_TOOL), tools.tool, self.start_button, **UNQUEUED
        )
        return edited

    def _connect_sliders(self) -> None:
        source, sliders, language = self.source, self.tools.code_sliders, self._language
        sliders.connect(language, lambda: self._studio.sliders)
        gr.on(
            [slider.input for slider in sliders.sliders],
            self._edit_code,
            [language, source.picture_state, source.caption, sliders.code_indices, *sliders.sliders],
            self.results.outputs,
            trigger_mode="always_last",  # skip the values that arrive while a picture is drawn
            **UNQUEUED,
        )

    # --- opening pictures

    def _open(self, translate: Translator, picture: Picture) -> Updates:
        """Open a picture; changes `open_outputs`. Raises EXPECTED_ERRORS."""
        source, updates = self.source.open(translate, picture)
        return {
            **updates,
            **self._slider_updates(translate, source.code),
            self.body: gr.update(visible=True),
            **self.tools.updates(translate, source.encoded, source.model_input_url),
            **self.results.cleared(),
        }

    def reconstruct(self, language: str, source: SourcePicture | None) -> Updates:
        """Encode the open picture again, with the checkpoint in use; changes `reconstruct_outputs`."""
        if source is None:
            return gr.skip()
        translate = Translator(language)
        with show_errors(translate):
            # To a checkpoint that did not draw it, the picture is a file like any other.
            picture = self._studio.open_file(source.encoded.png)
            source, updates = self.source.reconstruct(translate, picture)
        return updates | self._slider_updates(translate, source.code)

    def _slider_updates(self, translate: Translator, code: Code) -> Updates:
        values = slider_values(code)
        return self.tools.code_sliders.updates(translate, self._studio.sliders, values, values)

    def _open_from_create(self, language: str, picture: OpenPicture) -> Iterator[Updates]:
        yield from self._loader.load(language, lambda: self._studio.draw_now(picture.recipe))

    def _open_link(self, request: gr.Request, language: str) -> Iterator[Updates]:
        def get_recipe() -> Recipe | None:
            return links.recipe_from_query(str(request.query_params))

        yield from self._loader.load_edited(language, get_recipe)

    def _open_png(self, language: str, path: str) -> Iterator[Updates]:
        yield from self._loader.load_edited(language, lambda: load_png(path))

    def _open_result(
        self, language: str, finished: tuple[EncodedPicture, ...], selected: int
    ) -> Iterator[Updates]:
        yield from self._loader.load_result(language, finished[selected])

    def _open_other(self, language: str, path: str) -> Updates:
        """Open the second picture of an interpolation, or the one whose style is taken."""
        with show_errors(Translator(language), "edit_bad_file"):
            encoded = EncodedPicture.encode(self._studio.open_file(Path(path).read_bytes()))
        return {
            self.tools.other_picture: encoded,
            self.tools.other_preview: f'<img src="{display_url(encoded)}" alt="">',
        }

    # --- edits

    def _edit(
        self, request: gr.Request, language: str, source: SourcePicture | None, caption: str, *values: Any
    ) -> Iterator[Updates]:
        """Run the selected tool; earlier results stay if it fails or is stopped.

        `values`: the fields of EditForm, the other picture, and the earlier results.
        """
        if source is None:
            yield gr.skip()
            return
        translate, results = Translator(language), self.results
        *fields, other, earlier = values
        form, cancel = EditForm(*fields), self._cancel_events.create(request)
        layout = "strip" if form.tool == "blend" else "tiles"
        pictures: list[Picture] = []
        try:
            picture = source.with_caption(caption)
            requested = form.to_edits(picture, self._studio, other)
            yield results.started(translate, len(requested), layout) | self._set_running(True)
            for frame in self._studio.edit(picture, requested, cancel, files_of(other)):
                if frame.done:
                    pictures = frame.finished
                else:
                    yield results.in_progress(translate, frame, len(requested), layout)
            outcome = self._done_text(translate, form) if pictures else translate("stopped")
            status = f'<p role="status">{outcome}</p>'
        except EXPECTED_ERRORS as error:
            status = error_html(error_text(translate, error, "edit_failed"))
        finally:
            self._cancel_events.remove(request)
        finished = [EncodedPicture.encode(picture) for picture in pictures]
        if finished:
            is_full_size = form.tool in FULL_SIZE_TOOLS
            source_url = display_url(source.encoded) if is_full_size else source.model_input_url
            updates = results.ended(translate, finished, source_url, status, layout)
        else:
            updates = results.failed(earlier, status)
        yield updates | {self.finished: finished} | self._set_running(False)

    def _set_running(self, is_running: bool) -> Updates:
        return {
            self.start_button: gr.update(visible=not is_running),
            self.stop_button: gr.update(visible=is_running),
        }

    def _done_text(self, translate: Translator, form: EditForm) -> str:
        is_lanczos = form.tool == "enlarge" and self._studio.upscaler == edits.LANCZOS
        return translate("edit_lanczos") if is_lanczos else translate("edit_done")

    def _edit_code(
        self,
        language: str,
        source: SourcePicture | None,
        caption: str,
        code_indices: tuple[int, ...],
        *values: float,
    ) -> Updates:
        """Edit the picture's code to the sliders' `values`; numbers of unmoved sliders stay exact."""
        if source is None:
            return gr.skip()
        translate, code, unmoved = Translator(language), list(source.code), slider_values(source.code)
        for index, value in zip(code_indices, values, strict=True):
            if value != unmoved[index]:
                code[index] = value
        try:
            edit = PromptEdit(code=tuple(round(number, CODE_DECIMALS) for number in code))
            result = EncodedPicture.encode(self._studio.edit_now(source.with_caption(caption), edit))
        except EXPECTED_ERRORS as error:
            return {self.results.status: error_html(error_text(translate, error, "edit_failed"))}
        return self.results.ended(translate, [result], source.model_input_url, "")
