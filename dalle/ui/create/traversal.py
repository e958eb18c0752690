"""The walk: what one slider does from end to end, as a strip, or what two do together, as a pad."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np

from dalle.recipe import Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared import tiles
from dalle.ui.shared.events import EXPECTED_ERRORS, QUIET, View, error_html, error_text
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import END, OpenPicture
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

STRIP, PAD = 7, 5  # pictures from end to end
NOTHING = -1  # instead of a second slider


class Traversal:
    """`recipes` is the State with what the cells show."""

    def __init__(self, studio: Studio, spoken: Localizer):
        self._studio = studio
        self.recipes = gr.State(())
        with spoken(gr.Accordion, lambda say: {"label": say("walk")}, open=False, elem_id="walk"):
            with gr.Row(equal_height=True):
                first = studio.sliders[0].index
                self.across = spoken(gr.Dropdown, self._across, value=first)
                self.down = spoken(gr.Dropdown, self._down, value=NOTHING)
                self.go = spoken(gr.Button, lambda say: {"value": say("walk_go")}, size="sm", scale=0)
            self.cells = gr.HTML(js_on_load=tiles.SELECT, apply_default_css=False, elem_id="cells")

    @property
    def outputs(self) -> set[Any]:
        return {self.cells, self.recipes, self.across, self.down}

    def wire(self, language: gr.Radio, shape: gr.State) -> None:
        self.go.click(
            self.draw,
            [language, shape, self.across, self.down],
            {self.cells, self.recipes},
            **QUIET,
        )

    def draw(self, language: str, shape: OpenPicture | None, across: int, down: int) -> Iterator[View]:
        if shape is None:
            return
        recipes = traversal_recipes(shape, across, down)
        kind = "strip" if down in (NOTHING, across) else "pad"
        yield {self.cells: tiles.coming([], len(recipes), kind)}
        try:
            drawn = [EncodedPicture.of(picture) for picture in self._studio.draw(recipes, urgent=True)]
        except EXPECTED_ERRORS as error:
            yield {self.cells: error_html(error_text(Translator(language), error)), self.recipes: ()}
            return
        labels = [_label(recipe, across, down) for recipe in recipes]
        yield {
            self.cells: tiles.buttons([tile.uri for tile in drawn], labels, kind=kind),
            self.recipes: recipes,
        }

    def cleared(self, say: Translator) -> View:
        """For a picture that was opened; by another checkpoint the sliders may have other names."""
        across, down = gr.update(**self._across(say)), gr.update(**self._down(say))
        return {self.cells: "", self.recipes: (), self.across: across, self.down: down}

    def _across(self, say: Translator) -> dict[str, Any]:
        return {"label": say("walk_across"), "choices": self._names(say)}

    def _down(self, say: Translator) -> dict[str, Any]:
        return {"label": say("walk_down"), "choices": [(say("walk_none"), NOTHING), *self._names(say)]}

    def _names(self, say: Translator) -> list[tuple[str, int]]:
        return [(slider.name[say.language], slider.index) for slider in self._studio.sliders]


def traversal_recipes(shape: OpenPicture, across: int, down: int = NOTHING) -> tuple[Recipe, ...]:
    """Recipes of a strip over one number of the code, or, row by row, of a pad over two."""
    for index in {across, down} - {NOTHING}:
        if not 0 <= index < len(shape.code):
            raise ValueError(f"a slider's number is from 0 to {len(shape.code) - 1}; got {index!r}")
    if down in (NOTHING, across):
        return tuple(_at(shape, {across: x}) for x in np.linspace(-END, END, STRIP))
    stops = np.linspace(-END, END, PAD)
    return tuple(_at(shape, {across: x, down: y}) for y in stops for x in stops)


def _at(shape: OpenPicture, values: dict[int, float]) -> Recipe:
    code = tuple(float(values.get(index, value)) for index, value in enumerate(shape.code))
    return dataclasses.replace(shape.recipe, code=code)


def _label(recipe: Recipe, across: int, down: int) -> str:
    indices = [across] if down in (NOTHING, across) else [across, down]
    return " / ".join(f"{recipe.code[index]:+g}" for index in indices)
