"""Measures of the camera from pixels: what it shows beside the plain picture that it was pointed at.

B pictures (B, 3, S, S) in [-1, 1]; `seen` is what `networks/camera.py` made of them for camera (B, 6).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.networks import camera as cameras
from dalle.networks.camera import View
from dalle.networks.oklab import rgb_to_oklab

SUBJECT_DISTANCE = 0.06  # least distance of a subject's pixel from the ground's colour, in Oklab
MIN_SUBJECT = 16  # pixels; where fewer differ from the ground, all of the picture is the subject
NEAR_FRAME = 1.5  # pixels of the plain picture, from the frame's end to either side


def to_oklab(pictures: Tensor) -> Tensor:
    """(B, 3, S, S) in [-1, 1] -> Oklab (B, 3, S, S)."""
    return rgb_to_oklab((pictures.clamp(-1, 1) + 1) / 2)


def border(pictures: Tensor) -> Tensor:
    """(B, C, S, S) -> the outermost pixels: top, bottom, left, right (B, C, 4, S)."""
    return torch.stack([pictures[:, :, 0], pictures[:, :, -1], pictures[..., 0], pictures[..., -1]], 2)


def ground_colour(pictures: Tensor) -> Tensor:
    """Median of the border of (B, C, S, S) -> (B, C, 1, 1)."""
    return border(pictures).flatten(2).median(-1).values[..., None, None]


def subject_mask(pictures: Tensor) -> Tensor:
    """Pixels that differ from the ground: (B, S, S) bool."""
    lab = to_oklab(pictures)
    mask = (lab - ground_colour(lab)).norm(dim=1) > SUBJECT_DISTANCE
    return mask | (mask.sum((1, 2)) < MIN_SUBJECT)[:, None, None]


def pixel_centres(side: int) -> Tensor:
    """Picture coordinates of the pixels, row by row: (2, S * S)."""
    centres = (2 * torch.arange(side) + 1) / side - 1
    return torch.stack(torch.meshgrid(centres, centres, indexing="xy")).flatten(1)


def share_in_frame(mask: Tensor, camera: Tensor) -> Tensor:
    """Share of the subject's pixels (B, S, S) that the camera (B, 6) still shows: (B,)."""
    at = View.of(camera).from_picture(pixel_centres(mask.shape[-1]).expand(len(mask), -1, -1))
    inside = (at.abs() <= 1).all(1) & mask.flatten(1)
    return inside.sum(1) / mask.sum((1, 2))


def frame_step(pictures: Tensor, seen: Tensor, camera: Tensor) -> Tensor:
    """The largest step across the line where the plain picture ends, in grey levels: (B,); 0 if out of view.

    Not where a drawing is cut by the frame: a step is right there.
    """
    side = pictures.shape[-1]
    line = border(pixel_centres(side).view(1, 2, side, side)).flatten(2)  # (1, 2, 4 * S)
    is_end = line.abs() > 1 - 1.5 / side
    view, around = View.of(camera), []
    counts = border(~_dilated(subject_mask(pictures), 3)[:, None])[:, 0].flatten(1)  # (B, 4 * S)
    for distance in (-NEAR_FRAME, NEAR_FRAME):
        beside = torch.where(is_end, line.sign() * (1 + 2 * distance / side), line)
        at = view.from_picture(beside.expand(len(pictures), -1, -1))
        counts = counts & (at.abs() <= 1 - 1 / side).all(1)
        around.append(F.grid_sample(seen, at.transpose(1, 2)[:, None], align_corners=False)[:, :, 0])
    step = (around[0] - around[1]).abs().amax(1)
    return (step * counts).amax(1) / cameras.GREY


def _dilated(mask: Tensor, pixels: int) -> Tensor:
    return F.max_pool2d(mask.float()[:, None], 2 * pixels + 1, 1, pixels)[:, 0] > 0


def edge_energy(pictures: Tensor, seen: Tensor, camera: Tensor) -> Tensor:
    """Energy of the gradient, as a share of that of the same warp done at twice the size: (B,)."""
    large = F.interpolate(pictures, scale_factor=2, mode="bicubic", align_corners=False).clamp(-1, 1)
    reference = F.avg_pool2d(cameras.render(large, camera), 2)
    return _gradient_energy(seen) / _gradient_energy(reference).clamp(min=1e-6)


def _gradient_energy(pictures: Tensor) -> Tensor:
    down, across = pictures.diff(dim=2).square(), pictures.diff(dim=3).square()
    return down.sum((1, 2, 3)) + across.sum((1, 2, 3))


# --- the named way


def _turned(points: Tensor, clockwise: float) -> Tensor:
    cos, sin = math.cos(clockwise), math.sin(clockwise)
    return torch.tensor([[cos, sin], [-sin, cos]]) @ points


def _shift(across: float, down: float) -> Tensor:
    return torch.tensor([[across], [down]])


# What each factor looks like at -2 and at 2: where a pixel's colour comes from, points (2, N) -> (2, N), y
# pointing down. Written down here apart from networks/camera.py, whose signs are to be tested.
NAMED_WAYS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "size": lambda points, sign: points * 1.35**-sign,
    "left-right": lambda points, sign: points + _shift(-0.24 * sign, 0),
    "up-down": lambda points, sign: points + _shift(0, 0.24 * sign),
    "tilt": lambda points, sign: _turned(points, math.radians(24) * sign),
    "wide-tall": lambda points, sign: points * torch.tensor([[1.2], [1 / 1.2]]) ** sign,
    "bulge": lambda points, sign: points * 1.4 ** (-sign * (1 - points.norm(dim=0)).relu()),
}


def moves_as_named(pictures: Tensor, seen: Tensor, factor: str, sign: int) -> Tensor:
    """Whether `seen` is nearer to pictures moved the named way than the other way: (B,) bool."""
    batch, _, _, side = pictures.shape

    def error(way: int) -> Tensor:
        grid = NAMED_WAYS[factor](pixel_centres(side), way).T.view(1, side, side, 2).expand(batch, -1, -1, -1)
        moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        return (moved - seen).square().mean((1, 2, 3))

    return error(sign) < error(-sign)
