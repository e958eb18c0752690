"""Gradio sliders of the code, ordered and named as the checkpoint in use says.

Order and names are sent with every picture that is opened, since the checkpoint may have changed by then.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape

import gradio as gr

from dalle.config import VIEW_NUMBERS
from dalle.pipeline.sliders import Slider
from dalle.ui.shared.events import UNQUEUED, Outputs, Updates
from dalle.ui.shared.open_picture import SLIDER_DECIMALS, SLIDER_LIMIT, Code
from dalle.ui.shared.texts import Translator

VISIBLE_SLIDERS = VIEW_NUMBERS  # they act at once; the others are in a closed accordion


class LatentSliders:
    """`sliders`, the one with the strongest effect first; each moves one number of the code.

    `code_indices` is a State with each slider's index in the code; empty before the first picture.
    A double click sets a slider to its home (page.js).
    """

    def __init__(self, id_prefix: str):
        """`id_prefix`: the sliders' HTML ids are "{id_prefix}-{position}"."""
        self._id_prefix = id_prefix
        self.sliders: list[gr.Slider] = []
        self.code_indices = gr.State(())
        self.end_labels, self.homes, self.end_pictures = (
            gr.HTML(elem_classes="slider-ends") for _ in range(3)
        )

    def add_sliders(self, count: int) -> None:
        """Create the next `count` sliders in the current layout block."""
        for position in range(len(self.sliders), len(self.sliders) + count):
            slider = gr.Slider(
                minimum=-SLIDER_LIMIT,
                maximum=SLIDER_LIMIT,
                step=10**-SLIDER_DECIMALS,
                value=0,
                label="",  # set when a picture is opened
                buttons=[],
                min_width=0,
                elem_id=f"{self._id_prefix}-{position}",
            )
            self.sliders.append(slider)

    @property
    def outputs(self) -> Outputs:
        return [self.code_indices, self.end_labels, self.homes, *self.sliders]

    def connect(self, language: gr.Radio, get_sliders: Callable[[], Sequence[Slider]]) -> None:
        """Translate the names with the page; `get_sliders` gives those of the checkpoint in use."""

        def relabel(language: str, indices: Sequence[int]) -> Updates:
            return self._labels(Translator(language), get_sliders(), indices) if indices else gr.skip()

        language.change(relabel, [language, self.code_indices], [self.end_labels, *self.sliders], **UNQUEUED)

    def updates(self, translate: Translator, sliders: Sequence[Slider], values: Code, homes: Code) -> Updates:
        """Show a checkpoint's sliders at the positions `values`; both are in the order of the code."""
        indices = tuple(slider.index for slider in sliders[: len(self.sliders)])
        updates = self._labels(translate, sliders, indices)
        for slider, index in zip(self.sliders, indices, strict=True):
            updates[slider] |= {"value": values[index]}
        by_id = {f"{self._id_prefix}-{position}": homes[index] for position, index in enumerate(indices)}
        home_html = f'<span data-homes="{escape(json.dumps(by_id))}"></span>'
        return updates | {self.code_indices: indices, self.homes: home_html}

    def end_pictures_css(self, pictures: Mapping[int, tuple[str, str]]) -> str:
        """A style sheet that shows pictures, as data URLs, at both ends of the sliders at these positions."""
        rules = [
            f"#{self._id_prefix}-{position} .{end}_value::after"
            f'{{content:"";background-image:url({_css_string(url)})}}'
            for position, urls in pictures.items()
            for end, url in zip(("min", "max"), urls, strict=True)
        ]
        shared = ",".join(
            f"#{self._id_prefix}-{position} :is(.min_value,.max_value)::after" for position in pictures
        )
        layout = "display:inline-block;width:64px;height:64px;border-radius:8px;background-size:cover"
        return f"<style>{shared}{{{layout}}}{''.join(rules)}</style>" if pictures else ""

    def _labels(self, translate: Translator, sliders: Sequence[Slider], indices: Sequence[int]) -> Updates:
        by_index = {slider.index: slider for slider in sliders}
        ordered = [by_index[index] for index in indices]
        labels = (gr.update(label=slider.name[translate.language]) for slider in ordered)
        return {self.end_labels: self._end_labels_css(ordered, translate)} | dict(
            zip(self.sliders, labels, strict=True)
        )

    def _end_labels_css(self, sliders: Sequence[Slider], translate: Translator) -> str:
        """A style sheet that puts the names of a slider's ends where Gradio writes -3 and 3."""
        rules = [
            f"#{self._id_prefix}-{position} .{end}_value::after"
            f"{{content:{_css_string(names[translate.language])}}}"
            for position, slider in enumerate(sliders)
            for end, names in (("min", slider.low), ("max", slider.high))
        ]
        return f"<style>{''.join(rules)}</style>"


def _css_string(text: str) -> str:
    """A CSS string literal, escaped so that a checkpoint's names cannot close the style sheet."""
    return '"' + re.sub(r'[\\"<\x00-\x1f\x7f]', lambda match: f"\\{ord(match[0]):x} ", text) + '"'
