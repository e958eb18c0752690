"""Values of the Edit tab's controls, and the edits that they ask for. No Gradio components."""

import base64
import binascii
import dataclasses
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dalle import edits, images
from dalle.data.emoji.emoji_set import STYLES
from dalle.editing.editor import NO_FILES, FilesByDigest
from dalle.edits import Edit, Inpaint, Interpolate, PromptEdit, RemoveBackground, Upscale, Variation
from dalle.errors import InputError
from dalle.recipe import SEED_COUNT, Picture, Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared.generation_settings import OFFERED_STYLES, GenerationSettings
from dalle.ui.shared.tiles import EncodedPicture

RESULT_COUNT = 4  # results of an edit that starts from a random seed
INTERPOLATION_COUNT = 7  # results of an interpolation, both ends included
KEEP_OFFSETS = (-0.2, -0.1, 0.0, 0.1)  # added to `keep`, one for each result of a prompt edit
STYLE_OF_OTHER_PICTURE = "other"  # in place of a style


@dataclass(frozen=True)
class EditForm:
    """Values of the controls. Each tool reads some of them, see TOOL_CONTROLS in tools.py."""

    tool: str = "vary"
    amount: float = 0.4  # of a variation
    prompt: str = ""  # what the edited picture shows
    keep: float = 0.4
    style: str = ""  # a key of STYLES, STYLE_OF_OTHER_PICTURE, or empty: each of OFFERED_STYLES
    side: str = "out"  # one of edits.OUTPAINT_SIDES
    share: float = 0.3  # of the side of an outpainted picture that is new
    other_prompt: str = ""  # interpolate with a picture of this prompt, if no other picture is open
    factor: int = 4
    mask: str = ""  # data URL of a PNG file, opaque where to inpaint

    def to_edits(self, picture: Picture, studio: Studio, other: EncodedPicture | None) -> Sequence[Edit]:
        """The edits of a picture, one for each result.

        `other` is the second picture of an interpolation, or the one whose style is taken. Raises ValueError.
        """
        handlers = {
            "vary": lambda: [Variation(float(self.amount), seed) for seed in _random_seeds()],
            "words": lambda: self._prompt_edits(self.prompt),
            "restyle": lambda: self._style_edits(picture, studio, other),
            "paint": lambda: self._inpaint_edits(picture.recipe),
            "extend": self._outpaint_edits,
            "blend": lambda: self._interpolations(picture.recipe, studio, other),
            "enlarge": lambda: [Upscale(int(self.factor), studio.upscaler)],
            "cut": lambda: [RemoveBackground()],
        }
        if self.tool not in handlers:
            raise ValueError(f"no tool {self.tool!r}; there are {', '.join(handlers)}")
        return handlers[self.tool]()

    def _prompt_edits(self, prompt: str) -> list[PromptEdit]:
        max_keep = 1 - edits.MIN_AMOUNT
        keeps = [round(min(max_keep, max(0.0, self.keep + offset)), 3) for offset in KEEP_OFFSETS]
        return [PromptEdit(prompt, None, keep, Recipe.guidance) for keep in dict.fromkeys(keeps)]

    def _style_edits(
        self, picture: Picture, studio: Studio, other: EncodedPicture | None
    ) -> list[PromptEdit]:
        caption = edits.current_prompt(picture.recipe)
        if self.style == STYLE_OF_OTHER_PICTURE:
            if other is None:
                raise InputError("other_first")
            code = tuple(round(value, 3) for value in studio.transfer_code(picture, other.decode()))
            return [dataclasses.replace(edit, code=code) for edit in self._prompt_edits(caption)]
        if self.style not in ("", *STYLES):
            raise ValueError(f"no style {self.style!r}; there are {', '.join(STYLES)}")
        settings = GenerationSettings().with_recipe(Recipe(caption))
        styles = [self.style] if self.style else OFFERED_STYLES
        prompts = [dataclasses.replace(settings, style=style).styled_prompt for style in styles]
        if self.style:
            return self._prompt_edits(prompts[0])
        keep = min(float(self.keep), 1 - edits.MIN_AMOUNT)
        return [PromptEdit(prompt, None, keep, Recipe.guidance) for prompt in prompts]

    def _inpaint_edits(self, recipe: Recipe) -> list[Inpaint]:
        mask = edits.pack_mask(decode_mask(self.mask, recipe.size))
        return [Inpaint(mask, self.prompt, seed) for seed in _random_seeds()]

    def _outpaint_edits(self) -> list[edits.Outpaint]:
        share = float(self.share)
        return [edits.outpaint_towards(self.side, share, self.prompt, seed) for seed in _random_seeds()]

    def _interpolations(
        self, recipe: Recipe, studio: Studio, other: EncodedPicture | None
    ) -> list[Interpolate]:
        if other is None and not self.other_prompt.strip():
            raise InputError("other_needed")
        end = other.recipe if other else studio.recipe(prompt=self.other_prompt, seed=recipe.seed)
        return interpolations_to(end)


FIELD_NAMES = tuple(field.name for field in dataclasses.fields(EditForm))


def interpolations_to(end: Recipe) -> list[Interpolate]:
    """INTERPOLATION_COUNT edits with evenly spaced weights from 0 to 1 of the picture of `end`."""
    weights = np.linspace(0, 1, INTERPOLATION_COUNT).round(3).tolist()
    return [Interpolate(end.to_dict(), weight) for weight in weights]


def _random_seeds() -> list[int]:
    first = secrets.randbelow(SEED_COUNT)
    return [(first + index) % SEED_COUNT for index in range(RESULT_COUNT)]


def decode_mask(url: str, size: int) -> np.ndarray:
    """The mask (size, size) bool of a PNG file's data URL: True where it is opaque. Raises ValueError."""
    if not url:
        raise InputError("mask_empty")
    try:
        content = base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise InputError("mask_closed", error=str(error)) from error
    alpha = images.read(content, alpha=True).getchannel("A")
    return np.asarray(alpha.resize((size, size), Image.Resampling.NEAREST)) > 127


def files_of(encoded: EncodedPicture | None) -> FilesByDigest:
    """The file that an opened picture started from, by its digest; empty if it was drawn from a recipe.

    Studio.open_file gives a recipe that starts from a file no other edits, so the image is that file's.
    """
    if encoded is None:
        return NO_FILES
    picture = encoded.decode()
    return dict.fromkeys(edits.required_files(picture.recipe), picture.image)
