"""The open picture as a value: its recipe, its code and its undo history. No Gradio components."""

import dataclasses
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dalle.recipe import SEED_COUNT, Recipe

Code = tuple[float, ...]  # CODE_SIZE numbers, in standard deviations
CodeLookup = Callable[[Recipe], Code]  # Studio.code_of_recipe

SLIDER_LIMIT = 3.0  # sliders go from -SLIDER_LIMIT to SLIDER_LIMIT standard deviations
SLIDER_DECIMALS = 2
NUDGE_STD = 0.35  # standard deviation of one random step
QUICK_STEPS = 3  # sampling steps of small pictures at the ends of sliders
MAX_UNDO_STEPS = 100


def slider_values(code: Code) -> Code:
    """Slider positions of a code: rounded, and clipped to SLIDER_LIMIT."""
    return tuple(round(_clip(number), SLIDER_DECIMALS) for number in code)


@dataclass(frozen=True)
class OpenPicture:
    """The open picture. Methods return the changed picture; `undo` reverts one change."""

    recipe: Recipe
    code: Code
    original: Recipe  # the recipe when the picture was opened
    undo_stack: tuple[Recipe, ...] = ()  # newest last
    last_moved: int | None = None  # index of the slider if the last change moved exactly one

    @classmethod
    def from_recipe(cls, recipe: Recipe, code_of: CodeLookup) -> "OpenPicture":
        return cls(recipe, code_of(recipe), recipe)

    def move_sliders(self, values: Sequence[float]) -> "OpenPicture":
        """Set the slider positions, one for each number of the code.

        The number of a slider that did not move keeps its exact value. Moving one slider several times in a
        row makes one undo step.
        """
        before = slider_values(self.code)
        moved = [index for index, value in enumerate(values) if value != before[index]]
        if not moved:
            return self
        code = tuple(
            _float32(values[index]) if index in moved else number for index, number in enumerate(self.code)
        )
        single = moved[0] if len(moved) == 1 else None
        same_drag = single is not None and single == self.last_moved
        return dataclasses.replace(
            self,
            recipe=dataclasses.replace(self.recipe, code=code),
            code=code,
            undo_stack=self.undo_stack if same_drag else self._push_undo(),
            last_moved=single,
        )

    def nudge(self) -> "OpenPicture":
        """Add N(0, NUDGE_STD^2) to every number of the code."""
        rng = random.Random(secrets.randbits(64))
        code = tuple(_float32(_clip(number + rng.gauss(0, NUDGE_STD))) for number in self.code)
        return self._change(dataclasses.replace(self.recipe, code=code), code)

    def resample(self, code_of: CodeLookup) -> "OpenPicture":
        """Draw a new latent for the same prompt: a new seed, and the code that comes with it."""
        recipe = dataclasses.replace(self.recipe, seed=secrets.randbelow(SEED_COUNT), code=None)
        return self._change(recipe, code_of(recipe))

    def reset(self, code_of: CodeLookup) -> "OpenPicture":
        """Go back to the original recipe."""
        return self if self.recipe == self.original else self._change(self.original, code_of(self.original))

    def slider_ends(self, index: int) -> tuple[Recipe, Recipe]:
        """Recipes of quick pictures with number `index` of the code at both ends."""
        low, high = (
            dataclasses.replace(
                self.recipe,
                code=(*self.code[:index], end, *self.code[index + 1 :]),
                steps=QUICK_STEPS,
            )
            for end in (-SLIDER_LIMIT, SLIDER_LIMIT)
        )
        return low, high

    def undo(self, code_of: CodeLookup) -> "OpenPicture":
        """Revert the last change; self if there is none."""
        if not self.undo_stack:
            return self
        recipe = self.undo_stack[-1]
        return dataclasses.replace(
            self, recipe=recipe, code=code_of(recipe), undo_stack=self.undo_stack[:-1], last_moved=None
        )

    def go_to(self, recipe: Recipe, code_of: CodeLookup) -> "OpenPicture":
        """Change to another recipe, which can be undone."""
        return self._change(recipe, code_of(recipe))

    def _change(self, recipe: Recipe, code: Code) -> "OpenPicture":
        return dataclasses.replace(
            self, recipe=recipe, code=code, undo_stack=self._push_undo(), last_moved=None
        )

    def _push_undo(self) -> tuple[Recipe, ...]:
        return (*self.undo_stack, self.recipe)[-MAX_UNDO_STEPS:]


def _clip(number: float) -> float:
    return min(SLIDER_LIMIT, max(-SLIDER_LIMIT, number))


def _float32(value: float) -> float:
    """Rounded to single precision: exact for the networks, and half as long in a link."""
    return float(np.float32(value))
