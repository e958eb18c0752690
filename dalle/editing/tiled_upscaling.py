"""Upscaling of large images in overlapping tiles, one tile a turn."""

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

MARGIN = 24  # pixels around a window's own part: as far as the network sees, and two for the interpolation

WINDOW = 128  # pixels a side, margins included: a checkpoint's pictures are one window

MAX_PIXELS = 2**24  # of what comes out


def check_size(width: int, height: int, factor: int) -> None:
    """Raises ValueError for a picture that would come out too large."""
    if width * height * factor**2 > MAX_PIXELS:
        most = f"{MAX_PIXELS / 1e6:.0f}"
        raise InputError("enlarged", factor=factor, width=width, height=height, most=most)


@dataclass
class Windows:
    """The way through a picture, window by window: (top, left) of each."""

    corners: list[tuple[int, int]]
    taken: int = 0

    @property
    def steps(self) -> int:
        return len(self.corners)


@dataclass(eq=False)
class UpscaleState:
    """A picture on its way to `factor` times its size."""

    recipe: Recipe  # of what comes out
    pixels: np.ndarray  # (H, W, 3) uint8
    factor: int
    walk: Windows = field(init=False)

    def __post_init__(self) -> None:
        height, width = self.pixels.shape[:2]
        check_size(width, height, self.factor)
        self.walk = Windows(list(product(_starts(height), _starts(width))))

    @cached_property
    def output(self) -> np.ndarray:
        """(F H, F W, 3) uint8, made at the first step: one that waits for its turn takes no memory."""
        # Previews show it half done: what is not yet enlarged must be the picture, not stray memory.
        return self.pixels.repeat(self.factor, 0).repeat(self.factor, 1)


def _starts(length: int) -> list[int]:
    """Where windows begin, so that their parts without margins cover `length` pixels."""
    last = max(0, length - WINDOW)
    return [*range(0, last, WINDOW - 2 * MARGIN), last]


class TiledUpscaler:
    """Moves enlargements, as Painter does drawings: one window a step, so that nobody waits for more."""

    def __init__(self, upscaler: Upscaler):
        self.upscaler = upscaler

    @torch.inference_mode()
    def step(self, drawings: Sequence[UpscaleState]) -> None:
        """Move the first that is not done by one window."""
        job = next(job for job in drawings if job.walk.taken < job.walk.steps)
        top, left = job.walk.corners[job.walk.taken]
        window = images.from_arrays(job.pixels[None, top : top + WINDOW, left : left + WINDOW])
        window = window.to(self.upscaler.input.weight.device)
        (picture,) = images.to_images(self.upscaler(window, job.factor))
        large, (height, width), f = np.asarray(picture), job.pixels.shape[:2], job.factor
        (up, low), (near, end) = _own(top, height), _own(left, width)
        own = large[(up - top) * f : (low - top) * f, (near - left) * f : (end - left) * f]
        job.output[up * f : low * f, near * f : end * f] = own
        job.walk.taken += 1

    def paint(self, drawings: Sequence[UpscaleState]) -> list[Image.Image]:
        return [Image.fromarray(job.output) for job in drawings]


def _own(start: int, length: int) -> tuple[int, int]:
    """From where to where the window that begins at `start` is to be believed."""
    end = min(start + WINDOW, length)
    return start + MARGIN if start else 0, end - MARGIN if end < length else length
