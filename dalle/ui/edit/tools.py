"""The tools of the Edit tab: their controls, and the edits that these come to."""

import base64
import binascii
import dataclasses
import secrets
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from dalle import edits, images
from dalle.data.emoji.emoji_set import STYLES
from dalle.edits import Edit, Inpaint, Interpolate, PromptEdit, RemoveBackground, Upscale, Variation
from dalle.errors import InputError
from dalle.recipe import MAX_PROMPT_LENGTH, SEED_COUNT, Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared.events import UNQUEUED, Updates
from dalle.ui.shared.generation_settings import OFFERED_STYLES, GenerationSettings
from dalle.ui.shared.latent_sliders import VISIBLE_SLIDERS, LatentSliders
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

SEVERAL = 4  # results of tools that leave something to chance
STRIP = 7  # pictures of a blend, both ends included
AROUND = (-0.2, -0.1, 0.0, 0.1)  # of the dial that says how much is kept: results from bold to careful
OTHER = "other"  # instead of a style: that of another picture
CONTROLS: dict[str, tuple[str, ...]] = {  # of each tool; the others are hidden
    "vary": ("amount",),
    "words": ("wanted", "keep"),
    "restyle": ("look", "keep", "other"),
    "paint": ("board", "wanted"),
    "extend": ("side", "room", "wanted"),
    "blend": ("beside", "other"),
    "bend": ("sliders",),
    "enlarge": ("factor",),
    "cut": ("cut_hint",),
}


@dataclass(frozen=True)
class EditForm:
    """The values of the tools' controls."""

    tool: str = "vary"
    amount: float = 0.4
    wanted: str = ""  # what the picture shows then
    keep: float = 0.4
    look: str = ""  # a key of STYLES, OTHER, or empty: all styles
    side: str = "out"
    room: float = 0.3
    beside: str = ""  # a prompt to blend with, where there is no other picture
    factor: int = 4
    mask: str = ""  # the address of a PNG file, painted where it is opaque

    def edits(self, recipe: Recipe, studio: Studio, other: EncodedPicture | None) -> list[Edit]:
        """What to do to a recipe's picture, once for each result. Raises ValueError."""
        ways = {
            "vary": lambda: [Variation(float(self.amount), seed) for seed in _seeds()],
            "words": lambda: self._reworded(self.wanted),
            "restyle": lambda: self._restyled(edits.current_prompt(recipe), studio, other),
            "paint": lambda: self._painted(recipe),
            "extend": self._extended,
            "blend": lambda: self._blended(recipe, studio, other),
            "enlarge": lambda: [Upscale(int(self.factor), studio.upscaler)],
            "cut": lambda: [RemoveBackground()],
        }
        if self.tool not in ways:
            raise ValueError(f"no tool {self.tool!r}; there are {', '.join(ways)}")
        return ways[self.tool]()

    def _reworded(self, prompt: str) -> list[Edit]:
        most = 1 - edits.MIN_AMOUNT
        keeps = dict.fromkeys(round(min(most, max(0.0, self.keep + step)), 3) for step in AROUND)
        return [PromptEdit(prompt, None, keep, Recipe.guidance) for keep in keeps]

    def _restyled(self, caption: str, studio: Studio, other: EncodedPicture | None) -> list[Edit]:
        if self.look == OTHER:
            if other is None:
                raise InputError("other_first")
            code = tuple(round(value, 3) for value in studio.code_of_picture(other.decode()))
            return [dataclasses.replace(edit, code=code) for edit in self._reworded(caption)]
        if self.look not in ("", *STYLES):
            raise ValueError(f"no style {self.look!r}; there are {', '.join(STYLES)}")
        subject = GenerationSettings().with_recipe(Recipe(caption))
        styles = [self.look] if self.look else OFFERED_STYLES
        prompts = [dataclasses.replace(subject, style=style).styled_prompt for style in styles]
        if self.look:
            return self._reworded(prompts[0])
        keep = min(float(self.keep), 1 - edits.MIN_AMOUNT)
        return [PromptEdit(prompt, None, keep, Recipe.guidance) for prompt in prompts]

    def _painted(self, recipe: Recipe) -> list[Edit]:
        mask = edits.pack_mask(read_mask(self.mask, recipe.size))
        return [Inpaint(mask, self.wanted, seed) for seed in _seeds()]

    def _extended(self) -> list[Edit]:
        return [edits.outpaint_towards(self.side, float(self.room), self.wanted, seed) for seed in _seeds()]

    def _blended(self, recipe: Recipe, studio: Studio, other: EncodedPicture | None) -> list[Edit]:
        if other is None and not self.beside.strip():
            raise InputError("other_needed")
        to = other.recipe if other else studio.recipe(prompt=self.beside, seed=recipe.seed)
        return [Interpolate(to.to_dict(), float(weight)) for weight in np.linspace(0, 1, STRIP).round(3)]


NAMES = tuple(field.name for field in dataclasses.fields(EditForm))


def _seeds() -> list[int]:
    first = secrets.randbelow(SEED_COUNT)
    return [(first + index) % SEED_COUNT for index in range(SEVERAL)]


def read_mask(address: str, size: int) -> np.ndarray:
    """What was painted, (size, size) bool, from the data address of a PNG file. Raises ValueError."""
    if not address:
        raise InputError("mask_empty")
    try:
        content = base64.b64decode(address.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise InputError("mask_closed", error=str(error)) from error
    alpha = images.read(content, alpha=True).getchannel("A")
    return np.asarray(alpha.resize((size, size), Image.Resampling.NEAREST)) > 127


def files(other: EncodedPicture | None) -> dict[str, Image.Image]:
    """The file that another picture began as, where it did, by its digest."""
    if other is None:
        return {}
    picture = other.decode()
    return dict.fromkeys(edits.required_files(picture.recipe), picture.image)


class Tools:
    """`tool` is the choice; `inputs` has a component for each field of Wish, in their order.

    `other` is the State with the tile of another picture, `bending` has the sliders that bend the open one.
    """

    def __init__(self, localized: Localizer, mask: gr.Textbox):
        """`mask` stands outside of what is shown and hidden, which would show it too."""
        self._parts: dict[str, Any] = {}
        self.tool = localized(
            gr.Radio,
            {
                "label": "tool",
                "choices": lambda translate: [(translate(f"tool_{name}"), name) for name in CONTROLS],
            },
            value=EditForm.tool,
            elem_classes="pills",
            elem_id="tools",
        )
        self._parts["board"] = gr.HTML(visible=False, apply_default_css=False, elem_id="board")
        self._words(localized)
        self._choices(localized)
        self._dials(localized)
        self._other(localized)
        with gr.Row(visible=False, elem_classes="sliders") as self._parts["sliders"]:
            self.bending = LatentSliders("bend")
            self.bending.add_sliders(VISIBLE_SLIDERS)
        self._hint(localized)
        named = {"tool": self.tool, "mask": mask} | self._parts
        self.inputs = [named[name] for name in NAMES]
        self.wanted, self.board = self._parts["wanted"], self._parts["board"]
        self.tool.change(self._chosen, self.tool, list(self._parts.values()), **UNQUEUED)

    def _dials(self, localized: Localizer) -> None:
        for name, least, most in (("amount", 0.05, 1), ("keep", 0, 0.95), ("room", 0.1, 0.6)):
            self._parts[name] = localized(
                gr.Slider,
                {"label": f"edit_{name}", "info": f"edit_{name}_info"},
                minimum=least,
                maximum=most,
                step=0.05,
                value=getattr(EditForm, name),
                visible=name in CONTROLS[EditForm.tool],
                buttons=[],
                elem_id=f"tool-{name}",
            )

    def _words(self, localized: Localizer) -> None:
        for name in ("wanted", "beside"):
            self._parts[name] = localized(
                gr.Textbox,
                {"label": f"edit_{name}", "placeholder": f"edit_{name}_hint"},
                value="",
                max_lines=1,
                max_length=MAX_PROMPT_LENGTH,
                visible=False,
                elem_id=f"tool-{name}",
            )

    def _choices(self, localized: Localizer) -> None:
        offered = {
            "look": lambda translate: [
                (translate("edit_every_style"), ""),
                *((translate(f"style_{style}"), style) for style in OFFERED_STYLES),
                (translate("edit_other_style"), OTHER),
            ],
            "side": lambda translate: [(translate(f"side_{side}"), side) for side in edits.OUTPAINT_SIDES],
            "factor": lambda translate: [(f"× {factor}", factor) for factor in edits.UPSCALE_FACTORS],
        }
        for name, choices in offered.items():
            self._parts[name] = localized(
                gr.Radio,
                {"label": f"edit_{name}", "choices": choices},
                value=getattr(EditForm, name),
                visible=False,
                elem_classes="pills",
                elem_id=f"tool-{name}",
            )

    def _other(self, localized: Localizer) -> None:
        """Where another picture is opened, to blend with or to take the style of."""
        self.other = gr.State(None)
        with gr.Row(visible=False, elem_id="other") as self._parts["other"]:
            self.open_other = localized.upload_button("edit_other", "edit-other")
            self.shown_other = gr.HTML(apply_default_css=False, elem_id="other-shown")

    def _hint(self, localized: Localizer) -> None:
        self._parts["cut_hint"] = localized(
            gr.HTML,
            {"value": lambda translate: f'<p class="hint">{translate("edit_cut_hint")}</p>'},
            visible=False,
            apply_default_css=False,
        )

    def _chosen(self, tool: str) -> list[dict[str, Any]]:
        return [gr.update(visible=name in CONTROLS[tool]) for name in self._parts]

    def show(self, translate: Translator, tile: EncodedPicture, uri: str) -> Updates:
        """For a picture that was opened: what it shows, and a board to paint on."""
        return {
            self.wanted: edits.current_prompt(tile.recipe),
            self.board: mask_canvas(translate, uri, tile.recipe.size),
        }


def mask_canvas(translate: Translator, uri: str, size: int) -> str:
    """A picture to be painted over; what is painted is read by the browser."""
    label = escape(translate("board"))
    return (
        f'<div class="board"><img src="{uri}" alt=""><canvas width="{size}" height="{size}" tabindex="0" '
        f'role="img" aria-label="{label}"></canvas></div>'
        f'<div class="row"><label>{translate("brush")}<input type="range" min="2" max="{size // 4}" '
        f'value="{size // 12}"></label><button type="button">{translate("board_clear")}</button></div>'
    )
