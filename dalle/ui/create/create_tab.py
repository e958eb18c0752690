"""The Create tab: a prompt becomes pictures, and a picture follows the sliders."""

import secrets
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from dalle.recipe import SEEDS, Recipe, load_png
from dalle.serving.studio import Studio
from dalle.ui.create.form import FormControls, GenerationForm
from dalle.ui.create.gallery import Gallery
from dalle.ui.create.history import History
from dalle.ui.create.picture_panel import PicturePanel
from dalle.ui.create.traversal import Traversal
from dalle.ui.shared import links
from dalle.ui.shared.events import AT_ONCE, QUIET, View, show_errors
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import OpenPicture
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

PRESS_DRAW = "() => document.querySelector('#draw')?.click()"  # it is not there while something is drawn


class CreateTab:
    """The parts of the tab, and what passes between them."""

    def __init__(self, studio: Studio, spoken: Localizer, language: gr.Radio, secret: str):
        self._studio, self._language = studio, language
        self.form = FormControls(spoken, secret)
        with gr.Row(elem_id="studio"):
            with gr.Column(scale=6, min_width=300, elem_id="left"):
                self.gallery = Gallery(studio, spoken, self.form)
                self.history = History(spoken, secret)
            with gr.Column(scale=5, min_width=300, elem_id="right"):
                self.bench = PicturePanel(studio, spoken)
                with self.bench.body:
                    self.walk = Traversal(studio, spoken)
        self._wire_drawing()
        self._wire_bench()
        self._wire_restoring()

    def arrive(self, page: gr.Blocks, greeted: Any) -> None:
        """When the page is opened: what the browser kept; once its language is known, what the link says."""
        form, history = self.form, self.history
        page.load(history.show, history.entries, history.outputs, **AT_ONCE)
        asked = [self._language, *form.inputs]
        form.restore(page)
        greeted.then(self._from_link, asked, self._restored, **QUIET)

    def refit(self, language: str, shape: OpenPicture | None) -> View:
        """Draw the open picture again, by the checkpoint that is in use now; changes `opened`."""
        if shape is None:
            return gr.skip()
        with show_errors(Translator(language)):
            return self._open(Translator(language), links.fitted(shape.recipe, self._studio)[0])

    @property
    def opened(self) -> set[Any]:
        """What changes when a picture is opened."""
        return self.bench.outputs | self.walk.outputs

    @property
    def _restored(self) -> set[Any]:
        return self.opened | set(self.form.inputs)

    def _wire_drawing(self) -> None:
        form, gallery, history = self.form, self.gallery, self.history
        start = [form.draw.click, form.prompt.submit]
        drawn = gr.on(start, gallery.draw, [self._language, *form.inputs], gallery.outputs, **QUIET)
        drawn.then(self._open_first, [self._language, gallery.tiles], self.opened, **AT_ONCE)
        drawn.then(history.add, [history.entries, gallery.tiles], history.outputs, **AT_ONCE)
        form.keep(drawn.then)
        # Beside the drawing: Gradio runs listeners of one event one after the other.
        gallery.asked.change(self._notice, [self._language, gallery.asked], form.notice, **AT_ONCE)
        form.stop.click(gallery.stop, **AT_ONCE)
        form.examples.select(_chosen, None, form.prompt, **AT_ONCE).then(None, js=PRESS_DRAW)
        form.surprise.click(self._surprise, None, form.prompt, **AT_ONCE).then(None, js=PRESS_DRAW)
        zipped = gallery.zip.click(self._zip, gallery.tiles, gallery.file, **QUIET)
        zipped.success(None, js="() => document.querySelector('#zip-file').click()")

    def _wire_bench(self) -> None:
        bench, history, walk = self.bench, self.history, self.walk
        bench.wire(self._language)
        history.wire(self._language)
        walk.wire(self._language, bench.shape)
        at_hand = [self._language, self.gallery.tiles]
        self.gallery.pictures.select(self._open_tile, at_hand, self.opened, **AT_ONCE)
        chosen = [self._language, bench.shape, walk.recipes]
        walk.cells.select(self._take, chosen, bench.outputs, **AT_ONCE)
        keep = [self._language, bench.shape, history.entries]
        bench.files["keep"].click(self._keep, keep, history.outputs, **QUIET)

    def _wire_restoring(self) -> None:
        form, history, bench = self.form, self.history, self.bench
        asked = [self._language, *form.inputs]
        old = history.strip.select(self._from_history, [history.entries, *asked], self._restored, **QUIET)
        file = history.drop.upload(self._from_file, [history.drop, *asked], self._restored, **QUIET)
        same = bench.files["reuse"].click(self._reuse, [bench.shape, *form.inputs], form.inputs, **AT_ONCE)
        for restored in (old, file, same):
            form.keep(restored.then)

    # --- words

    def _surprise(self) -> str:
        return self._studio.surprise(secrets.randbelow(SEEDS))

    def _notice(self, language: str, prompt: str) -> str:
        """What the model understands otherwise, or will not understand, of the prompt."""
        say, lines = Translator(language), []
        if (read := self._studio.read(prompt)) != prompt:
            lines.append(say("read_as", read=escape(read)))
        if unknown := self._studio.unknown_words(read):
            words = (say("unknown_word", word=escape(word), near=escape(near)) for word, near in unknown)
            lines.append(say("unknown", words=say("list_join").join(words)))
        if rest := self._studio.too_long(prompt):
            lines.append(say("too_long", rest=escape(rest)))
        return "".join(f"<p>{line}</p>" for line in lines)

    # --- pictures that are at hand

    def _open_first(self, language: str, tiles: tuple[EncodedPicture, ...]) -> View:
        return self._open(Translator(language), tiles[0].recipe, tiles[0]) if tiles else gr.skip()

    def _open_tile(self, language: str, tiles: tuple[EncodedPicture, ...], event: gr.EventData) -> View:
        return self._open(Translator(language), tiles[event.index].recipe, tiles[event.index])

    def _open(self, say: Translator, recipe: Recipe, tile: EncodedPicture | None = None) -> View:
        return self.bench.open(say, recipe, tile) | self.walk.cleared(say)

    def _take(
        self, language: str, shape: OpenPicture, recipes: tuple[Recipe, ...], event: gr.EventData
    ) -> View:
        """A cell of the walk was chosen."""
        return self.bench.take(language, shape, recipes[event.index])

    def _keep(self, language: str, shape: OpenPicture, entries: Any) -> list[Any]:
        with show_errors(Translator(language)):
            kept = EncodedPicture.of(self._studio.draw_now(shape.recipe))
        gr.Info(Translator(language)("kept"))
        return self.history.add(entries, [kept])

    def _zip(self, tiles: tuple[EncodedPicture, ...]) -> str:
        name = Path(tiles[0].name).with_suffix(".zip").name
        return save_bytes_to_cache(links.zipped(tiles), name, self.gallery.file.GRADIO_CACHE)

    # --- recipes that come from elsewhere

    def _from_history(self, event: gr.EventData, entries: Any, language: str, *fields: Any) -> View:
        with show_errors(Translator(language)):
            recipe = self.history.recipe(entries, event.index)
            if recipe.edits:  # the Edit tab opens it
                return gr.skip()
            return self._restore(language, recipe, GenerationForm(*fields))

    def _from_file(self, path: str, language: str, *fields: Any) -> View:
        with show_errors(Translator(language), "file_bad"):
            recipe = load_png(path)
            if recipe.edits:  # the Edit tab opens it
                return gr.skip()
            view = self._restore(language, recipe, GenerationForm(*fields))
        gr.Info(Translator(language)("restored"))
        return view

    def _from_link(self, request: gr.Request, language: str, *fields: Any) -> View:
        """The form stays as the visitor left it, unless there is nothing in it."""
        with show_errors(Translator(language), "link_bad", duration=None):
            recipe = links.from_query(str(request.query_params))
            if recipe is None or recipe.edits:  # the Edit tab opens those
                return gr.skip()
            settings = GenerationForm(*fields)
            view = self._restore(language, recipe, settings)
        return view | self.form.show(settings) if settings.prompt else view

    def _reuse(self, shape: OpenPicture, *fields: Any) -> View:
        return self.form.show(GenerationForm(*fields).like(shape.recipe))

    def _restore(self, language: str, recipe: Recipe, settings: GenerationForm) -> View:
        """Open a picture and set the form to what it was drawn by."""
        fitted, other = links.fitted(recipe, self._studio)
        say = Translator(language)
        view = self._open(say, fitted) | self.form.show(settings.like(fitted))
        if other:
            links.warn(say, recipe, fitted)
        return view


def _chosen(event: gr.EventData) -> str:
    return event.prompt
