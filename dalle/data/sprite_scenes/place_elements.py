"""What several places have in common: skies with sun, moon, stars and clouds; hills, waves, trees, houses."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dalle.data.sprite_scenes.place_brush import Brush

# colours of a sky: top, low, cloud, sun or moon
SKY_DAY = (
    "3f9be8 bfe6fb ffffff ffd84a",
    "58b4f0 d9f1fb fdfeff ffcf3d",
    "4aa6de c3ecef ffffff ffe06a",
    "6fb1ee e8f3fb fbfcff ffc94d",
)
SKY_NIGHT = (
    "0a1236 27407c 3f5590 f6eec2",
    "0c1030 3b3a7c 4b4b8c fdf3cf",
    "06162f 1e4a70 35607f eef0e0",
)


@dataclass(frozen=True)
class Cells:
    """A lattice over the picture: u, v (h, w) from a pixel to the centre of its cell, its index."""

    u: Tensor
    v: Tensor
    index: Tensor  # (h * w,)
    count: int

    def spread(self, table: Tensor) -> Tensor:
        """A number for each cell (B, count) -> that of each pixel's cell (B, h, w)."""
        return table[:, self.index].view(len(table), *self.u.shape)


def cells(b: Brush, columns: int, rows: int, slant: float = 0.0) -> Cells:
    """A lattice of columns x rows cells to the picture; with `slant` it is staggered and leans."""
    x, y = (b.x[0] + slant * b.y[0]).expand(b.y.shape[1], -1), b.y[0].expand(-1, b.x.shape[2])
    column = (x * columns).long()
    if slant:
        y = y + column * 0.382 % 1 / rows * 3
    row = (y * rows).long()
    width, height = columns + int(slant * columns) + 1, rows + (3 if slant else 0)
    u, v = x - (column + 0.5) / columns, y - (row + 0.5) / rows
    return Cells(u, v, (row * width + column).flatten(), width * height)


def dots(b: Brush, columns: int, rows: int, small: float, large: float, share: float = 1.0) -> Tensor:
    """A distance (B, h, w) to scattered discs, one at most in each cell; radii are fractions of the side."""
    lattice = cells(b, columns, rows)
    radius = b.many(lattice.count, small, large)
    radius = torch.where(b.many(lattice.count) < share, radius, -1.0)
    room_x, room_y = 0.5 / columns - large, 0.5 / rows - large
    du = lattice.u - lattice.spread(b.many(lattice.count, -room_x, room_x))
    dv = lattice.v - lattice.spread(b.many(lattice.count, -room_y, room_y))
    return lattice.spread(radius) - du.square_().add_(dv.square_()).sqrt_()


def stars(b: Brush, colour: Tensor, bottom: float = 0.7, strength: Tensor | float | None = None) -> None:
    """Stars down to a height, by night only unless `strength` says how much."""
    sky = b.band(0, bottom)
    fade = ((bottom - sky.y) / (0.4 * bottom)).clamp(0, 1)
    mask = sky.cover(dots(sky, 9, 9, 0.002, 0.009, 0.8)) * fade
    sky.draw(colour, mask * (b.night if strength is None else strength))


def sun_or_moon(b: Brush, colour: Tensor, highest: float = 0.11, lowest: float = 0.17) -> None:
    """A sun by day and a moon by night, full or a sickle, in one of the upper corners."""
    side = b.side()
    x, y = 0.5 + side * b.random(0.3, 0.39), b.random(highest, lowest)
    radius = b.random(0.065, 0.095)
    sky = b.band(0, lowest + 0.3)
    away = ((sky.x - x).square() + (sky.y - y).square()).sqrt_()
    glow = (1 - (away - radius) / (1.1 * radius)).clamp_(0, 1).square_() * 0.35
    sky.draw(colour, glow)
    shift = radius * (3 - b.night * b.random(1.1, 2.4))
    shade = ((sky.x - x - side * shift).square() + (sky.y - y + 0.3 * shift).square()).sqrt_()
    sky.draw(colour, sky.cover(torch.minimum(radius - away, shade - radius)))


def cloud_shape(b: Brush, x: Tensor, y: Tensor, size: Tensor) -> Tensor:
    """Clouds of four bumps, at centres (B, n) and of half widths (B, n): a distance (B, h, w)."""
    n = x.shape[1]
    wobble = b.many(4 * n, 0.85, 1.15).view(-1, 4, n)
    offsets, heights = (-0.5, -0.12, 0.38, 0.0), (-0.1, -0.32, -0.16, 0.06)
    radii, flat = (0.34, 0.46, 0.38, 1.0), (0.34, 0.46, 0.38, 0.26)
    cx = torch.cat([x + o * size * wobble[:, i] for i, o in enumerate(offsets)], 1)
    cy = torch.cat([y + h * size for h in heights], 1)
    rx = torch.cat([r * size * wobble[:, i] for i, r in enumerate(radii)], 1)
    ry = torch.cat([r * size * wobble[:, i] for i, r in enumerate(flat)], 1)
    return b.blobs(cx, cy, rx, ry)


def clouds(b: Brush, colour: Tensor, count: int = 3, top: float = 0.06, bottom: float = 0.3) -> None:
    """A few small clouds between two heights."""
    sky = b.band(0, bottom + 0.1)
    x = b.spread(count, -0.05, 1.05)
    distance = cloud_shape(sky, x, b.many(count, top, bottom), b.many(count, 0.09, 0.17))
    sky.draw(colour, sky.cover(distance) * 0.92)


def sky(b: Brush, horizon: float, cloud_count: int = 2, day: tuple[str, ...] = SKY_DAY) -> list[Tensor]:
    """A sky down to a horizon; returns its four colours."""
    colours = b.palette(day, SKY_NIGHT)
    top, low, cloud, sun = colours
    b.gradient(top, low, 0, horizon)
    stars(b, torch.ones_like(cloud), horizon + 0.1)
    sun_or_moon(b, sun)
    if cloud_count:
        clouds(b, cloud, cloud_count, 0.07, max(0.1, min(0.3, horizon - 0.12)))
    return colours


def ridge(b: Brush, base: Tensor | float, height: float, slow: float = 6.0) -> Tensor:
    """A rolling line: y (B, 1, w) about `base`, within `height` of it."""
    first = torch.sin(b.x * b.random(0.7 * slow, 1.3 * slow) + b.random(0, 6.3))
    second = torch.sin(b.x * b.random(1.8 * slow, 2.6 * slow) + b.random(0, 6.3))
    return base - height * (0.65 * first + 0.35 * second)


def below(b: Brush, colour: Tensor, line: Tensor, top: float) -> None:
    """Fill all that is below a line y (B, 1, w); no part of the line is higher than `top`."""
    part = b.band(top)
    part.draw(colour, part.cover(part.y - line))


def at_sides(b: Brush, count: int, near: float = 0.3, far: float = 0.5) -> Tensor:
    """x (B, count), left and right in turn, `near` to `far` from the middle."""
    sign = torch.tensor([-1.0, 1.0], device=b.x.device).repeat(count)[:count]
    return 0.5 + sign * b.many(count, near, far)


def pines(b: Brush, x: Tensor, foot: Tensor, height: Tensor, width: float = 0.24) -> Tensor:
    """Firs of three tiers at (x, foot), all (B, n): a distance (B, h, w)."""
    tops, bottoms, widths = (1.0, 0.76, 0.5), (0.6, 0.32, 0.0), (0.62, 0.82, 1.0)
    return b.spikes(
        torch.cat([x] * 3, 1),
        torch.cat([foot - height * t for t in tops], 1),
        torch.cat([foot - height * t for t in bottoms], 1),
        torch.cat([height * width * w for w in widths], 1),
    )


@dataclass(frozen=True)
class Columns:
    """The picture in n upright strips: of each pixel column the strip, and where in it."""

    index: Tensor  # (B, w)
    u: Tensor  # (B, 1, w) from 0 to 1
    width: Tensor  # (B, 1, w), fraction of the side

    def of(self, values: Tensor) -> Tensor:
        """A number for each strip (B, n) -> that of each pixel column (B, 1, w)."""
        return values.gather(1, self.index)[:, None]

    def cover_edge(self, b: Brush, width: float = 0.006) -> Tensor:
        """A line of a width along the sides of each strip: a mask (B, 1, w)."""
        return b.cover(width - torch.minimum(self.u, 1 - self.u) * self.width)


def columns(b: Brush, count: int) -> Columns:
    """`count` strips of differing widths."""
    inner = b.spread(count - 1, 0.5 / count, 1 - 0.5 / count)
    ends = torch.zeros_like(inner[:, :1])
    edges = torch.cat([ends, inner, ends + 1], 1)
    index = (b.x[0] > inner[:, :, None]).sum(1) if count > 1 else b.x[0].expand(len(inner), -1).long()
    left, right = edges.gather(1, index), edges.gather(1, index + 1)
    return Columns(index, ((b.x[0] - left) / (right - left))[:, None], (right - left)[:, None])


def panes(b: Brush, u: Tensor, width: Tensor, across: int, part: float) -> Tensor:
    """`across` panes side by side in strips of the given width, `part` of it glass: a mask (B, 1, w)."""
    step = width / across
    place = (u * across) % 1.0 - 0.5
    return b.cover((part / 2 - place.abs()) * step)
