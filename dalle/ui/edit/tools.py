"""Controls of the Edit tab's tools; those of the selected tool are shown."""

from html import escape
from typing import Any

import gradio as gr

from dalle import edits
from dalle.recipe import MAX_PROMPT_LENGTH
from dalle.ui.edit.edit_form import FIELD_NAMES, STYLE_OF_OTHER_PICTURE, EditForm
from dalle.ui.shared.events import UNQUEUED, Updates
from dalle.ui.shared.generation_settings import OFFERED_STYLES
from dalle.ui.shared.latent_sliders import VISIBLE_SLIDERS, LatentSliders
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

TOOL_CONTROLS: dict[str, tuple[str, ...]] = {  # tool -> its controls; the others are hidden
    "vary": ("amount",),
    "words": ("prompt", "keep"),
    "restyle": ("style", "keep", "other_picture"),
    "paint": ("mask_canvas", "prompt"),
    "extend": ("side", "share", "prompt"),
    "blend": ("other_prompt", "other_picture"),
    "bend": ("code_sliders",),
    "enlarge": ("factor",),
    "cut": ("cut_hint",),
}


class ToolControls:
    """`tool` is the choice; `inputs` has a component for each field of EditForm, in their order.

    `other_picture` is a State with the EncodedPicture to interpolate with or to take the style of; None if
    there is none. `code_sliders` move the open picture's code.
    """

    def __init__(self, localized: Localizer, mask: gr.Textbox):
        """`mask` must be outside of containers whose visibility changes: Gradio would show it with them."""
        self._controls: dict[str, Any] = {}
        self.tool = localized(
            gr.Radio,
            {
                "label": "tool",
                "choices": lambda translate: [(translate(f"tool_{tool}"), tool) for tool in TOOL_CONTROLS],
            },
            value=EditForm.tool,
            elem_classes="pills",
            elem_id="tools",
        )
        self._controls["mask_canvas"] = gr.HTML(visible=False, apply_default_css=False, elem_id="board")
        self._add_text_fields(localized)
        self._add_choices(localized)
        self._add_numbers(localized)
        self._add_other_picture(localized)
        with gr.Row(visible=False, elem_classes="sliders") as self._controls["code_sliders"]:
            self.code_sliders = LatentSliders("bend")
            self.code_sliders.add_sliders(VISIBLE_SLIDERS)
        self._add_cut_hint(localized)
        fields = {"tool": self.tool, "mask": mask} | self._controls
        self.inputs = [fields[name] for name in FIELD_NAMES]
        self.prompt, self.mask_canvas = self._controls["prompt"], self._controls["mask_canvas"]
        self.tool.change(self._show_controls, self.tool, list(self._controls.values()), **UNQUEUED)

    # In the following, `key` is in the texts' keys and in the element's id.

    def _add_text_fields(self, localized: Localizer) -> None:
        for field, key in (("prompt", "wanted"), ("other_prompt", "beside")):
            self._controls[field] = localized(
                gr.Textbox,
                {"label": f"edit_{key}", "placeholder": f"edit_{key}_hint"},
                value="",
                max_lines=1,
                max_length=MAX_PROMPT_LENGTH,
                visible=False,
                elem_id=f"tool-{key}",
            )

    def _add_choices(self, localized: Localizer) -> None:
        for field, key, choices in (
            ("style", "look", _style_choices),
            ("side", "side", _side_choices),
            ("factor", "factor", _factor_choices),
        ):
            self._controls[field] = localized(
                gr.Radio,
                {"label": f"edit_{key}", "choices": choices},
                value=getattr(EditForm, field),
                visible=False,
                elem_classes="pills",
                elem_id=f"tool-{key}",
            )

    def _add_numbers(self, localized: Localizer) -> None:
        for field, key, minimum, maximum in (
            ("amount", "amount", 0.05, 1),
            ("keep", "keep", 0, 0.95),
            ("share", "room", 0.1, 0.6),
        ):
            self._controls[field] = localized(
                gr.Slider,
                {"label": f"edit_{key}", "info": f"edit_{key}_info"},
                minimum=minimum,
                maximum=maximum,
                step=0.05,
                value=getattr(EditForm, field),
                visible=field in TOOL_CONTROLS[EditForm.tool],
                buttons=[],
                elem_id=f"tool-{key}",
            )

    def _add_other_picture(self, localized: Localizer) -> None:
        self.other_picture = gr.State(None)
        with gr.Row(visible=False, elem_id="other") as self._controls["other_picture"]:
            self.other_upload = localized.upload_button("edit_other", "edit-other")
            self.other_preview = gr.HTML(apply_default_css=False, elem_id="other-shown")

    def _add_cut_hint(self, localized: Localizer) -> None:
        self._controls["cut_hint"] = localized(
            gr.HTML,
            {"value": lambda translate: f'<p class="hint">{translate("edit_cut_hint")}</p>'},
            visible=False,
            apply_default_css=False,
        )

    def _show_controls(self, tool: str) -> list[dict[str, Any]]:
        return [gr.update(visible=name in TOOL_CONTROLS[tool]) for name in self._controls]

    def updates(self, translate: Translator, encoded: EncodedPicture, model_input_url: str) -> Updates:
        """For a picture that was opened: its caption as the prompt, and a canvas to paint a mask on."""
        return {
            self.prompt: edits.current_prompt(encoded.recipe),
            self.mask_canvas: _mask_canvas_html(translate, model_input_url, encoded.recipe.size),
        }


def _style_choices(translate: Translator) -> list[tuple[str, str]]:
    return [
        (translate("edit_every_style"), ""),
        *((translate(f"style_{style}"), style) for style in OFFERED_STYLES),
        (translate("edit_other_style"), STYLE_OF_OTHER_PICTURE),
    ]


def _side_choices(translate: Translator) -> list[tuple[str, str]]:
    return [(translate(f"side_{side}"), side) for side in edits.OUTPAINT_SIDES]


def _factor_choices(translate: Translator) -> list[tuple[str, int]]:
    return [(f"× {factor}", factor) for factor in edits.UPSCALE_FACTORS]


def _mask_canvas_html(translate: Translator, url: str, size: int) -> str:
    """A picture under a canvas of size x size pixels; edit.js paints on the canvas and reads the mask."""
    label = escape(translate("board"))
    return (
        f'<div class="board"><img src="{url}" alt=""><canvas width="{size}" height="{size}" tabindex="0" '
        f'role="img" aria-label="{label}"></canvas></div>'
        f'<div class="row"><label>{translate("brush")}<input type="range" min="2" max="{size // 4}" '
        f'value="{size // 12}"></label><button type="button">{translate("board_clear")}</button></div>'
    )
