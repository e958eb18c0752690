"""Reads the told numbers of a picture beside its plain picture: those whose transform explains it best.

Gauss-Newton, from numbers of 0 and from coarse to fine pictures, on camera and light together: a simple
measure of size, say, would take a bulge for one.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.config import CAMERA_NUMBERS
from dalle.evaluation.light_measures import NAMES, transform
from dalle.networks import camera

OUTLINE = NAMES.index("outline")
READABLE = CAMERA_NUMBERS + OUTLINE  # numbers read: all but the outline, which is no transform
SHRINKAGES = (8, 4)  # of the pictures compared, one after the other
ITERATIONS = 6  # for each
STEP = 0.1  # of the numeric derivative
DAMPING = 0.02  # relative to the curvature
PRIOR = 1e-4  # mean squared difference of pictures that is worth a number of 1: nothing seen is read as 0


@torch.inference_mode()
def read_numbers(plain: Tensor, masks: Tensor, pictures: Tensor) -> Tensor:
    """Plain pictures (B, 3, S, S), masks of their subjects (B, S, S), pictures -> their numbers (B, 11)."""
    numbers = torch.zeros(len(plain), READABLE)
    for shrinkage in SHRINKAGES:
        before, after = (F.avg_pool2d(each, shrinkage) for each in (plain, pictures))
        small_masks = F.avg_pool2d(masks.float()[:, None], shrinkage)[:, 0] > 0.5
        for _ in range(ITERATIONS):
            numbers = (numbers + _step(before, small_masks, after, numbers)).clamp(-3, 3)
    return numbers


def _step(plain: Tensor, masks: Tensor, pictures: Tensor, numbers: Tensor) -> Tensor:
    """The change of numbers (B, 11) that the linearised transform asks for."""
    steps = torch.cat([torch.zeros(1, READABLE), STEP * torch.eye(READABLE)])
    moved = (numbers[:, None] + steps).flatten(0, 1)
    plain, masks = (each.repeat_interleave(len(steps), 0) for each in (plain, masks))
    seen = _transform(plain, masks, moved).view(len(pictures), len(steps), -1)
    difference = pictures.flatten(1) - seen[:, 0]
    slopes = (seen[:, 1:] - seen[:, :1]) / STEP
    pixels = difference.shape[1]
    curvature = slopes @ slopes.transpose(1, 2) / pixels
    pull = (slopes @ difference[..., None])[..., 0] / pixels - PRIOR * numbers
    diagonal = DAMPING * curvature.diagonal(dim1=1, dim2=2) + PRIOR
    step = torch.linalg.solve(curvature + torch.diag_embed(diagonal), pull)
    return step.clamp(-1, 1)


def _transform(plain: Tensor, masks: Tensor, numbers: Tensor) -> Tensor:
    """(B, 3, h, h) under camera and light (B, 11)."""
    view, light = numbers.split([CAMERA_NUMBERS, OUTLINE], 1)
    light = F.pad(light, (0, 1))
    return camera.render(transform(plain, masks, light, torch.ones(len(plain))), view)
