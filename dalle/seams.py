"""Seams: what of a picture is kept while a part of it is drawn anew, and how the new joins the old.

Pictures are RGB squares; a mask (S, S) bool says where they are new.
"""

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from dalle import images

SEAM = 4  # pixels over which the new fades in, within the mask


def _ground(image: Image.Image, mask: np.ndarray) -> tuple[int, ...]:
    """The colour that most of what a mask leaves of a picture is near to; white where it leaves nothing."""
    left = np.asarray(image)[~mask]
    return tuple(np.median(left, axis=0).astype(int).tolist()) if len(left) else images.WHITE


def emptied(image: Image.Image, mask: np.ndarray) -> Image.Image:
    """The picture with nothing of what a mask (S, S) bool covers, lest its features tell of it."""
    pixels = np.array(image)
    pixels[mask] = _ground(image, mask)
    return Image.fromarray(pixels)


def moved(image: Image.Image, left: float, top: float, side: float) -> tuple[Image.Image, np.ndarray]:
    """The picture as a square of `side` at (left, top), in shares of its own; and the mask of the rest.

    Raises ValueError where all of it would leave the frame, or nothing be new.
    """
    size = image.width
    length = max(1, round(side * size))
    across, down = (round(at * size) for at in (left, top))
    small = image if length == size else image.resize((length, length), Image.Resampling.LANCZOS)
    empty = np.ones((size, size), bool)
    empty[max(down, 0) : max(down + length, 0), max(across, 0) : max(across + length, 0)] = False
    if not empty.any() or empty.all():
        raise ValueError("the frame must move so that some of the picture stays in it, and some of it is new")
    canvas = Image.new("RGB", (size, size), _ground(small, np.zeros((length, length), bool)))
    canvas.paste(small, (across, down))
    return canvas, empty


def joined(known: Image.Image, painted: Image.Image, mask: np.ndarray) -> Image.Image:
    """What was painted within the mask (S, S) bool, fading in over SEAM pixels; outside, the exact pixels."""
    inside = torch.from_numpy(mask)[None, None].float()
    layers = [inside]
    for _ in range(SEAM):  # one pixel less at each side of the mask, but not at the picture's own edge
        layers.append(-F.max_pool2d(-layers[-1], 3, 1, 1))
    share = torch.stack(layers).mean(0)[0, 0]
    alpha = Image.fromarray((share * 255).round().byte().numpy())
    return Image.composite(painted, known, alpha)
