"""Oklab in torch, on pictures with their channels first: (..., 3, H, W).

    sRGB in [0, 1]  --rgb_to_oklab-->  lightness in [0, 1], two axes of colour  --oklab_to_rgb-->  sRGB

`dalle.data.scenes.colours` has the same colours for arrays. All is elementwise, so that it runs at the speed
of memory and never changes a layout.
Source: B. Ottosson, "A perceptual color space for image processing", 2020.
"""

import numpy as np
import torch
from torch import Tensor

from dalle.networks.oklab_matrices import FROM_LAB, FROM_LMS, TO_LAB, TO_LMS

GAMUT_MARGIN = 1e-4  # of linear light beyond black and white that is rounding
BISECTIONS = 7  # of a colour's chroma: to a hundredth of it


def rgb_to_oklab(rgb: Tensor) -> Tensor:
    """sRGB (..., 3, H, W) in [0, 1] -> Oklab of the same shape."""
    return _mix(_mix(_linear_light(rgb), TO_LMS).log_().mul_(1 / 3).exp_(), TO_LAB)


def oklab_to_rgb(lab: Tensor) -> Tensor:
    """Oklab (..., 3, H, W) -> sRGB in [0, 1]; colours outside sRGB are clipped."""
    return _srgb(_mix(_mix(lab, FROM_LAB).pow_(3), FROM_LMS))


def fit_to_rgb(lab: Tensor) -> Tensor:
    """`oklab_to_rgb`, but colours outside sRGB lose chroma until they fit: hue and lightness stay."""
    lab = torch.cat([lab[..., :1, :, :].clamp(0, 1), lab[..., 1:, :, :]], -3)
    light = _mix(_mix(lab, FROM_LAB).pow_(3), FROM_LMS)
    outside = ~_fits(light).all(-3)
    if outside.any():
        channels_last = light.movedim(-3, -1)
        channels_last[outside] = _reduced(lab.movedim(-3, -1)[outside])
    return _srgb(light)


def _reduced(lab: Tensor) -> Tensor:
    """Oklab colours (N, 3) outside sRGB -> linear light (N, 3) at the largest chroma inside, by bisection."""
    to_lms, to_rgb = (torch.from_numpy(matrix).to(lab).T for matrix in (FROM_LAB, FROM_LMS))
    grey = lab[:, :1]
    offset = torch.cat([torch.zeros_like(grey), lab[:, 1:]], 1) @ to_lms
    low, high = torch.zeros_like(grey), torch.ones_like(grey)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        light = (grey + middle * offset) ** 3 @ to_rgb
        fits = _fits(light).all(1, keepdim=True)
        low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
    return (grey + low * offset) ** 3 @ to_rgb


def _fits(light: Tensor) -> Tensor:
    """Whether each channel of linear light can be shown."""
    return (light >= -GAMUT_MARGIN) & (light <= 1 + GAMUT_MARGIN)


def chroma(lab: Tensor) -> Tensor:
    """Oklab (..., 3, H, W) -> distance from grey (..., 1, H, W)."""
    return torch.hypot(lab[..., 1:2, :, :], lab[..., 2:3, :, :])


def _mix(channels: Tensor, matrix: np.ndarray) -> Tensor:
    """Each output channel is a row of the (3, 3) matrix, times the input channels."""
    mixed = torch.empty_like(channels)
    first, second, third = channels.unbind(-3)
    for output, row in zip(mixed.unbind(-3), matrix.tolist(), strict=True):
        torch.mul(first, row[0], out=output)
        output.add_(second, alpha=row[1]).add_(third, alpha=row[2])
    return mixed


def _linear_light(rgb: Tensor) -> Tensor:
    bright = (rgb / 1.055 + 0.055 / 1.055).log_().mul_(2.4).exp_()  # several times as fast as pow on a CPU
    return torch.where(rgb <= 0.04045, rgb / 12.92, bright)


def _srgb(light: Tensor) -> Tensor:
    light = light.clamp(0, 1)
    bright = light.log().mul_(1 / 2.4).exp_().mul_(1.055).sub_(0.055)
    return torch.where(light <= 0.0031308, light * 12.92, bright)
