"""Brings pictures into the Edit tab: from Create, a link, the history, a file, or a result.

Pictures with edits that come by a link, the history or a PNG file are drawn again from their recipe; those
without edits are opened by the Create tab.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr

from dalle import edits
from dalle.editing.editor import NO_FILES, FilesByDigest, MissingFileError
from dalle.recipe import Picture, Recipe
from dalle.serving.studio import Studio
from dalle.ui.edit.source_panel import SourcePanel
from dalle.ui.shared import links
from dalle.ui.shared.events import EXPECTED_ERRORS, Updates, error_html, error_text
from dalle.ui.shared.progress import frame_progress, progress_bar
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture


class PictureLoader:
    """Every method yields progress first, then what opens the picture; on an error the old one stays open."""

    def __init__(
        self,
        studio: Studio,
        source: SourcePanel,
        tabs: gr.Tabs,
        open_picture: Callable[[Translator, Picture], Updates],
    ):
        """`open_picture` gives the updates that open a picture in the tab; it raises EXPECTED_ERRORS."""
        self._studio, self._source, self._tabs, self._open_picture = studio, source, tabs, open_picture

    def load(self, language: str, get_picture: Callable[[], Picture]) -> Iterator[Updates]:
        """Open a picture that needs no replay; `get_picture` raises EXPECTED_ERRORS."""
        translate = Translator(language)
        yield self._started(translate)
        try:
            yield self._open_picture(translate, get_picture())
        except EXPECTED_ERRORS as error:
            yield self._failed(error_text(translate, error))

    def load_result(self, language: str, encoded: EncodedPicture) -> Iterator[Updates]:
        """Open a result of an edit, to edit it again."""
        _, is_foreign = links.adapt_recipe(encoded.recipe, self._studio)

        def get_picture() -> Picture:
            # A picture of another checkpoint cannot be replayed: for this one it is a file like any other.
            return self._studio.open_file(encoded.png) if is_foreign else encoded.decode()

        yield from self.load(language, get_picture)

    def load_edited(self, language: str, get_recipe: Callable[[], Recipe | None]) -> Iterator[Updates]:
        """Replay a recipe that has edits; leave one without edits, or a ValueError, to the Create tab."""
        try:
            recipe = get_recipe()
        except ValueError:  # the Create tab shows the error
            recipe = None
        if recipe is None or not recipe.edits:
            yield gr.skip()
        else:
            yield from self._replay(language, recipe)

    def load_file(self, language: str, path: str, awaited: Recipe | None) -> Iterator[Updates]:
        """Open the visitor's file. If the recipe `awaited` starts from it, replay that recipe."""
        translate = Translator(language)
        yield self._started(translate)
        try:
            picture = self._studio.open_file(Path(path).read_bytes())
            digests = edits.required_files(picture.recipe)
            if awaited is not None and digests and digests[0] in edits.required_files(awaited):
                yield from self._replay(language, awaited, {digests[0]: picture.image})
                return
            yield self._open_picture(translate, picture)
            if awaited is not None:
                gr.Warning(translate("edit_other_file", file=edits.required_files(awaited)[0]), duration=None)
        except EXPECTED_ERRORS as error:
            yield self._failed(error_text(translate, error, "edit_bad_file"))

    def _replay(self, language: str, recipe: Recipe, files: FilesByDigest = NO_FILES) -> Iterator[Updates]:
        translate = Translator(language)
        yield self._started(translate)
        adapted, is_foreign = links.adapt_recipe(recipe, self._studio)
        if is_foreign:
            links.warn_other_checkpoint(translate, recipe, adapted)
        try:
            for frame in self._studio.replay(adapted, files=files):
                if frame.done:
                    yield self._open_picture(translate, frame.pictures[0])
                else:
                    yield {self._source.status: frame_progress(translate, frame)}
        except MissingFileError as error:
            message = translate("needs_file", file=error.digest)
            yield self._failed(message) | {self._source.awaited_recipe: recipe}
        except EXPECTED_ERRORS as error:
            yield self._failed(error_text(translate, error, "link_bad"))

    def _started(self, translate: Translator) -> Updates:
        return {
            self._tabs: gr.Tabs(selected="edit"),
            self._source.status: progress_bar(translate("edit_opening")),
        }

    def _failed(self, message: str) -> Updates:
        return {self._source.status: error_html(message)}
