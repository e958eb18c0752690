"""The bench: one picture, large, and the sliders that it follows while they are dragged."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from dalle.recipe import CODE, Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared.events import AT_ONCE, EXPECTED_ERRORS, View, error_html, error_text
from dalle.ui.shared.latent_sliders import IN_VIEW, LatentSliders
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import OpenPicture
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture, figure

ACTIONS = ("undo", "reset", "nudge", "resample")

# The page's address names the picture that is shown.
FOLLOW = """
new MutationObserver(() => dalle.address(element.querySelector("figure")?.dataset.query))
    .observe(element, { attributes: true, childList: true, subtree: true });
"""


class PicturePanel:
    """`shape` is the State with the open picture; None: nothing is open."""

    def __init__(self, studio: Studio, spoken: Localizer):
        self._studio = studio
        self.shape = gr.State(None)
        spoken.heading("bench")
        self.empty = spoken(gr.HTML, lambda say: {"value": _empty(say)}, apply_default_css=False)
        with gr.Column(visible=False, elem_id="bench") as self.body:
            with gr.Row(elem_id="open"):
                self.picture = gr.HTML(apply_default_css=False, elem_id="picture", js_on_load=FOLLOW)
                with gr.Column(min_width=0, elem_id="actions"):
                    self.actions = self._buttons(spoken, *ACTIONS)
                    self.files = self._buttons(spoken, "download", "copy_link", "keep", "reuse", "edit")
            self.trouble = gr.HTML(apply_default_css=False)
            self.dials = LatentSliders("slider")
            with gr.Row(elem_classes="sliders"):
                self.dials.add(IN_VIEW)
            with (
                spoken(gr.Accordion, lambda say: {"label": say("more_sliders")}, open=False),
                gr.Row(elem_classes="sliders"),
            ):
                self.dials.add(CODE - IN_VIEW)

    def _buttons(self, spoken: Localizer, *names: str) -> dict[str, gr.Button]:
        with gr.Row(elem_classes="buttons"):
            return {
                name: spoken(
                    gr.Button,
                    lambda say, name=name: {"value": say(name)},
                    size="sm",
                    min_width=0,
                    elem_id=name,
                )
                for name in names
            }

    @property
    def outputs(self) -> set[Any]:
        return {*self._quick, self.empty, self.body, *self.dials.outputs}

    @property
    def _quick(self) -> set[Any]:
        """What may change while a slider is dragged."""
        return {self.shape, self.picture, self.trouble, self.actions["undo"], self.actions["reset"]}

    def wire(self, language: gr.Radio) -> None:
        dials = self.dials
        dials.wire(language, lambda: self._studio.sliders)
        gr.on(
            [slider.input for slider in dials.sliders],
            self.slide,
            [language, self.shape, dials.order, *dials.sliders],
            self._quick,
            trigger_mode="always_last",  # the newest value wins, and nothing queues up
            **AT_ONCE,
        )
        for name, button in self.actions.items():
            button.click(partial(self.act, name), [language, self.shape], self.outputs, **AT_ONCE)
        self.files["download"].click(None, js="() => dalle.download()")
        self.files["copy_link"].click(None, js="() => dalle.copy()")

    # --- what the events do

    def open(self, say: Translator, recipe: Recipe, tile: EncodedPicture | None = None) -> View:
        """Show a recipe, drawing it where no tile of it is at hand. Raises Busy."""
        return self._whole(say, OpenPicture.opened(recipe, self._studio.codes), tile)

    def slide(self, language: str, shape: OpenPicture | None, order: Sequence[int], *sliders: float) -> View:
        if shape is None:
            return gr.skip()
        at = dict(zip(order, sliders, strict=True))
        return self._tried(language, lambda: self._shown(shape.moved([at[index] for index in sorted(at)])))

    def act(self, name: str, language: str, shape: OpenPicture | None) -> View:
        """One of ACTIONS."""
        if shape is None:
            return gr.skip()
        codes = self._studio.codes
        change = {
            "undo": lambda: shape.undone(codes),
            "reset": lambda: shape.reset(codes),
            "nudge": shape.nudged,
            "resample": lambda: shape.resampled(codes),
        }
        return self._tried(language, lambda: self._whole(Translator(language), change[name]()))

    def take(self, language: str, shape: OpenPicture, recipe: Recipe) -> View:
        """Go on from a recipe that was reached from the open picture."""
        return self._tried(
            language, lambda: self._whole(Translator(language), shape.taken(recipe, self._studio.codes))
        )

    def _tried(self, language: str, act: Callable[[], View]) -> View:
        """What an act changes; where it cannot be done, nothing but the word of it."""
        try:
            return act()
        except EXPECTED_ERRORS as error:
            return {self.trouble: error_html(error_text(Translator(language), error))}

    def _shown(self, shape: OpenPicture, tile: EncodedPicture | None = None) -> View:
        tile = tile or EncodedPicture.of(self._studio.draw_now(shape.recipe))
        return {
            self.shape: shape,
            self.picture: figure(tile),
            self.trouble: "",
            self.actions["undo"]: gr.update(interactive=bool(shape.past)),
            self.actions["reset"]: gr.update(interactive=shape.recipe != shape.origin),
        }

    def _whole(self, say: Translator, shape: OpenPicture, tile: EncodedPicture | None = None) -> View:
        return {
            **self._shown(shape, tile),
            **self.dials.show(say, self._studio.sliders, shape.sliders()),
            self.empty: gr.update(visible=False),
            self.body: gr.update(visible=True),
        }


def _empty(say: Translator) -> str:
    lines = "<i></i>" * 4
    return (
        f'<div class="empty"><div class="lines" aria-hidden="true">{lines}</div>'
        f"<h3>{escape(say('bench_empty_title'))}</h3><p>{escape(say('bench_empty'))}</p></div>"
    )
