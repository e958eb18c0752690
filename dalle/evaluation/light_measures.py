"""Measures of colours and light from pixels: how a picture differs from the plain picture.

B pictures (B, 3, S, S) in [-1, 1]; masks (B, S, S) bool are of the plain pictures' subjects.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.data.sprite_scenes import light
from dalle.data.sprite_scenes.plan import LIGHT
from dalle.evaluation.camera_measures import ground_colour, to_oklab
from dalle.networks import colour
from dalle.networks.oklab import chroma

NAMES = (*colour.FACTORS, *LIGHT)  # the numbers of a code after the camera's

# The least change by the true transform for a picture to count, by NAMES: radians, then distances in Oklab.
# A black drawing has no hue to turn, and a grey one no colourfulness.
MIN_CHANGE = torch.tensor([0.1, 0.005, 0.01, 0.01, 0.01, 0.0])
MIN_COLOUR = 0.02  # chroma of a subject's mean colour, below which it has no hue
DARK = 0.35  # luma below which a pixel can be part of an outline
EDGE, INSIDE = 1 / 64, 4 / 64  # of the side: how deep an outline is, and where it has certainly ended


def measure(pictures: Tensor, masks: Tensor) -> Tensor:
    """-> (B, 6) in the order of NAMES, each growing with its number on any picture, but for hue.

    hue            angle of the subject's mean colour, in radians; NaN where that is grey
    colourfulness  mean chroma of the subject
    lightness      its mean lightness
    contrast       mean distance of its lightness from the one that contrast leaves
    background     how warm the ground is
    outline        how much more of the subject's edge is dark than of its inside
    """
    lab, inside = to_oklab(pictures), masks.float()
    lightness, first, second = lab.unbind(1)

    def mean(values: Tensor) -> Tensor:
        return (values * inside).sum((1, 2)) / inside.sum((1, 2))

    across, along = mean(first), mean(second)
    hue = torch.where(torch.hypot(across, along) < MIN_COLOUR, torch.nan, torch.atan2(along, across))
    warm = torch.tensor(light.WARM)
    ground = ground_colour(lab)[:, 1:, 0, 0] @ (warm / warm.norm())
    contrast = mean((lightness - colour.MIDDLE).abs())
    measured = [hue, mean(chroma(lab)[:, 0]), mean(lightness), contrast, ground]
    return torch.stack([*measured, outline_score(pictures, masks)], 1)


def change(before: Tensor, after: Tensor) -> Tensor:
    """Difference of two measures (B, 6); that of hue lies between -pi and pi."""
    difference = after - before
    hue = difference[:, :1]
    return torch.cat([torch.atan2(hue.sin(), hue.cos()), difference[:, 1:]], 1)


def transform(pictures: Tensor, masks: Tensor, numbers: Tensor, tinted: Tensor) -> Tensor:
    """What numbers (B, 6), of NAMES, make of plain pictures.

    The tint is of all but the subjects, in pictures where `tinted` (B,) holds.
    """
    rgb = (pictures.clamp(-1, 1) + 1) / 2
    background = numbers[:, NAMES.index("background")] * tinted
    seen = torch.where(masks[:, None], rgb, light.tint(rgb, background)) * 2 - 1
    return colour.render(seen, numbers[:, : len(colour.FACTORS)])


def unit_numbers(count: int, name: str, value: float) -> Tensor:
    """(count, 6): the number of this name is `value`, the others are 0."""
    numbers = torch.zeros(count, len(NAMES))
    numbers[:, NAMES.index(name)] = value
    return numbers


def outline_score(pictures: Tensor, masks: Tensor) -> Tensor:
    """Dark share of the subject's edge less that of its inside, from -1 to 1: (B,).

    As `data/sprite_scenes/measures.py` measures drawings.
    """
    luma = ((pictures + 1) / 2 * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    side = pictures.shape[-1]
    edge, inside = masks & ~_eroded(masks, round(EDGE * side)), _eroded(masks, round(INSIDE * side))
    shares = [((luma < DARK) & part).sum((1, 2)) / part.sum((1, 2)).clamp(min=1) for part in (edge, inside)]
    return shares[0] - shares[1]


def _eroded(masks: Tensor, pixels: int) -> Tensor:
    """Pixels of (B, S, S) whose square of 2 * pixels + 1 a side lies in the mask, or beyond the frame."""
    outside = F.max_pool2d((~masks).float()[:, None], 2 * pixels + 1, 1, pixels)
    return outside[:, 0] == 0
