"""Latent traversal: recipes along one slider (a strip) or two sliders (a grid) of the open picture."""

import dataclasses

import numpy as np

from dalle.recipe import Recipe
from dalle.ui.shared.open_picture import SLIDER_LIMIT, OpenPicture

STRIP_LENGTH = 7  # pictures from one end of the slider to the other
GRID_SIDE = 5
NO_SLIDER = -1  # in place of the second slider's index: a strip


def traversal_recipes(picture: OpenPicture, across: int, down: int = NO_SLIDER) -> tuple[Recipe, ...]:
    """STRIP_LENGTH recipes along code[across], or GRID_SIDE^2 in row-major order if `down` is another index.

    Raises ValueError for an index outside the code.
    """
    for index in {across, down} - {NO_SLIDER}:
        if not 0 <= index < len(picture.code):
            raise ValueError(f"a slider's number is from 0 to {len(picture.code) - 1}; got {index!r}")
    if is_strip(across, down):
        return tuple(
            _with_numbers(picture, {across: x})
            for x in np.linspace(-SLIDER_LIMIT, SLIDER_LIMIT, STRIP_LENGTH)
        )
    positions = np.linspace(-SLIDER_LIMIT, SLIDER_LIMIT, GRID_SIDE)
    return tuple(_with_numbers(picture, {across: x, down: y}) for y in positions for x in positions)


def is_strip(across: int, down: int) -> bool:
    return down in (NO_SLIDER, across)


def _with_numbers(picture: OpenPicture, numbers: dict[int, float]) -> Recipe:
    """The picture's recipe with some numbers of the code replaced."""
    code = tuple(float(numbers.get(index, number)) for index, number in enumerate(picture.code))
    return dataclasses.replace(picture.recipe, code=code)
