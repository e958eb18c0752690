"""Pixels of inpainting and outpainting: masks, reframing, and seamless blending of the generated region.

Images are RGB squares, S pixels a side; a mask (S, S) bool is True where pixels are to be generated.
"""

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from dalle import images
from dalle.errors import InputError

FEATHER = 4  # pixels over which the generated region fades in, inside the mask
SCREENING_LENGTH = 5  # pixels into the mask over which a correction at its border falls to 1/e
RESIDUAL_TOLERANCE = 10  # sum of squared residuals: about 30 iterations, an error of 1 or 2 grey levels


def mask_from_image(image: Image.Image, size: int) -> np.ndarray:
    """-> (size, size) bool: where the image is opaque or, if all of it is opaque, where it is light."""
    channel = image.getchannel("A") if image.mode == "RGBA" else image.convert("L")
    if channel.getextrema()[0] == 255:
        channel = image.convert("L")
    return np.asarray(channel.resize((size, size), Image.Resampling.NEAREST)) > 127


def fill_masked(image: Image.Image, mask: np.ndarray) -> Image.Image:
    """The image with a flat colour under the mask, so that its features do not encode what was there."""
    pixels = np.array(image)
    pixels[mask] = _background_colour(pixels, mask)
    return Image.fromarray(pixels)


def _background_colour(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(3,) uint8: the median of the unmasked border pixels, or else of all unmasked ones, or else white."""
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = True
    for candidates in (~mask & ~inner, ~mask):
        if candidates.any():
            return np.median(pixels[candidates], axis=0).astype(np.uint8)
    return np.array(images.WHITE, np.uint8)


def reframe(image: Image.Image, left: float, top: float, side: float) -> tuple[Image.Image, np.ndarray]:
    """Place the image as a square of `side` at (left, top), shares of its size; -> image, mask of the rest.

    The rest repeats the edge pixels. Raises InputError where nothing of the image stays, or nothing is new.
    """
    size = image.width
    length = max(1, round(side * size))
    resized = image if length == size else image.resize((length, length), Image.Resampling.LANCZOS)
    columns, rows = np.arange(size) - round(left * size), np.arange(size) - round(top * size)
    column_inside, row_inside = ((axis >= 0) & (axis < length) for axis in (columns, rows))
    mask = ~(row_inside[:, None] & column_inside)
    if not mask.any() or mask.all():
        raise InputError("frame")
    nearest = np.ix_(rows.clip(0, length - 1), columns.clip(0, length - 1))
    return Image.fromarray(np.asarray(resized)[nearest]), mask


def blend(known: Image.Image, generated: Image.Image, mask: np.ndarray) -> Image.Image:
    """`generated` inside the mask (S, S) bool, tone-corrected to meet its border; outside, `known` exactly.

    What the correction leaves, as where the border cuts through an object, fades over FEATHER pixels.
    """
    old, new = (np.asarray(image, np.float32) for image in (known, generated))
    corrected = (new + _screened_poisson(old - new, mask)).clip(0, 255).round().astype(np.uint8)
    inside = torch.from_numpy(mask)[None, None].float()
    layers = [inside]
    for _ in range(FEATHER):  # erode by one pixel, but not at the image's own edge
        layers.append(-F.max_pool2d(-layers[-1], 3, 1, 1))
    share = torch.stack(layers).mean(0)[0, 0]
    alpha = Image.fromarray((share * 255).round().byte().numpy())
    return Image.composite(Image.fromarray(corrected), known, alpha)


def _screened_poisson(differences: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Extend the differences (S, S, 3) at the mask's border smoothly into it; -> (S, S, 3), 0 outside.

    Seamless cloning (Perez et al. 2003) with a screened Poisson equation: without the screening, an object
    that meets another at the border would be tinted as a whole. Solved by conjugate gradients; the image's
    own edge is free (Neumann).
    """
    inside = mask[..., None].astype(np.float32)
    diagonal = _neighbour_sum(np.ones_like(inside)) + SCREENING_LENGTH**-2
    direction = residual = inside * _neighbour_sum(differences * (1 - inside))
    solution, squared = np.zeros_like(residual), (residual * residual).sum()
    while squared > RESIDUAL_TOLERANCE:
        product = inside * (diagonal * direction - _neighbour_sum(direction))
        step = squared / (direction * product).sum()
        solution, residual, before = solution + step * direction, residual - step * product, squared
        squared = (residual * residual).sum()
        direction = residual + squared / before * direction
    return solution


def _neighbour_sum(values: np.ndarray) -> np.ndarray:
    """Sum of each pixel's four neighbours, 0 beyond the edge: (S, S, C) -> (S, S, C)."""
    total = np.zeros_like(values)
    total[1:] += values[:-1]
    total[:-1] += values[1:]
    total[:, 1:] += values[:, :-1]
    total[:, :-1] += values[:, 1:]
    return total
