"""Painters of what is above: sky, clouds, sunset, rain and space."""

import torch
from torch import Tensor

from dalle.data.sprite_scenes.place_brush import Brush
from dalle.data.sprite_scenes.place_elements import cells, cloud_shape, sky, stars, sun_or_moon


def paint_sky(b: Brush) -> None:
    """Open air: a sun or a moon, and small clouds above and below."""
    _, _, cloud, _ = sky(b, 1.0, 3)
    low = b.band(0.66)
    x, y = b.spread(3, -0.05, 1.05), b.many(3, 0.8, 0.95)
    low.draw(cloud, low.cover(cloud_shape(low, x, y, b.many(3, 0.1, 0.18))) * 0.92)


def paint_clouds(b: Brush) -> None:
    """Above the clouds: banks of them at the sides and below, one before another."""
    top, low, far, near, sun = b.palette(
        (
            "4aa0ea d5eefc e2eefa ffffff ffe27a",
            "6db8f2 f6e3ee f2e4f2 fffafd ffd97a",
            "3f8fdc cfe6fa d5e4f6 fdfeff fff0a8",
        ),
        ("0b1540 2f4684 394a86 6676b4 f6eec2", "120f3a 453c82 40407e 7571b4 fbf2d0"),
    )
    b.gradient(top, low, 0, 0.8)
    stars(b, torch.ones_like(sun), 0.6)
    sun_or_moon(b, sun)
    for at, (level, size) in enumerate(((0.68, 0.13), (0.8, 0.13), (0.93, 0.14))):
        part = b.band(level - 0.34)
        x = b.spread(8, -0.1, 1.1)
        rise = (x - 0.5).abs() * (
            0.42 - 0.1 * at
        )  # banks grow towards the sides, which a subject leaves free
        distance = part.blobs(x, level - rise + b.many(8, -0.03, 0.03), b.many(8, size * 0.8, size * 1.2))
        line = level - (b.x - 0.5).abs() * (0.42 - 0.1 * at)
        colour = torch.lerp(far, near, at / 2)
        part.draw(colour, part.cover(torch.maximum(distance, part.y - line - 0.01)))


def paint_sunset(b: Brush) -> None:
    """A low sun over water, banded clouds, and a sky from violet to yellow."""
    top, middle, low, sun, water, cloud = b.palette(
        (
            "4b2a7b e8567a ffc15e fff0a0 6a3b80 8a3f86",
            "2d3a80 f07048 ffd27a fff3b8 40407e a04e74",
            "742a6c f7683f ffb347 ffe58a 7a3a62 b04868",
        )
    )
    horizon = 0.72
    b.gradient(top, middle, 0, 0.42)
    lower = b.band(0.42, horizon)
    lower.gradient(middle, low, 0.42, horizon)
    x, radius = 0.5 + b.side() * b.random(0.16, 0.32), b.random(0.13, 0.17)
    away = ((b.x - x).square() + (b.y - horizon + 0.03).square()).sqrt_()
    b.draw(low, (1 - away / (2.6 * radius)).clamp_(0, 1) * 0.8)
    b.draw(sun, b.cover(radius - away))
    strips = b.blobs(
        b.spread(5, -0.1, 1.1), b.many(5, 0.1, 0.5), b.many(5, 0.16, 0.3), b.many(5, 0.012, 0.028)
    )
    b.draw(cloud, b.cover(strips) * 0.75)
    sea = b.band(horizon)
    sea.gradient(torch.lerp(water, low, 0.45), water, horizon, 1)
    half = (
        radius
        * (0.5 + 0.5 * torch.sin(sea.y * 90 + b.random(0, 6.3)).abs())
        * (1.15 - 0.9 * (sea.y - horizon))
    )
    sea.draw(sun, sea.cover(half - (sea.x - x).abs()) * 0.75)
    glints = sea.blobs(b.many(8), b.many(8, horizon + 0.03, 0.98), b.many(8, 0.04, 0.1), 0.005)
    sea.draw(low, sea.cover(glints) * 0.6)


def paint_rain(b: Brush) -> None:
    """Dark clouds, slanting streaks, and rings in the puddles."""
    top, low, back, front, streak, floor, puddle = b.palette(
        (
            "5f7488 a9bac6 6d8194 4f6274 d4ebfa 6f8290 9fbccc",
            "6a7090 b4b8cc 70789a 545a7a dbe6fb 747c8a a3b0cc",
            "55757c a4bcbc 62828a 46646c d0f0f2 66827e 96bcbc",
        ),
        (
            "0e1628 2c3c58 26344e 1a263c 8fb0d8 1c2a3c 35506e",
            "121428 34385a 2c3050 1e203a 9aa4dc 20243a 3f4870",
        ),
    )
    b.gradient(top, low, 0, 0.75)
    ground = b.band(0.76)
    ground.gradient(torch.lerp(floor, low, 0.3), floor, 0.76, 1)
    part = b.band(0, 0.36)
    for colour, level, size in ((back, 0.12, 0.1), (front, 0.02, 0.1)):
        x = b.spread(9, -0.05, 1.05)
        part.draw(
            colour, part.cover(part.blobs(x, level + b.many(9, -0.03, 0.04), b.many(9, size, size * 1.4)))
        )
    x, y = b.spread(5, 0, 1), b.many(5, 0.82, 0.96)
    width = b.many(5, 0.07, 0.13)
    rings = ground.blobs(x, y, width, width * 0.3)
    ground.draw(puddle, ground.cover(rings) * 0.8)
    ground.draw(streak, ground.cover(0.0035 - (ground.blobs(x, y, width * 0.6, width * 0.18)).abs()) * 0.8)
    b.draw(streak, _streaks(b) * 0.75)


def _streaks(b: Brush) -> Tensor:
    """Slanting drops: a mask (B, h, w)."""
    lattice = cells(b, 13, 5, 0.22)
    length = lattice.spread(b.many(lattice.count, 0.02, 0.07))
    along = length - (lattice.v - lattice.spread(b.many(lattice.count, -0.025, 0.025))).abs()
    across = 0.0055 - (lattice.u - lattice.spread(b.many(lattice.count, -0.02, 0.02))).abs()
    return b.cover(torch.minimum(along, across))


def paint_space(b: Brush) -> None:
    """Stars, glowing mist, a planet with a ring, and another one's limb below."""
    deep, dark, mist, planet, band, ring, limb = b.palette(
        (
            "050716 17123c 6a3fa0 f0a860 d4823c f6dfa8 4a90d8",
            "04040f 0c1c3e 2a6fa8 e8747a c04e62 ffd0c0 c46a4a",
            "08051a 26103c b04a8c 70c8c0 469c9c e0f4e0 8a6ad0",
        )
    )
    b.gradient(deep, dark)
    x, y = b.random(0, 1), b.random(0.2, 0.8)
    lean = b.random(-1, 1)
    away = ((b.y - y - lean * (b.x - x)) / 0.28).square() + ((b.x - x) / 0.8).square()
    b.draw(mist, (1 - away).clamp_(min=0) * 0.55)
    stars(b, torch.ones_like(mist), 2.0, 1.0)
    side = b.side()
    x, y, r = 0.5 + side * b.random(0.3, 0.36), b.random(0.14, 0.2), b.random(0.08, 0.11)
    part = b.band(0, 0.4)
    disc = part.blobs(x[:, 0], y[:, 0], r)
    mask = part.cover(disc)
    part.draw(planet, mask)
    stripes = torch.sin((part.y - y + 0.3 * (part.x - x)) / r * 6)
    part.draw(band, torch.minimum(mask, part.cover(stripes * 0.04)))
    tilt = part.y - y + 0.35 * (part.x - x)
    hoop = ((part.x - x).square() + (tilt / 0.28).square()).sqrt_()
    front = (disc < 0) | (tilt > 0)
    part.draw(ring, part.cover((0.16 * r - (hoop - 1.65 * r).abs()) * 0.6) * front)
    low = b.band(0.6)
    x, r = 0.5 - side * b.random(0.2, 0.4), b.random(0.42, 0.55)
    away = ((low.x - x).square() + (low.y - b.random(0.86, 0.9) - r).square()).sqrt_()
    low.draw(limb, (1 - (away - r) / 0.09).clamp_(0, 1).square_() * 0.5)
    low.draw(limb, low.cover(r - away))
    low.draw(deep, low.cover(r - away) * ((r - away) / 0.3).clamp_(0, 0.7))
