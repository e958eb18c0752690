"""Prompt, style, seed and the other generation settings as form fields, kept in the visitor's browser."""

import dataclasses
import json
from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from dalle.recipe import MAX_GUIDANCE, MAX_PROMPT_LENGTH, MAX_STEPS, SEED_COUNT, VARIETIES
from dalle.ui.create.prompt_reading import CHOOSE_JS
from dalle.ui.shared.events import Updates
from dalle.ui.shared.generation_settings import MAX_COUNT, OFFERED_STYLES, GenerationSettings
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator

FormField = gr.Textbox | gr.Radio | gr.Slider | gr.Number | gr.Checkbox

# The draw button is replaced by the stop button while pictures are drawn.
CLICK_DRAW_JS = "() => document.querySelector('#draw')?.click()"
FOCUS_PROMPT_JS = "() => document.querySelector('#prompt :is(input, textarea)')?.focus()"
_EXAMPLES_JS = """
element.addEventListener("click", (event) => {
    const chip = event.target.closest("button");
    if (chip) trigger("select", { prompt: chip.textContent });
});
"""
EXAMPLES = {
    "en": (
        "a red apple",
        "an owl, noto style",
        "a green cat to the left of a red house",
        "a house, fluent 3d style",
        "a robot on a yellow background",
    ),
    "zh": ("红苹果", "汽车", "a red apple", "a robot on a yellow background"),
}


class FormControls:
    """`fields`: the component of each field of GenerationSettings, by its name."""

    def __init__(self, localized: Localizer, secret: str):
        """`secret` encrypts what the browser stores."""
        self._create_prompt(localized)
        self.notice = gr.HTML(elem_id="notice", apply_default_css=False, js_on_load=CHOOSE_JS)
        self._create_suggestions(localized)
        style = localized(gr.Radio, {"label": "style", "choices": _style_choices}, value="", elem_id="style")
        with localized(gr.Accordion, {"label": "settings"}, open=False, elem_id="settings"):
            self.fields: dict[str, FormField] = {
                "prompt": self.prompt,
                "style": style,
                **self._create_settings(localized),
            }
        # The number in the key goes up whenever stored values would no longer fit a field.
        self.saved = gr.BrowserState({}, storage_key="dalle-settings-1", secret=secret)
        for field in self.fields.values():
            self.save_after(field.input)

    def _create_prompt(self, localized: Localizer) -> None:
        with gr.Row(elem_id="ask", equal_height=True):
            self.prompt = localized(
                gr.Textbox,
                {"label": "prompt", "placeholder": "prompt_hint"},
                value=GenerationSettings.prompt,
                max_lines=1,  # an <input>: browsers remove line breaks from pasted text
                max_length=MAX_PROMPT_LENGTH,
                container=False,
                autofocus=True,
                scale=1,
                elem_id="prompt",
            )
            self.draw_button = localized(
                gr.Button, {"value": "draw"}, variant="primary", scale=0, elem_id="draw"
            )
            self.stop_button = localized(gr.Button, {"value": "stop"}, visible=False, scale=0, elem_id="stop")

    def _create_suggestions(self, localized: Localizer) -> None:
        with gr.Row(elem_id="ideas"):
            self.surprise_button = localized(
                gr.Button, {"value": "surprise"}, size="sm", scale=0, elem_id="surprise"
            )
            self.examples = localized(
                gr.HTML,
                {"value": _examples_html},
                js_on_load=_EXAMPLES_JS,
                apply_default_css=False,
                elem_id="examples",
            )

    def _create_settings(self, localized: Localizer) -> dict[str, FormField]:
        with gr.Row():
            count = localized(
                gr.Slider,
                {"label": "count"},
                minimum=1,
                maximum=MAX_COUNT,
                step=1,
                value=GenerationSettings.count,
                buttons=[],
            )
            negative = localized(
                gr.Textbox,
                {"label": "negative", "placeholder": "negative_hint"},
                value=GenerationSettings.negative,
                max_length=MAX_PROMPT_LENGTH,
            )
        with gr.Row():
            guidance = localized(
                gr.Slider,
                {"label": "guidance", "info": "guidance_info"},
                minimum=0,
                maximum=MAX_GUIDANCE,
                step=0.1,
                value=GenerationSettings.guidance,
                buttons=[],
            )
            steps = localized(
                gr.Slider,
                {"label": "steps", "info": "steps_info"},
                minimum=1,
                maximum=MAX_STEPS,
                step=1,
                value=GenerationSettings.steps,
                buttons=[],
            )
        with gr.Row():
            self.seed = localized(
                gr.Number,
                {"label": "seed", "info": "seed_info"},
                value=GenerationSettings.seed,
                precision=0,
                minimum=0,
                maximum=SEED_COUNT - 1,
            )
            fresh = localized(gr.Checkbox, {"label": "fresh"}, value=GenerationSettings.fresh)
        variety = localized(
            gr.Radio,
            {"label": "variety", "info": "variety_info", "choices": _variety_choices},
            value=GenerationSettings.variety,
            elem_id="variety",
            elem_classes="pills",
        )
        return {
            "count": count,
            "negative": negative,
            "guidance": guidance,
            "steps": steps,
            "seed": self.seed,
            "fresh": fresh,
            "variety": variety,
        }

    def updates(self, settings: GenerationSettings) -> Updates:
        """Fill in the fields."""
        return {field: getattr(settings, name) for name, field in self.fields.items()}

    def save_after(self, event: Callable[..., Any]) -> None:
        """Store the fields in the browser after an event, such as `button.click`.

        Without a round trip to the server, so that text typed while the page loads is not overwritten.
        """
        names = list(self.fields)
        js = f"(...values) => [Object.fromEntries({names}.map((name, index) => [name, values[index]]))]"
        event(None, list(self.fields.values()), self.saved, js=js)

    def load_saved(self, page: gr.Blocks) -> None:
        """Fill in the stored fields when the page opens; also without a round trip."""
        js = f"""(saved) => {{
    const defaults = {json.dumps(dataclasses.asdict(GenerationSettings()))};
    return {list(self.fields)}.map((name) => saved?.[name] ?? defaults[name]);
}}"""
        page.load(None, self.saved, list(self.fields.values()), js=js)


def _examples_html(translate: Translator) -> str:
    chips = "".join(f'<button type="button">{escape(text)}</button>' for text in EXAMPLES[translate.language])
    return f'<div class="chips" role="group" aria-label="{translate("examples")}">{chips}</div>'


def _style_choices(translate: Translator) -> list[tuple[str, str]]:
    return [(translate("style_any"), ""), *((translate(f"style_{style}"), style) for style in OFFERED_STYLES)]


def _variety_choices(translate: Translator) -> list[tuple[str, str]]:
    return [(translate(f"variety_{variety}"), variety) for variety in VARIETIES]
