"""Latent traversal of the open picture: a strip along one slider, or a grid along two."""

from collections.abc import Iterator

import gradio as gr

from dalle.recipe import Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared import tiles
from dalle.ui.shared.events import EXPECTED_ERRORS, QUEUED, Outputs, Updates, error_html, error_text
from dalle.ui.shared.latent_traversal import NO_SLIDER, is_strip, traversal_recipes
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import OpenPicture
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture


class Traversal:
    """`cells` shows the pictures; `recipes` is the State with their recipes."""

    def __init__(self, studio: Studio, localized: Localizer):
        self._studio = studio
        self.recipes = gr.State(())
        with localized(gr.Accordion, {"label": "walk"}, open=False, elem_id="walk"):
            with gr.Row(equal_height=True):
                self.across = localized(
                    gr.Dropdown,
                    {"label": "walk_across", "choices": self._across_choices},
                    value=studio.sliders[0].index,
                )
                self.down = localized(
                    gr.Dropdown, {"label": "walk_down", "choices": self._down_choices}, value=NO_SLIDER
                )
                self.show_button = localized(gr.Button, {"value": "walk_go"}, size="sm", scale=0)
            self.cells = gr.HTML(js_on_load=tiles.SELECT_JS, apply_default_css=False, elem_id="cells")

    @property
    def outputs(self) -> Outputs:
        return [self.cells, self.recipes, self.across, self.down]

    def connect(self, language: gr.Radio, picture_state: gr.State) -> None:
        self.show_button.click(
            self._draw,
            [language, picture_state, self.across, self.down],
            [self.cells, self.recipes],
            **QUEUED,
        )

    def reset(self, translate: Translator) -> Updates:
        """Empty the cells, and offer the sliders of the checkpoint in use."""
        return {
            self.cells: "",
            self.recipes: (),
            self.across: gr.update(choices=self._across_choices(translate)),
            self.down: gr.update(choices=self._down_choices(translate)),
        }

    def _draw(self, language: str, picture: OpenPicture | None, across: int, down: int) -> Iterator[Updates]:
        if picture is None:
            return
        recipes = traversal_recipes(picture, across, down)
        layout = "strip" if is_strip(across, down) else "pad"
        yield {self.cells: tiles.picture_placeholders([], len(recipes), layout)}
        try:
            pictures = [EncodedPicture.encode(each) for each in self._studio.draw(recipes, priority=True)]
        except EXPECTED_ERRORS as error:
            yield {self.cells: error_html(error_text(Translator(language), error)), self.recipes: ()}
            return
        labels = [_label(recipe, across, down) for recipe in recipes]
        yield {
            self.cells: tiles.picture_buttons([each.data_url for each in pictures], labels, layout=layout),
            self.recipes: recipes,
        }

    def _across_choices(self, translate: Translator) -> list[tuple[str, int]]:
        return [(slider.name[translate.language], slider.index) for slider in self._studio.sliders]

    def _down_choices(self, translate: Translator) -> list[tuple[str, int]]:
        return [(translate("walk_none"), NO_SLIDER), *self._across_choices(translate)]


def _label(recipe: Recipe, across: int, down: int) -> str:
    """The slider positions of a cell: "+1.5 / -3"."""
    code = recipe.code or ()
    indices = [across] if is_strip(across, down) else [across, down]
    return " / ".join(f"{code[index]:+g}" for index in indices)
