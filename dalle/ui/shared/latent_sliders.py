"""Live sliders: each moves one number of the code, in the order and under the names of a checkpoint.

Both come with every picture that is shown, since the checkpoint that draws can be another one by then.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from dalle.pipeline.sliders import Slider
from dalle.ui.shared.events import AT_ONCE, View
from dalle.ui.shared.open_picture import END, SLIDER_POSITIONS, Code
from dalle.ui.shared.texts import Translator


class LatentSliders:
    """`order` is the State with the number that each of the sliders moves; empty: nothing is shown yet."""

    def __init__(self, name: str):
        """`name`: how the sliders' ids begin."""
        self._name, self.sliders, self.order = name, [], gr.State(())
        self.ends = gr.HTML(elem_classes="slider-ends")

    def add(self, count: int) -> None:
        """More sliders, here; the most telling ones stand first."""
        for place in range(len(self.sliders), len(self.sliders) + count):
            slider = gr.Slider(
                minimum=-END,
                maximum=END,
                step=10**-SLIDER_POSITIONS,
                value=0,
                label="",  # comes with a picture
                buttons=[],
                min_width=0,
                elem_id=f"{self._name}-{place}",
            )
            self.sliders.append(slider)

    @property
    def outputs(self) -> set[Any]:
        return {self.order, self.ends, *self.sliders}

    def wire(self, language: gr.Radio, known: Callable[[], Sequence[Slider]]) -> None:
        """Other words with another language; `known()` gives the sliders of the checkpoint in use."""

        def retold(language: str, order: Sequence[int]) -> View:
            return self._words(Translator(language), known(), order) if order else gr.skip()

        language.change(retold, [language, self.order], {self.ends, *self.sliders}, **AT_ONCE)

    def show(self, say: Translator, known: Sequence[Slider], standing: Code) -> View:
        """The sliders of a checkpoint; `standing` tells where each number of the code stands."""
        order = tuple(slider.index for slider in known[: len(self.sliders)])
        view = self._words(say, known, order)
        for slider, index in zip(self.sliders, order, strict=True):
            view[slider] |= {"value": standing[index]}
        return view | {self.order: order}

    def _words(self, say: Translator, known: Sequence[Slider], order: Sequence[int]) -> View:
        by_index = {slider.index: slider for slider in known}
        named = [by_index[index] for index in order]
        labels = (gr.update(label=each.name[say.language]) for each in named)
        return {self.ends: _ends(self._name, named, say)} | dict(zip(self.sliders, labels, strict=True))


def _ends(name: str, sliders: Sequence[Slider], say: Translator) -> str:
    """A style sheet that writes what a slider's ends look like where Gradio writes -3 and 3."""
    rules = [
        f"#{name}-{place} .{side}_value::after{{content:{_css_text(words[say.language])}}}"
        for place, slider in enumerate(sliders)
        for side, words in (("min", slider.low), ("max", slider.high))
    ]
    return f"<style>{''.join(rules)}</style>"


def _css_text(text: str) -> str:
    """A text as CSS quotes it; it cannot end the style sheet."""
    return '"' + re.sub(r'[\\"<\x00-\x1f\x7f]', lambda found: f"\\{ord(found[0]):x} ", text) + '"'


IN_VIEW = 8  # sliders; the others are folded
