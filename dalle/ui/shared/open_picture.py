"""What happens to an open picture: sliders move its code, and every change can be undone. Values only."""

import dataclasses
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dalle.recipe import SEEDS, Recipe

Code = tuple[float, ...]
Codes = Callable[[Recipe], Code]  # where the sliders stand for a recipe

END = 3.0  # standard deviations at either end of a slider
SLIDER_POSITIONS = 2  # decimals that a slider shows
NUDGE = 0.35  # standard deviations of a small random step
UNDOS = 100


@dataclass(frozen=True)
class OpenPicture:
    """An open picture: its recipe by now, the code of it, and the way back."""

    recipe: Recipe
    code: Code
    origin: Recipe  # as it was opened
    past: tuple[Recipe, ...] = ()  # what Undo goes back to, the newest last
    moving: int | None = None  # the number that the last change moved, while it was only that one

    @classmethod
    def opened(cls, recipe: Recipe, codes: Codes) -> "OpenPicture":
        return cls(recipe, codes(recipe), recipe)

    def sliders(self) -> Code:
        """Where sliders stand: numbers beyond an end stand at the end, without losing their value."""
        return tuple(round(min(END, max(-END, value)), SLIDER_POSITIONS) for value in self.code)

    def moved(self, sliders: Sequence[float]) -> "OpenPicture":
        """Sliders were dragged. A slider that stands where it stood leaves its number exactly as it was.

        Drags of one slider in a row are one step for Undo.
        """
        stood = self.sliders()
        moved = [index for index, value in enumerate(sliders) if value != stood[index]]
        if not moved:
            return self
        code = tuple(_single(sliders[i]) if i in moved else value for i, value in enumerate(self.code))
        one = moved[0] if len(moved) == 1 else None
        going_on = one is not None and one == self.moving
        past = self.past if going_on else self._past()
        recipe = dataclasses.replace(self.recipe, code=code)
        return dataclasses.replace(self, recipe=recipe, code=code, past=past, moving=one)

    def nudged(self) -> "OpenPicture":
        """A small random step of every number."""
        chance = random.Random(secrets.randbits(64))
        code = tuple(_single(min(END, max(-END, v + chance.gauss(0, NUDGE)))) for v in self.code)
        return self._changed(dataclasses.replace(self.recipe, code=code), code)

    def resampled(self, codes: Codes) -> "OpenPicture":
        """A new latent for the same words: another seed, and the code that comes with it."""
        recipe = dataclasses.replace(self.recipe, seed=secrets.randbelow(SEEDS), code=None)
        return self._changed(recipe, codes(recipe))

    def reset(self, codes: Codes) -> "OpenPicture":
        """As it was opened."""
        return self if self.recipe == self.origin else self._changed(self.origin, codes(self.origin))

    def undone(self, codes: Codes) -> "OpenPicture":
        """One change back; itself where there was none."""
        if not self.past:
            return self
        recipe = self.past[-1]
        return dataclasses.replace(self, recipe=recipe, code=codes(recipe), past=self.past[:-1], moving=None)

    def taken(self, recipe: Recipe, codes: Codes) -> "OpenPicture":
        """Another recipe, reached from this one."""
        return self._changed(recipe, codes(recipe))

    def _changed(self, recipe: Recipe, code: Code) -> "OpenPicture":
        return dataclasses.replace(self, recipe=recipe, code=code, past=self._past(), moving=None)

    def _past(self) -> tuple[Recipe, ...]:
        return (*self.past, self.recipe)[-UNDOS:]


def _single(value: float) -> float:
    """The nearest number of single precision: what the networks see, in half the room in a link."""
    return float(np.float32(value))
