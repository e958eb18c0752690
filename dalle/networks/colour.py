"""The colours of a finished picture, by four numbers of its code after the camera's. Nothing here is trained.

    pictures (B, 3, S, S), numbers (B, 4)  --render-->  pictures (B, 3, S, S)

Each number is normal, N(0, 1) or narrower, and acts between -3 and 3; 0 changes nothing. All curves act in
Oklab on each pixel, with z for the number:

    hue            turned by 25 degrees * z
    colourfulness  chroma * exp(.3 z - .04 z^2)
    lightness      L ** exp(-.25 z)
    contrast       slope exp(.3 z) at L = .7, its inverse at black and at white, which stay

White and black stay as they are, and so does a white ground. Colours that sRGB lacks lose chroma until they
fit.
"""

import math

import torch
from torch import Tensor

from dalle.networks.oklab import fit_to_rgb, rgb_to_oklab

FACTORS = ("hue", "colourfulness", "lightness", "contrast")
LIMIT = 3.0  # |number| beyond which a factor stays as it is
HUE_TURN = math.radians(25)
MIDDLE = 0.7  # lightness that contrast leaves: about the mean of drawings' colours


def render(pictures: Tensor, numbers: Tensor) -> Tensor:
    """pictures (B, 3, S, S) in [-1, 1], numbers (B, 4), both float32 -> the pictures in other colours.

    Pictures whose numbers are 0 are returned bit for bit.
    """
    moved = (numbers != 0).any(1)
    if not moved.any():
        return pictures
    coloured = pictures.clone()
    rgb = ((pictures[moved] + 1) / 2).clamp(0, 1)
    coloured[moved] = _coloured(rgb, numbers[moved].clamp(-LIMIT, LIMIT)).mul_(2).sub_(1)
    return coloured


def _coloured(pictures: Tensor, numbers: Tensor) -> Tensor:
    """The same of pictures in [0, 1] and numbers within the limit."""
    hue, colourfulness, lightness, contrast = numbers[..., None, None].unbind(1)
    lab = rgb_to_oklab(pictures)
    first, second = lab[:, 1], lab[:, 2]
    strength = (0.3 * colourfulness - 0.04 * colourfulness**2).exp()
    along, across = strength * (HUE_TURN * hue).cos(), strength * (HUE_TURN * hue).sin()
    level = lab[:, 0].clamp(0, 1) ** (-0.25 * lightness).exp()
    changed = torch.empty_like(lab)
    changed[:, 0] = _contrasted(level, (0.3 * contrast).exp())
    torch.mul(first, along, out=changed[:, 1]).sub_(second * across)
    torch.mul(second, along, out=changed[:, 2]).add_(first * across)
    return fit_to_rgb(changed)


def _contrasted(lightness: Tensor, slope: Tensor) -> Tensor:
    """A curve through 0, MIDDLE and 1 with `slope` at the middle and 1 / slope at the ends."""
    above = lightness > MIDDLE
    room = torch.where(above, 1 - MIDDLE, -MIDDLE)
    distance = (lightness - MIDDLE) / room
    return MIDDLE + room * slope * distance / (1 + (slope - 1) * distance)
