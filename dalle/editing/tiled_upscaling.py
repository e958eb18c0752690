"""Upscaling of large images in overlapping tiles, one tile a sampling step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np
import torch
from PIL import Image

from dalle import images
from dalle.errors import InputError
from dalle.networks.upscaler import Upscaler
from dalle.recipe import Recipe

TILE_SIZE = 128  # input pixels a side, margins included: an image of the model's size is one tile
TILE_MARGIN = 24  # input pixels a side that are cut off: the receptive field's radius, and 2 for the bicubic
MAX_OUTPUT_PIXELS = 2**24


def check_output_size(width: int, height: int, factor: int) -> None:
    """Raise InputError where a (width, height) image, `factor` times larger, passes MAX_OUTPUT_PIXELS."""
    if width * height * factor**2 > MAX_OUTPUT_PIXELS:
        most = f"{MAX_OUTPUT_PIXELS / 1e6:.0f}"
        raise InputError("enlarged", factor=factor, width=width, height=height, most=most)


@dataclass(eq=False)
class UpscaleState:
    """An image that is being upscaled: a `sampler.Steppable` with one step a tile.

    Raises InputError where the output would be too large.
    """

    recipe: Recipe  # of the output
    pixels: np.ndarray  # (H, W, 3) uint8
    factor: int
    corners: list[tuple[int, int]] = field(init=False)  # (top, left) of each tile, in order
    steps_taken: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        height, width = self.pixels.shape[:2]
        check_output_size(width, height, self.factor)
        self.corners = list(product(_tile_starts(height), _tile_starts(width)))

    @property
    def steps(self) -> int:
        return len(self.corners)

    @cached_property
    def output(self) -> np.ndarray:
        """(F H, F W, 3) uint8, allocated at the first step, so that a queued request takes no memory."""
        # Starts as the enlarged input: previews show tiles that are not done yet, and uninitialised memory
        # could hold another user's picture.
        return self.pixels.repeat(self.factor, 0).repeat(self.factor, 1)


class TiledUpscaler:
    """Upscales images tile by tile: a `sampler.BatchSampler` of UpscaleState."""

    def __init__(self, network: Upscaler):
        self.network = network

    @torch.inference_mode()
    def step(self, states: Sequence[UpscaleState]) -> None:
        """Upscale one tile of the first state that is not done: other requests wait for one tile at most."""
        state = next(state for state in states if state.steps_taken < state.steps)
        top, left = state.corners[state.steps_taken]
        tile = images.from_arrays(state.pixels[None, top : top + TILE_SIZE, left : left + TILE_SIZE])
        tile = tile.to(self.network.input.weight.device)
        (upscaled,) = map(np.asarray, images.to_images(self.network(tile, state.factor)))
        (height, width), factor = state.pixels.shape[:2], state.factor
        rows, columns = _inner_range(top, height), _inner_range(left, width)
        state.output[_scaled(rows, factor), _scaled(columns, factor)] = upscaled[
            _scaled(rows, factor, top), _scaled(columns, factor, left)
        ]
        state.steps_taken += 1

    def decode(self, states: Sequence[UpscaleState]) -> list[Image.Image]:
        """Images at their output size; before the last step, tiles that are not done are enlarged pixels."""
        return [Image.fromarray(state.output) for state in states]


def _tile_starts(length: int) -> list[int]:
    """Where tiles begin along a side of `length` pixels, so that their inner ranges cover it."""
    last = max(0, length - TILE_SIZE)
    return [*range(0, last, TILE_SIZE - 2 * TILE_MARGIN), last]


def _inner_range(start: int, length: int) -> tuple[int, int]:
    """(from, to) of the tile at `start` without its margins; there are none at the image's own edges."""
    end = min(start + TILE_SIZE, length)
    return start + TILE_MARGIN if start else 0, end - TILE_MARGIN if end < length else length


def _scaled(bounds: tuple[int, int], factor: int, origin: int = 0) -> slice:
    """A range of input pixels as the output's, counted from `origin`."""
    return slice((bounds[0] - origin) * factor, (bounds[1] - origin) * factor)
