"""EditSource: what an edit starts from, where a code has told numbers: view and light.

    the drawing  --view: colours, camera-->  the picture  --edit of pixels-->  a picture with a view of 0

An edit that draws anew acts on the drawing before the view, and its result has the same view, or that of its
own code. An edit of pixels acts on what is seen; from there on the view is 0 and the light as the code
encoder estimates it, as with a file. All this follows from the recipe alone, so that a recipe can be
replayed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from dalle.config import VIEW_NUMBERS, Config
from dalle.edits import Edit, FromFile, Interpolate, PromptEdit, Variation, parse_edits, to_dict
from dalle.pipeline.latents import initial_codes, without_view
from dalle.prompts.reader import Reader
from dalle.recipe import Recipe

DRAWN_ANEW = (Variation, PromptEdit, Interpolate)  # kinds of edits; the others edit pixels
PLAIN_VIEW = (0.0,) * VIEW_NUMBERS


@dataclass(frozen=True)
class EditSource:
    """A picture as an edit takes it.

    image  before the view for edits that draw anew, as seen for edits of pixels
    told   the told numbers of its code; empty: a view of 0, and the light is to be estimated
    """

    image: Image.Image
    recipe: Recipe
    told: tuple[float, ...]


def told_numbers(recipe: Recipe, config: Config, reader: Reader | None = None) -> tuple[float, ...]:
    """View and light of a recipe's picture; empty where they are not known.

    That is so for a picture that began as a file, after an edit of pixels, and without told numbers.
    """
    edits, count = parse_edits(recipe), config.flow.told
    if not count or any(isinstance(edit, FromFile) for edit in edits):
        return ()
    told = initial_codes([recipe], config, reader)[0][:count]
    for edit in edits:
        if isinstance(edit, PromptEdit):
            told = told if edit.code is None else edit.code[:count]
        elif isinstance(edit, Interpolate):
            told = _mix(told, told_numbers(Recipe.from_dict(edit.other), config, reader), edit.weight)
        elif not isinstance(edit, DRAWN_ANEW):
            told = ()
    return told


def _mix(start: Sequence[float], end: Sequence[float], weight: float) -> tuple[float, ...]:
    """Linear interpolation of told numbers; empty where either is."""
    if not start or not end:
        return ()
    return tuple((1 - weight) * a + weight * b for a, b in zip(start, end, strict=True))


def plain_recipe(recipe: Recipe, config: Config, reader: Reader | None = None) -> Recipe:
    """The recipe of a picture before its view; of one whose told numbers are known."""
    edits = parse_edits(recipe)
    pixel_edits = [index for index, edit in enumerate(edits) if not isinstance(edit, DRAWN_ANEW)]
    first = pixel_edits[-1] + 1 if pixel_edits else 0  # of the edits that were drawn anew since
    base = recipe if pixel_edits else without_view(recipe, config, reader)
    plain = [_plain_edit(edit, config, reader) for edit in edits[first:]]
    return replace(base, edits=(*recipe.edits[:first], *map(to_dict, plain)))


def _plain_edit(edit: Edit, config: Config, reader: Reader | None) -> Edit:
    if isinstance(edit, PromptEdit) and edit.code is not None:
        return replace(edit, code=PLAIN_VIEW + edit.code[VIEW_NUMBERS:])
    if isinstance(edit, Interpolate):
        return replace(edit, other=plain_recipe(Recipe.from_dict(edit.other), config, reader).to_dict())
    return edit
