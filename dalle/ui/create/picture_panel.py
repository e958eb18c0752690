"""The open picture, large, with its live sliders."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape

import gradio as gr

from dalle.recipe import CODE_SIZE, Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared.events import EXPECTED_ERRORS, UNQUEUED, Outputs, Updates, error_html, error_text
from dalle.ui.shared.latent_sliders import VISIBLE_SLIDERS, LatentSliders
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import OpenPicture, slider_values
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture, picture_figure

# HTML ids of the buttons, and keys of their texts.
_CODE_BUTTONS = ("undo", "reset", "nudge", "resample")
_FILE_BUTTONS = ("download", "copy_link", "keep", "reuse", "edit")

# Keeps the link to the open picture in the browser's address bar (page.js).
_ADDRESS_JS = """
new MutationObserver(() => dalle.address(element.querySelector("figure")?.dataset.query))
    .observe(element, { attributes: true, childList: true, subtree: true });
"""


class PicturePanel:
    """`picture_state` is the State with the OpenPicture; None: no picture is open."""

    def __init__(self, studio: Studio, localized: Localizer):
        self._studio = studio
        self.picture_state = gr.State(None)
        localized.heading("bench")
        self.empty_state = localized(gr.HTML, {"value": _empty_state_html}, apply_default_css=False)
        with gr.Column(visible=False, elem_id="bench") as self.body:
            with gr.Row(elem_id="open"):
                self.figure = gr.HTML(apply_default_css=False, elem_id="picture", js_on_load=_ADDRESS_JS)
                with gr.Column(min_width=0, elem_id="actions"):
                    self.code_buttons = _button_row(localized, _CODE_BUTTONS)
                    self.file_buttons = _button_row(localized, _FILE_BUTTONS)
            self.error = gr.HTML(apply_default_css=False)
            self.latent_sliders = LatentSliders("slider")
            with gr.Row(elem_classes="sliders"):
                self.latent_sliders.add_sliders(VISIBLE_SLIDERS)
            self.more_are_open = gr.State(False)
            self.more_sliders = localized(gr.Accordion, {"label": "more_sliders"}, open=False)
            with self.more_sliders, gr.Row(elem_classes="sliders"):
                self.latent_sliders.add_sliders(CODE_SIZE - VISIBLE_SLIDERS)

    @property
    def outputs(self) -> Outputs:
        return [*self._picture_outputs, self.empty_state, self.body, *self.latent_sliders.outputs]

    @property
    def _picture_outputs(self) -> Outputs:
        """What may change while a slider is dragged."""
        return [
            self.picture_state,
            self.figure,
            self.error,
            self.code_buttons["undo"],
            self.code_buttons["reset"],
        ]

    def connect(self, language: gr.Radio) -> None:
        latent_sliders = self.latent_sliders
        latent_sliders.connect(language, lambda: self._studio.sliders)
        gr.on(
            [slider.input for slider in latent_sliders.sliders],
            self._move_sliders,
            [language, self.picture_state, latent_sliders.code_indices, *latent_sliders.sliders],
            self._picture_outputs,
            trigger_mode="always_last",  # only the newest positions are drawn; older ones are dropped
            **UNQUEUED,
        )
        # Not by the State's own event, which is for queued ones alone.
        opened = self.more_sliders.expand(lambda: True, None, self.more_are_open, **UNQUEUED)
        closed = self.more_sliders.collapse(lambda: False, None, self.more_are_open, **UNQUEUED)
        for event in (opened.then, closed.then, latent_sliders.homes.change):
            event(
                self._show_ends,
                [self.more_are_open, self.picture_state, latent_sliders.code_indices],
                latent_sliders.end_pictures,
                trigger_mode="always_last",
                **UNQUEUED,
            )
        for name, button in self.code_buttons.items():
            handler = partial(self._change_code, name)
            button.click(handler, [language, self.picture_state], self.outputs, **UNQUEUED)
        self.file_buttons["download"].click(None, js="() => dalle.download()")
        self.file_buttons["copy_link"].click(None, js="() => dalle.copy()")

    # --- event handlers

    def open(self, translate: Translator, recipe: Recipe, encoded: EncodedPicture | None = None) -> Updates:
        """Open a recipe; draws it unless `encoded` is its picture. Raises EXPECTED_ERRORS."""
        return self._show(translate, OpenPicture.from_recipe(recipe, self._studio.code_of_recipe), encoded)

    def go_to(self, language: str, picture: OpenPicture, recipe: Recipe) -> Updates:
        """Change the open picture to a recipe that was derived from it."""
        code_of = self._studio.code_of_recipe
        return self._or_error(
            language, lambda: self._show(Translator(language), picture.go_to(recipe, code_of))
        )

    def _move_sliders(
        self, language: str, picture: OpenPicture | None, code_indices: Sequence[int], *values: float
    ) -> Updates:
        if picture is None:
            return gr.skip()
        by_index = dict(zip(code_indices, values, strict=True))
        in_code_order = [by_index[index] for index in sorted(by_index)]
        return self._or_error(language, lambda: self._show_picture(picture.move_sliders(in_code_order)))

    def _show_ends(
        self, more_are_open: bool, picture: OpenPicture | None, code_indices: Sequence[int]
    ) -> str:
        """A style sheet with quick pictures at the ends of the sliders that are not always visible."""
        indices = dict(enumerate(code_indices[VISIBLE_SLIDERS:], VISIBLE_SLIDERS))
        if picture is None or picture.recipe.edits or not more_are_open or not indices:
            return ""
        recipes = [recipe for index in indices.values() for recipe in picture.slider_ends(index)]
        try:
            drawn = self._studio.draw(recipes)
        except (
            EXPECTED_ERRORS
        ):  # the queue is full, or the checkpoint another: the ends stay without pictures
            return ""
        urls = [EncodedPicture.encode(each).data_url for each in drawn]
        pairs = zip(urls[::2], urls[1::2], strict=True)
        return self.latent_sliders.end_pictures_css(dict(zip(indices, pairs, strict=True)))

    def _change_code(self, button: str, language: str, picture: OpenPicture | None) -> Updates:
        """`button` is one of _CODE_BUTTONS."""
        if picture is None:
            return gr.skip()
        code_of = self._studio.code_of_recipe
        change = {
            "undo": lambda: picture.undo(code_of),
            "reset": lambda: picture.reset(code_of),
            "nudge": picture.nudge,
            "resample": lambda: picture.resample(code_of),
        }[button]
        return self._or_error(language, lambda: self._show(Translator(language), change()))

    def _or_error(self, language: str, handle: Callable[[], Updates]) -> Updates:
        """The updates of `handle`; if it fails, only the error message changes."""
        try:
            return handle()
        except EXPECTED_ERRORS as error:
            return {self.error: error_html(error_text(Translator(language), error))}

    def _show(
        self, translate: Translator, picture: OpenPicture, encoded: EncodedPicture | None = None
    ) -> Updates:
        """Show the picture and its slider positions."""
        return {
            **self._show_picture(picture, encoded),
            **self.latent_sliders.updates(
                translate,
                self._studio.sliders,
                slider_values(picture.code),
                slider_values(self._studio.code_of_recipe(picture.original)),
            ),
            self.empty_state: gr.update(visible=False),
            self.body: gr.update(visible=True),
        }

    def _show_picture(self, picture: OpenPicture, encoded: EncodedPicture | None = None) -> Updates:
        """Show the picture alone; draws it unless `encoded` is given."""
        encoded = encoded or EncodedPicture.encode(self._studio.draw_now(picture.recipe))
        return {
            self.picture_state: picture,
            self.figure: picture_figure(encoded),
            self.error: "",
            self.code_buttons["undo"]: gr.update(interactive=bool(picture.undo_stack)),
            self.code_buttons["reset"]: gr.update(interactive=picture.recipe != picture.original),
        }


def _button_row(localized: Localizer, names: Sequence[str]) -> dict[str, gr.Button]:
    with gr.Row(elem_classes="buttons"):
        return {
            name: localized(gr.Button, {"value": name}, size="sm", min_width=0, elem_id=name)
            for name in names
        }


def _empty_state_html(translate: Translator) -> str:
    lines = "<i></i>" * 4
    return (
        f'<div class="empty"><div class="lines" aria-hidden="true">{lines}</div>'
        f"<h3>{escape(translate('bench_empty_title'))}</h3><p>{escape(translate('bench_empty'))}</p></div>"
    )
