"""Seams: what of a picture is kept while a part of it is drawn anew, and how the new joins the old.

Pictures are RGB squares; a mask (S, S) bool says where they are new.
"""

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from dalle import images
from dalle.errors import InputError

FEATHER = 4  # pixels over which the new fades in, within the mask
SCREENING_LENGTH = 5  # pixels into the mask in which a correction of its rim falls to 1/e
TOLERANCE = 10  # of the sum of its squared residuals: some 30 rounds, and a grey level or two at the most


def mask_of(picture: Image.Image, size: int) -> np.ndarray:
    """Where a picture is opaque, or, where it is so everywhere, light: (size, size) bool."""
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else picture.convert("L")
    if alpha.getextrema()[0] == 255:
        alpha = picture.convert("L")
    return np.asarray(alpha.resize((size, size), Image.Resampling.NEAREST)) > 127


def fill_masked(image: Image.Image, mask: np.ndarray) -> Image.Image:
    """The picture with nothing of what a mask covers, lest its features tell of it."""
    pixels = np.array(image)
    pixels[mask] = _background_colour(pixels, mask)
    return Image.fromarray(pixels)


def _background_colour(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The usual colour of what a mask leaves of a picture's frame, or of what else it leaves: (3,)."""
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = True
    for left in (~mask & ~inner, ~mask):
        if left.any():
            return np.median(pixels[left], axis=0).astype(np.uint8)
    return np.array(images.WHITE, np.uint8)


def reframe(image: Image.Image, left: float, top: float, side: float) -> tuple[Image.Image, np.ndarray]:
    """The picture as a square of `side` at (left, top), in shares of its own; and the mask of the rest.

    There its edges go on. Raises ValueError where all of it would leave the frame, or nothing be new.
    """
    size = image.width
    length = max(1, round(side * size))
    across, down = (round(at * size) for at in (left, top))
    small = image if length == size else image.resize((length, length), Image.Resampling.LANCZOS)
    columns, rows = (np.arange(size) - start for start in (across, down))
    inside = [(at >= 0) & (at < length) for at in (rows, columns)]
    empty = ~(inside[0][:, None] & inside[1])
    if not empty.any() or empty.all():
        raise InputError("frame")
    nearest = (at.clip(0, length - 1) for at in (rows, columns))
    return Image.fromarray(np.asarray(small)[np.ix_(*nearest)]), empty


def blend(known: Image.Image, painted: Image.Image, mask: np.ndarray) -> Image.Image:
    """What was painted within the mask (S, S) bool, toned to meet the rim; outside, the exact pixels.

    What is left of the step after that, as where the rim cuts through a thing, fades over FEATHER pixels.
    """
    old, new = (np.asarray(each, np.float32) for each in (known, painted))
    toned = Image.fromarray((new + _screened_poisson(old - new, mask)).clip(0, 255).round().astype(np.uint8))
    inside = torch.from_numpy(mask)[None, None].float()
    layers = [inside]
    for _ in range(FEATHER):  # one pixel less at each side of the mask, but not at the picture's own edge
        layers.append(-F.max_pool2d(-layers[-1], 3, 1, 1))
    share = torch.stack(layers).mean(0)[0, 0]
    alpha = Image.fromarray((share * 255).round().byte().numpy())
    return Image.composite(toned, known, alpha)


def _screened_poisson(steps: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Steps (S, S, 3) at the rim of a mask, carried into it as smoothly as can be; 0 outside.

    Seamless cloning (Perez et al. 2003): Poisson's equation, but screened, so that a thing which meets
    another at the rim is not tinted as a whole. Solved by conjugate gradients; the picture's edge is free.
    """
    free = mask[..., None].astype(np.float32)
    own = _around(np.ones_like(free)) + SCREENING_LENGTH**-2
    way = rest = free * _around(steps * (1 - free))
    found, left = np.zeros_like(rest), (rest * rest).sum()
    while left > TOLERANCE:
        pull = free * (own * way - _around(way))
        length = left / (way * pull).sum()
        found, rest, before = found + length * way, rest - length * pull, left
        left = (rest * rest).sum()
        way = rest + left / before * way
    return found


def _around(values: np.ndarray) -> np.ndarray:
    """The sum of each pixel's four neighbours, (S, S, C) -> (S, S, C); beyond the edge there are none."""
    total = np.zeros_like(values)
    total[1:] += values[:-1]
    total[:-1] += values[1:]
    total[:, 1:] += values[:, :-1]
    total[:, :-1] += values[:, 1:]
    return total
