"""Thumbnails and recipes of past pictures, kept in the visitor's browser."""

import re
from collections.abc import Sequence
from typing import Any

import gradio as gr

from dalle.recipe import Recipe
from dalle.ui.shared import tiles
from dalle.ui.shared.events import UNQUEUED, Outputs, confirm_js
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.tiles import EncodedPicture

MAX_ENTRIES = 60  # about 100 KB
_THUMBNAIL_URL = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/=]+")

# {"link": Recipe.to_query(), "thumb": data URL}, newest first. The recipe is stored as a query because JSON
# from a browser turns 3.0 into 3, which would change the bytes of the picture's file.
Entries = list[dict[str, str]]


class History:
    """`entries` is the BrowserState with Entries; `thumbnails` shows them."""

    def __init__(self, localized: Localizer, secret: str):
        """`secret` encrypts what the browser stores."""
        self.entries = gr.BrowserState([], storage_key="dalle-history-1", secret=secret)
        with localized.heading("history"):
            self.clear_button = localized(gr.Button, {"value": "clear"}, size="sm", scale=0, visible=False)
            self.upload = localized.upload_button("drop", "drop", scale=0)
        localized(
            gr.HTML,
            {"value": lambda translate: f'<p class="hint">{translate("history_hint")}</p>'},
            apply_default_css=False,
        )
        self.thumbnails = gr.HTML(
            js_on_load=tiles.SELECT_JS, apply_default_css=False, visible=False, elem_id="history"
        )
        self.outputs: Outputs = [self.entries, self.thumbnails, self.clear_button]

    def connect(self, language: gr.Radio) -> None:
        self.clear_button.click(
            self._clear, [language, self.entries], self.outputs, js=confirm_js("clear_sure"), **UNQUEUED
        )

    def _clear(self, language: str, stored: Any) -> list[Any]:
        """`language` is empty if the visitor did not confirm."""
        return self.show([] if language else stored)

    def show(self, stored: Any) -> list[Any]:
        """Values of `outputs` for the stored entries."""
        entries = readable_entries(stored)
        recipes = [Recipe.from_query(entry["link"]) for entry in entries]
        labels = [f"{recipe.prompt}, {recipe.seed}" for recipe in recipes]
        thumbnails = tiles.picture_buttons([entry["thumb"] for entry in entries], labels, layout="thumbs")
        visible = bool(entries)
        return [entries, gr.update(value=thumbnails, visible=visible), gr.update(visible=visible)]

    def add(self, stored: Any, pictures: Sequence[EncodedPicture]) -> list[Any]:
        """Values of `outputs` with new pictures in front."""
        return self.show(add_entries(readable_entries(stored), pictures))

    def recipe(self, stored: Any, index: int) -> Recipe:
        return Recipe.from_query(readable_entries(stored)[index]["link"])


def add_entries(entries: Entries, pictures: Sequence[EncodedPicture]) -> Entries:
    """Put new pictures in front, drop older entries of the same recipes and all beyond MAX_ENTRIES."""
    new = [{"link": encoded.recipe.to_query(), "thumb": tiles.thumbnail_url(encoded)} for encoded in pictures]
    links = [entry["link"] for entry in new]
    return (new + [entry for entry in entries if entry["link"] not in links])[:MAX_ENTRIES]


def readable_entries(stored: Any) -> Entries:
    """The entries that this version can read; a browser may hold those of another version."""
    return (
        [entry for entry in stored if _is_readable(entry)][:MAX_ENTRIES] if isinstance(stored, list) else []
    )


def _is_readable(entry: Any) -> bool:
    if not isinstance(entry, dict) or set(entry) != {"link", "thumb"}:
        return False
    if not all(isinstance(text, str) for text in entry.values()):
        return False
    if not _THUMBNAIL_URL.fullmatch(entry["thumb"]):
        return False
    try:
        Recipe.from_query(entry["link"])
    except ValueError:
        return False
    return True
