"""What the visitor can set, and how it becomes recipes: prompt, style, negative prompt, numbers, seed."""

import dataclasses
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from dalle.data.emoji.emoji_set import SHAREALIKE, STYLES
from dalle.recipe import MAX_GUIDANCE, MAX_PROMPT, MAX_STEPS, SEEDS, Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared.events import View
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator

MOST = 16  # pictures at a time
OFFERED = [style for style in STYLES if style not in SHAREALIKE]
_STYLED = re.compile(rf"(.*), ({'|'.join(map(re.escape, STYLES.values()))}) style", re.DOTALL)


@dataclass(frozen=True)
class GenerationForm:
    """The values of the form."""

    prompt: str = ""
    style: str = ""  # a key of STYLES; empty: any
    count: int = 8
    negative: str = ""
    guidance: float = Recipe.guidance
    steps: int = Recipe.steps
    seed: int | None = 0
    fresh: bool = True  # a new seed for every drawing

    def recipes(self, studio: Studio) -> list[Recipe]:
        """One for each picture, with seeds from `seed` on. Raises ValueError."""
        if not 1 <= self.count <= MOST:
            raise ValueError(f"count must be from 1 to {MOST}; got {self.count!r}")
        if self.style not in ("", *STYLES):
            raise ValueError(f"style must be one of {', '.join(STYLES)}, or empty; got {self.style!r}")
        fields = {"negative": self.negative, "guidance": float(self.guidance), "steps": int(self.steps)}
        seeds = [(int(self.seed) + index) % SEEDS for index in range(int(self.count))]
        return [studio.recipe(prompt=self.styled, seed=seed, **fields) for seed in seeds]

    @property
    def styled(self) -> str:
        """The prompt with its style, in the words that captions have."""
        return f"{self.prompt}, {STYLES[self.style]} style" if self.style else self.prompt

    def seeded(self) -> "GenerationForm":
        """The same, with the seed that the next drawing is to have."""
        fresh = self.fresh or self.seed is None  # its field was emptied
        return dataclasses.replace(self, seed=secrets.randbelow(SEEDS)) if fresh else self

    def like(self, recipe: Recipe) -> "GenerationForm":
        """Settings that draw this recipe again, apart from its code."""
        found = _STYLED.fullmatch(recipe.prompt)
        words = dict(zip(STYLES.values(), STYLES, strict=True))
        style = words[found[2]] if found and words[found[2]] in OFFERED else ""
        return GenerationForm(
            prompt=found[1] if style else recipe.prompt,
            style=style,
            count=self.count,
            negative=recipe.negative,
            guidance=recipe.guidance,
            steps=recipe.steps,
            seed=recipe.seed,
            fresh=False,
        )


NAMES = tuple(field.name for field in dataclasses.fields(GenerationForm))
# What the browser keeps goes to and fro within it: what is typed while the page loads is not overwritten.
PACK = f"(...values) => [Object.fromEntries({list(NAMES)}.map((name, at) => [name, values[at]]))]"
UNPACK = f"""(kept) => {{
    const all = {json.dumps(dataclasses.asdict(GenerationForm()))};
    return {list(NAMES)}.map((name) => kept?.[name] ?? all[name]);
}}"""


class FormControls:
    """`inputs`: a component for each field of Settings, in their order; `kept`: what the browser keeps."""

    def __init__(self, spoken: Localizer, secret: str):
        self.prompt = self._ask(spoken)
        self.notice = gr.HTML(elem_id="notice", apply_default_css=False)
        self._ideas(spoken)
        style = spoken(
            gr.Radio,
            lambda say: {"label": say("style"), "choices": _styles(say)},
            value="",
            elem_id="style",
        )
        with spoken(gr.Accordion, lambda say: {"label": say("settings")}, open=False, elem_id="settings"):
            numbers = self._settings(spoken)
        self.seed = numbers[4]
        self.inputs = [self.prompt, style, *numbers]
        # A new number whenever what was kept would not fit a field any more.
        self.kept = gr.BrowserState({}, storage_key="dalle-settings-1", secret=secret)
        for field in self.inputs:
            self.keep(field.input)

    def _ask(self, spoken: Localizer) -> gr.Textbox:
        """The prompt, with the button that draws it or stops."""
        with gr.Row(elem_id="ask", equal_height=True):
            prompt = spoken(
                gr.Textbox,
                lambda say: {"label": say("prompt"), "placeholder": say("prompt_hint")},
                value=GenerationForm.prompt,
                max_lines=1,  # a browser takes line breaks out of what is pasted
                max_length=MAX_PROMPT,
                container=False,
                autofocus=True,
                scale=1,
                elem_id="prompt",
            )
            self.draw = spoken(
                gr.Button, lambda say: {"value": say("draw")}, variant="primary", scale=0, elem_id="draw"
            )
            self.stop = spoken(
                gr.Button, lambda say: {"value": say("stop")}, visible=False, scale=0, elem_id="stop"
            )
        return prompt

    def _ideas(self, spoken: Localizer) -> None:
        with gr.Row(elem_id="ideas"):
            self.surprise = spoken(
                gr.Button, lambda say: {"value": say("surprise")}, size="sm", scale=0, elem_id="surprise"
            )
            self.examples = spoken(
                gr.HTML,
                lambda say: {"value": _chips(say)},
                js_on_load=CHOOSE,
                apply_default_css=False,
                elem_id="examples",
            )

    def _settings(self, spoken: Localizer) -> list[gr.components.Component]:
        """The rest of the fields, in order."""
        with gr.Row():
            count = spoken(
                gr.Slider,
                lambda say: {"label": say("count")},
                minimum=1,
                maximum=MOST,
                step=1,
                value=GenerationForm.count,
                buttons=[],
            )
            negative = spoken(
                gr.Textbox,
                lambda say: {"label": say("negative"), "placeholder": say("negative_hint")},
                value=GenerationForm.negative,
                max_length=MAX_PROMPT,
            )
        with gr.Row():
            guidance = spoken(
                gr.Slider,
                lambda say: {"label": say("guidance"), "info": say("guidance_info")},
                minimum=0,
                maximum=MAX_GUIDANCE,
                step=0.1,
                value=GenerationForm.guidance,
                buttons=[],
            )
            steps = spoken(
                gr.Slider,
                lambda say: {"label": say("steps"), "info": say("steps_info")},
                minimum=1,
                maximum=MAX_STEPS,
                step=1,
                value=GenerationForm.steps,
                buttons=[],
            )
        with gr.Row():
            seed = spoken(
                gr.Number,
                lambda say: {"label": say("seed"), "info": say("seed_info")},
                value=GenerationForm.seed,
                precision=0,
                minimum=0,
                maximum=SEEDS - 1,
            )
            fresh = spoken(gr.Checkbox, lambda say: {"label": say("fresh")}, value=GenerationForm.fresh)
        return [count, negative, guidance, steps, seed, fresh]

    def show(self, settings: GenerationForm) -> View:
        return {field: getattr(settings, name) for field, name in zip(self.inputs, NAMES, strict=True)}

    def keep(self, after: Callable[..., Any]) -> None:
        """Keep the fields in the browser after an event."""
        after(None, self.inputs, self.kept, js=PACK)

    def restore(self, page: gr.Blocks) -> Any:
        """Show what was kept when the page opens."""
        return page.load(None, self.kept, self.inputs, js=UNPACK)


CHOOSE = """
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


def _chips(say: Translator) -> str:
    chips = "".join(f'<button type="button">{escape(text)}</button>' for text in EXAMPLES[say.language])
    return f'<div class="chips" role="group" aria-label="{say("examples")}">{chips}</div>'


def _styles(say: Translator) -> list[tuple[str, str]]:
    return [(say("style_any"), ""), *((say(f"style_{style}"), style) for style in OFFERED)]
