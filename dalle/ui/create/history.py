"""History: small copies of what was drawn, with their recipes, kept in the visitor's browser."""

import re
from collections.abc import Sequence
from typing import Any

import gradio as gr

from dalle.recipe import Recipe
from dalle.ui.shared import tiles
from dalle.ui.shared.events import AT_ONCE, confirm_js
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.tiles import EncodedPicture

KEPT = 60  # pictures: about 100 KB
THUMB = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/=]+")

# {"link": Recipe.to_query(), "thumb": address}, the newest first. A link is exact, while JSON on its way
# through a browser makes 3 of 3.0, and thereby another file of the same picture.
Entries = list[dict[str, str]]


class History:
    """`entries` is the BrowserState that holds it; `strip` shows it."""

    def __init__(self, spoken: Localizer, secret: str):
        self.entries = gr.BrowserState([], storage_key="dalle-history-1", secret=secret)
        with spoken.heading("history"):
            self.clear = spoken(
                gr.Button, lambda say: {"value": say("clear")}, size="sm", scale=0, visible=False
            )
            self.drop = spoken.upload("drop", "drop", scale=0)
        hint = '<p class="hint">{}</p>'
        spoken(gr.HTML, lambda say: {"value": hint.format(say("history_hint"))}, apply_default_css=False)
        self.strip = gr.HTML(
            js_on_load=tiles.SELECT, apply_default_css=False, visible=False, elem_id="history"
        )
        self.outputs = [self.entries, self.strip, self.clear]

    def wire(self, language: gr.Radio) -> None:
        kept = [language, self.entries]
        self.clear.click(self._cleared, kept, self.outputs, js=confirm_js("clear_sure"), **AT_ONCE)

    def _cleared(self, language: str, stored: Any) -> list[Any]:
        """Without a language the visitor was not sure."""
        return self.show([] if language else stored)

    def show(self, stored: Any) -> list[Any]:
        """Values for `outputs`."""
        entries = readable(stored)
        recipes = [Recipe.from_query(entry["link"]) for entry in entries]
        labels = [f"{recipe.prompt}, {recipe.seed}" for recipe in recipes]
        strip = tiles.buttons([entry["thumb"] for entry in entries], labels, kind="thumbs")
        some = bool(entries)
        return [entries, gr.update(value=strip, visible=some), gr.update(visible=some)]

    def add(self, stored: Any, drawn: Sequence[EncodedPicture]) -> list[Any]:
        """Values for `outputs`, with what was drawn in front."""
        return self.show(added(readable(stored), drawn))

    def recipe(self, stored: Any, index: int) -> Recipe:
        return Recipe.from_query(readable(stored)[index]["link"])


def added(entries: Entries, drawn: Sequence[EncodedPicture]) -> Entries:
    """New pictures in front, each recipe once, the oldest dropped where there are too many."""
    new = [{"link": tile.recipe.to_query(), "thumb": tiles.thumb(tile)} for tile in drawn]
    links = [entry["link"] for entry in new]
    return (new + [entry for entry in entries if entry["link"] not in links])[:KEPT]


def readable(stored: Any) -> Entries:
    """The entries that this version can read: a browser may hold what another one wrote."""
    return [entry for entry in stored if _fits(entry)][:KEPT] if isinstance(stored, list) else []


def _fits(entry: Any) -> bool:
    if not isinstance(entry, dict) or set(entry) != {"link", "thumb"}:
        return False
    if not all(isinstance(text, str) for text in entry.values()) or not THUMB.fullmatch(entry["thumb"]):
        return False
    try:
        Recipe.from_query(entry["link"])
    except ValueError:
        return False
    return True
