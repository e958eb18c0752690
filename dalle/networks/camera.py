"""The camera: how a finished picture is seen, by the first six numbers of its code. Nothing here is trained.

    pictures (B, 3, S, S), camera (B, 6)  --render-->  pictures (B, 3, S, S)

Each number is normal, N(0, 1) or narrower, and acts between -3 and 3; 0 is the plain view. `FACTORS` says
what each does. First the bulge acts on the picture, then size and stretch, tilt, shift; together they are
one sampling grid, so that a picture is resampled once (spatial transformer, arXiv:1506.02025).

Coordinates are those of `torch.nn.functional.grid_sample` with align_corners=False: x to the right, y down,
-1 and 1 at the frame's edges. Picture coordinates say what is shown, view coordinates where it is shown.

All arithmetic is elementwise or within one picture: nothing depends on the rest of a batch or on autocast.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

LIMIT = 3.0  # |number| beyond which a factor stays as it is
STRIP = 0.25  # width of the strip along the border that is mirrored beyond the frame
GREY = 1 / 127.5  # one of 256 grey levels, where pictures are in [-1, 1]
NOT_GROUND = 40 * GREY  # a border pixel this far from the ground's colour is part of a drawing
SEAM = 4 * GREY  # largest step between a border pixel and the plain ground beyond it
PLAIN_SHARE = 0.75  # of the border's pixels that must be ground without a seam
DRIFT_CELLS = 32  # a side, in which a ground's drift from its colour is measured
DRIFT_FADE = 0.25  # distance beyond the frame at which half of the drift is left


class Factor(NamedTuple):
    """What one number of the camera sets: `value` of a number, and `number`, its inverse."""

    name: str
    value: Callable[[Tensor], Tensor]
    number: Callable[[Tensor], Tensor]


FACTORS = (
    # scale of the picture, .57 to 1.48; log scale is a parabola with its top at z = 8
    Factor(
        "size", lambda z: (0.16 * z - 0.01 * z**2).exp(), lambda s: 8 - (64 - 100 * s.log()).relu().sqrt()
    ),
    # view coordinates of the picture's centre, -.36 to .36: 6% of the side a unit
    Factor("left-right", lambda z: 0.12 * z, lambda x: x / 0.12),
    Factor("up-down", lambda z: -0.12 * z, lambda y: y / -0.12),
    # clockwise angle in radians: 12 degrees a unit
    Factor("tilt", lambda z: math.radians(12) * z, lambda angle: angle / math.radians(12)),
    # stretch of the height and shrinkage of the width, .76 (wide) to 1.31 (tall)
    Factor("wide-tall", lambda z: (0.09 * z).exp(), lambda stretch: stretch.log() / 0.09),
    # magnification of the picture's centre, .60 (in) to 1.67 (out); the middles of its edges stay
    Factor("bulge", lambda z: (0.17 * z).exp(), lambda magnification: magnification.log() / 0.17),
)


def values(camera: Tensor) -> Tensor:
    """camera (B, 6) -> the values of `FACTORS` (B, 6)."""
    numbers = camera.clamp(-LIMIT, LIMIT).unbind(-1)
    return torch.stack([factor.value(z) for factor, z in zip(FACTORS, numbers, strict=True)], -1)


def numbers(values: Tensor) -> Tensor:
    """The values of `FACTORS` (B, 6) -> camera (B, 6) within the limit: the inverse of `values`."""
    found = [factor.number(value) for factor, value in zip(FACTORS, values.unbind(-1), strict=True)]
    return torch.stack(found, -1).clamp(-LIMIT, LIMIT)


# --- points


class View(NamedTuple):
    """The transform of each camera of a batch; every field is (B, 1)."""

    width: Tensor  # scale across
    height: Tensor  # scale down
    cos: Tensor  # of the clockwise angle
    sin: Tensor
    x: Tensor  # of the picture's centre, in view coordinates
    y: Tensor
    area: Tensor  # 1 / magnification^2 of the bulge at the centre

    @classmethod
    def of(cls, camera: Tensor, margin: float | Tensor = 1.0) -> "View":
        """The view of camera (B, 6). `margin`, one number or (B,), is the scale of the plain view."""
        size, x, y, angle, stretch, magnification = values(camera)[:, :, None].unbind(1)
        size = size * torch.as_tensor(margin, dtype=size.dtype, device=size.device).view(-1, 1)
        return cls(size / stretch, size * stretch, angle.cos(), angle.sin(), x, y, magnification**-2)

    def to_picture(self, points: Tensor) -> Tensor:
        """View coordinates (B, 2, N) -> picture coordinates of what is shown there (B, 2, N).

        The bulge maps a squared radius q to area * q * (1 + 2 * q) / (1 + (3 * area - 1) * q): its slope at 0
        is `area`, and 1 stays 1. For area > 1/3 it increases for all q >= 0; its inverse solves a quadratic.
        """
        u, v = points.unbind(1)
        u, v = u - self.x, v - self.y
        u, v = (self.cos * u + self.sin * v) / self.width, (self.cos * v - self.sin * u) / self.height
        q = u * u + v * v
        bulge = ((self.area + 2 * self.area * q) / (1 + (3 * self.area - 1) * q)).sqrt()
        return torch.stack([u * bulge, v * bulge], 1)

    def from_picture(self, points: Tensor) -> Tensor:
        """Picture coordinates (B, 2, N) -> view coordinates (B, 2, N): the inverse of `to_picture`."""
        u, v = points.unbind(1)
        q = u * u + v * v
        b = self.area - (3 * self.area - 1) * q
        bulge = (2 / (b + (b * b + 8 * self.area * q).sqrt())).sqrt()
        u, v = u * bulge * self.width, v * bulge * self.height
        return torch.stack([self.cos * u - self.sin * v + self.x, self.sin * u + self.cos * v + self.y], 1)


def move(camera: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The camera (B, 6) that shows at `end` what this one shows at `start`, by left-right and up-down alone.

    Both are view coordinates (B, 2). A number at its limit stays there.
    """
    size, centre, others = values(camera).split([1, 2, 3], -1)
    return numbers(torch.cat([size, centre + end - start, others], -1))


def turn(camera: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The same by size and tilt alone, about the picture's centre, where neither point may be."""
    size, x, y, angle, *others = values(camera).unbind(-1)
    (ax, ay), (bx, by) = ((point - torch.stack([x, y], -1)).unbind(-1) for point in (start, end))
    size = size * torch.hypot(bx, by) / torch.hypot(ax, ay)
    angle = angle + torch.atan2(ax * by - ay * bx, ax * bx + ay * by)
    return numbers(torch.stack([size, x, y, angle, *others], -1))


# --- pictures


def render(pictures: Tensor, camera: Tensor, margin: float | Tensor = 1.0) -> Tensor:
    """pictures (B, 3, S, S) in [-1, 1], camera (B, 6), both float32 -> the pictures as seen (B, 3, S, S).

    `margin`, one number or (B,), is the scale of the plain view: below 1 it leaves room for shifts. At 1 a
    camera of zeros returns the picture bit for bit. Beyond the frame a plain ground goes on (see `_ground`);
    where there is none, a strip along the border is mirrored to and fro, too narrow to show a subject again.
    """
    batch, _, height, side = pictures.shape
    if height != side:
        raise ValueError(f"the camera takes square pictures; got {side} x {height} pixels")
    view = View.of(camera, margin)
    scale = torch.stack([view.width, view.height], 1)  # (B, 2, 1)
    centres = (2 * torch.arange(side, device=pictures.device) + 1) / side - 1  # of pixels
    grid = torch.stack(torch.meshgrid(centres, centres, indexing="xy"))
    source = view.to_picture(grid.view(1, 2, -1))  # (B, 2, S * S), as the next three are
    edge = source.clamp(-1, 1)
    beyond = (source - edge).abs()
    depth = (beyond - 2 * STRIP * (beyond / (2 * STRIP)).round()).abs()  # triangle wave from 0 to STRIP
    seen = _sample(_prefilter(pictures, scale), edge - depth.copysign(source), "bicubic").clamp(-1, 1)

    colour, drift, plain = _ground(pictures)
    fade = (1 + (beyond / DRIFT_FADE).square().sum(1)).reciprocal()
    ground = colour + fade.view(batch, 1, side, side) * _sample(drift, edge, "bilinear")
    inside = ((1 - source.abs()) * (scale * side / 2) + 0.5).clamp(0, 1).prod(1)  # share of a pixel
    inside = torch.where(plain[:, None], inside, 1).view(batch, 1, side, side)
    seen = ground.lerp(seen, inside)
    unmoved = (camera == 0).all(-1) & (torch.as_tensor(margin, device=camera.device) == 1)
    return torch.where(unmoved[:, None, None, None], pictures, seen)


def _sample(pictures: Tensor, points: Tensor, mode: str) -> Tensor:
    """pictures (B, 3, H, H) at points (B, 2, S * S) -> (B, 3, S, S)."""
    side = math.isqrt(points.shape[-1])
    grid = points.unflatten(-1, (side, side)).permute(0, 2, 3, 1)
    return F.grid_sample(pictures, grid, mode, padding_mode="border", align_corners=False)


def _prefilter(pictures: Tensor, scale: Tensor) -> Tensor:
    """Blurs pictures (B, 3, S, S) that will shrink by scale (B, 2, 1), x and y, so that nothing aliases.

    The taps [a / 2, 1 - a, a / 2] have variance a. A box of 1 / scale pixels exceeds one pixel's variance by
    (1 / scale^2 - 1) / 12, a Gaussian by / 4; with / 8 results are nearest to those of larger pictures.
    """
    across, down = ((scale**-2 - 1).relu() / 8).clamp(max=0.5)[..., None, None].unbind(1)
    padded = F.pad(pictures, (1, 1, 1, 1), mode="replicate")
    rows = padded[:, :, 1:-1].lerp((padded[:, :, :-2] + padded[:, :, 2:]) / 2, down)
    return rows[..., 1:-1].lerp((rows[..., :-2] + rows[..., 2:]) / 2, across)


def _ground(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The ground around pictures (B, 3, S, S): colour (B, 3, 1, 1), drift (B, 3, n, n), plain or not (B,).

    The colour is the border's median. The drift is how the ground differs from it along the border, as with
    shadows and gradients; only its outer cells are set, and a drawing cut by the frame has no part in it. The
    ground is plain where most of the border is near the colour and meets colour + drift without a seam.
    """
    border = _edges(pictures)
    colour = border.flatten(2).median(-1).values[:, :, None, None]
    difference = border - colour
    weight = (2 - 2 * difference.abs().amax(1, keepdim=True) / NOT_GROUND).clamp(0, 1)
    around = _resize(difference * weight, DRIFT_CELLS, "area")
    drift = pictures.new_zeros(len(pictures), 3, DRIFT_CELLS, DRIFT_CELLS)
    drift[:, :, 0], drift[:, :, -1], drift[..., 0], drift[..., -1] = around.unbind(2)
    step = (difference - _resize(around, border.shape[-1], "linear")).abs().amax(1, keepdim=True)
    plain = ((weight == 1) & (step < SEAM)).float().mean((1, 2, 3)) >= PLAIN_SHARE
    return colour, drift, plain


def _edges(pictures: Tensor) -> Tensor:
    """pictures (B, C, S, S) -> top and bottom row, left and right column (B, C, 4, S)."""
    return torch.stack([pictures[:, :, 0], pictures[:, :, -1], pictures[..., 0], pictures[..., -1]], 2)


def _resize(edges: Tensor, length: int, mode: str) -> Tensor:
    """edges (B, C, 4, S) -> (B, C, 4, length)."""
    return F.interpolate(edges.flatten(1, 2), length, mode=mode).unflatten(1, edges.shape[1:3])
