"""The Create tab: layout, the events that connect its parts, and recipes from links, files and history."""

import secrets
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency
from gradio.processing_utils import save_bytes_to_cache

from dalle.recipe import SEED_COUNT, Recipe, load_png
from dalle.serving.studio import Studio
from dalle.ui.create.form import CLICK_DRAW_JS, FOCUS_PROMPT_JS, FormControls
from dalle.ui.create.gallery import Gallery
from dalle.ui.create.history import History
from dalle.ui.create.picture_panel import PicturePanel
from dalle.ui.create.prompt_reading import SETTLED_JS, reading_html
from dalle.ui.create.traversal import Traversal
from dalle.ui.shared import links
from dalle.ui.shared.events import (
    EXPECTED_ERRORS,
    QUEUED,
    UNQUEUED,
    Outputs,
    Updates,
    error_html,
    error_text,
    show_errors,
)
from dalle.ui.shared.generation_settings import GenerationSettings
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import OpenPicture
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture


class CreateTab:
    """Form, gallery and history on the left; the open picture, its sliders and their traversal on the right.

    In handlers with `**settings`, these are the form's fields, by the names of GenerationSettings.
    """

    def __init__(self, studio: Studio, localized: Localizer, language: gr.Radio, secret: str):
        """`secret` encrypts what the browser stores."""
        self._studio, self._language = studio, language
        self.form = FormControls(localized, secret)
        with gr.Row(elem_id="studio"):
            with gr.Column(scale=6, min_width=300, elem_id="left"):
                self.gallery = Gallery(studio, localized, self.form)
                self.history = History(localized, secret)
            with gr.Column(scale=5, min_width=300, elem_id="right"):
                self.panel = PicturePanel(studio, localized)
                with self.panel.body:
                    self.traversal = Traversal(studio, localized)
        self._connect_generation()
        self._connect_open_picture()
        self._connect_restoring()

    @property
    def open_outputs(self) -> Outputs:
        """What changes when a picture is opened."""
        return self.panel.outputs + self.traversal.outputs

    @property
    def _restore_outputs(self) -> Outputs:
        return [*self.open_outputs, *self.form.fields.values()]

    # --- events

    def on_page_load(self, page: gr.Blocks, language_ready: Dependency) -> None:
        """Load what the browser stores; when the page's language is known, open the link's picture."""
        form, history = self.form, self.history
        page.load(history.show, history.entries, history.outputs, **UNQUEUED)
        form.load_saved(page)
        language_ready.then(
            self._open_link,
            None,
            self._restore_outputs,
            inputs_kwargs={"language": self._language, **form.fields},
            **QUEUED,
        )

    def _connect_generation(self) -> None:
        form, gallery, history = self.form, self.gallery, self.history
        drawn = gr.on(
            [form.draw_button.click, form.prompt.submit],
            gallery.draw,
            None,
            gallery.outputs,
            inputs_kwargs={"language": self._language, **form.fields},
            **QUEUED,
        )
        drawn.then(self._open_first, [self._language, gallery.finished], self.open_outputs, **UNQUEUED)
        drawn.then(history.add, [history.entries, gallery.finished], history.outputs, **UNQUEUED)
        form.save_after(drawn.then)
        gr.on(
            [form.prompt.change, self._language.change],
            self._read_prompt,
            [self._language, form.prompt],
            form.notice,
            js=SETTLED_JS,
            trigger_mode="always_last",
            **UNQUEUED,
        )
        form.notice.select(_example_prompt, None, form.prompt, **UNQUEUED).then(None, js=FOCUS_PROMPT_JS)
        form.stop_button.click(gallery.stop, **UNQUEUED)
        form.examples.select(_example_prompt, None, form.prompt, **UNQUEUED).then(None, js=CLICK_DRAW_JS)
        form.surprise_button.click(self._random_prompt, None, form.prompt, **UNQUEUED).then(
            None, js=CLICK_DRAW_JS
        )
        zipped = gallery.zip_button.click(self._zip, gallery.finished, gallery.zip_file, **QUEUED)
        zipped.success(None, js="() => document.querySelector('#zip-file').click()")

    def _connect_open_picture(self) -> None:
        language, gallery, history = self._language, self.gallery, self.history
        panel, traversal = self.panel, self.traversal
        panel.connect(language)
        history.connect(language)
        traversal.connect(language, panel.picture_state)
        gallery.pictures.select(
            self._open_selected, [language, gallery.finished], self.open_outputs, **UNQUEUED
        )
        traversal.cells.select(
            self._go_to_cell, [language, panel.picture_state, traversal.recipes], panel.outputs, **UNQUEUED
        )
        panel.file_buttons["keep"].click(
            self._keep, [language, panel.picture_state, history.entries], history.outputs, **QUEUED
        )

    def _connect_restoring(self) -> None:
        form, history, panel = self.form, self.history, self.panel
        language_and_form: dict[str, Any] = {"language": self._language, **form.fields}
        from_history = history.thumbnails.select(
            self._open_from_history,
            None,
            self._restore_outputs,
            inputs_kwargs={"entries": history.entries, **language_and_form},
            **QUEUED,
        )
        from_file = history.upload.upload(
            self._open_file,
            None,
            self._restore_outputs,
            inputs_kwargs={"path": history.upload, **language_and_form},
            **QUEUED,
        )
        reused = panel.file_buttons["reuse"].click(
            self._reuse_settings,
            None,
            list(form.fields.values()),
            inputs_kwargs={"picture": panel.picture_state, **form.fields},
            **UNQUEUED,
        )
        for restored in (from_history, from_file, reused):
            form.save_after(restored.then)

    # --- prompts

    def _random_prompt(self) -> str:
        return self._studio.random_prompt(secrets.randbelow(SEED_COUNT))

    def _read_prompt(self, language: str, prompt: str) -> str:
        """HTML that says how the model reads the prompt."""
        translate = Translator(language)
        try:
            reading = self._studio.read(prompt)
            return reading_html(translate, reading, self._studio.truncated_end(reading))
        except EXPECTED_ERRORS as error:
            return error_html(error_text(translate, error))

    # --- pictures of the gallery and of the traversal

    def redraw(self, language: str, picture: OpenPicture | None) -> Updates:
        """Draw the open picture again with the checkpoint in use; changes `open_outputs`."""
        if picture is None:
            return gr.skip()
        with show_errors(Translator(language)):
            return self._open(Translator(language), links.adapt_recipe(picture.recipe, self._studio)[0])

    def _open(self, translate: Translator, recipe: Recipe, encoded: EncodedPicture | None = None) -> Updates:
        return self.panel.open(translate, recipe, encoded) | self.traversal.reset(translate)

    def _open_first(self, language: str, finished: tuple[EncodedPicture, ...]) -> Updates:
        if not finished:
            return gr.skip()
        return self._open(Translator(language), finished[0].recipe, finished[0])

    def _open_selected(
        self, language: str, finished: tuple[EncodedPicture, ...], event: gr.EventData
    ) -> Updates:
        selected = finished[event.index]
        return self._open(Translator(language), selected.recipe, selected)

    def _go_to_cell(
        self, language: str, picture: OpenPicture, recipes: tuple[Recipe, ...], event: gr.EventData
    ) -> Updates:
        return self.panel.go_to(language, picture, recipes[event.index])

    def _keep(self, language: str, picture: OpenPicture, entries: Any) -> list[Any]:
        """Add the open picture to the history."""
        with show_errors(Translator(language)):
            encoded = EncodedPicture.encode(self._studio.draw_now(picture.recipe))
        gr.Info(Translator(language)("kept"))
        return self.history.add(entries, [encoded])

    def _zip(self, finished: tuple[EncodedPicture, ...]) -> str:
        name = Path(finished[0].file_name).with_suffix(".zip").name
        return save_bytes_to_cache(links.zip_pictures(finished), name, self.gallery.zip_file.GRADIO_CACHE)

    # --- recipes from the history, a file or a link; those with edits are opened by the Edit tab

    def _open_from_history(
        self, event: gr.EventData, entries: Any, language: str, **settings: Any
    ) -> Updates:
        with show_errors(Translator(language)):
            recipe = self.history.recipe(entries, event.index)
            if recipe.edits:
                return gr.skip()
            return self._restore(language, recipe, GenerationSettings(**settings))

    def _open_file(self, path: str, language: str, **settings: Any) -> Updates:
        with show_errors(Translator(language), "file_bad"):
            recipe = load_png(path)
            if recipe.edits:
                return gr.skip()
            updates = self._restore(language, recipe, GenerationSettings(**settings))
        gr.Info(Translator(language)("restored"))
        return updates

    def _open_link(self, request: gr.Request, language: str, **settings: Any) -> Updates:
        """Open the link's picture. The form keeps the visitor's settings unless its prompt is empty."""
        with show_errors(Translator(language), "link_bad", duration=None):
            recipe = links.recipe_from_query(str(request.query_params))
            if recipe is None or recipe.edits:
                return gr.skip()
            current = GenerationSettings(**settings)
            updates = self._restore(language, recipe, current)
        return updates | self.form.updates(current) if current.prompt else updates

    def _reuse_settings(self, picture: OpenPicture, **settings: Any) -> Updates:
        return self.form.updates(GenerationSettings(**settings).with_recipe(picture.recipe))

    def _restore(self, language: str, recipe: Recipe, settings: GenerationSettings) -> Updates:
        """Open a picture, and set the form to the settings that drew it."""
        adapted, is_foreign = links.adapt_recipe(recipe, self._studio)
        translate = Translator(language)
        updates = self._open(translate, adapted) | self.form.updates(settings.with_recipe(adapted))
        if is_foreign:
            links.warn_other_checkpoint(translate, recipe, adapted)
        return updates


def _example_prompt(event: gr.EventData) -> str:
    return event.prompt
