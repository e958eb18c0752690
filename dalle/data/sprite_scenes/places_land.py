"""Painters of land: meadow, forest, mountains, desert and snow."""

import torch
from torch import Tensor

from dalle.data.sprite_scenes.place_brush import Brush
from dalle.data.sprite_scenes.place_elements import at_sides, below, dots, pines, ridge, sky, stars


def paint_meadow(b: Brush) -> None:
    """Rolling hills, grass and flowers under a sky."""
    sky(b, 0.6)
    far, middle, near, blade, petal, other, heart = b.palette(
        (
            "9bd67a 74c455 55ad3f 3f9333 ff6f91 ffffff ffd54a",
            "b4dc72 8cc94a 69b33a 4c982c ffffff ff9a3d ffd54a",
            "8fd08a 62bb62 43a552 2f8a45 c77dff ffe14d fff0a0",
        ),
        (
            "2f5a68 23505a 1b4149 143338 8a5f96 9aa6c8 c8b878",
            "34566c 284c58 1f3f46 163136 9c7aa8 8f8fc4 c8b878",
        ),
    )
    below(b, far, ridge(b, 0.5, 0.05), 0.42)
    below(b, middle, ridge(b, 0.61, 0.05), 0.53)
    line = ridge(b, 0.74, 0.03)
    below(b, near, line, 0.68)
    part = b.band(0.76)
    tufts = b.spread(12, 0, 1)
    foot = b.many(12, 0.86, 1.02)
    part.draw(blade, part.cover(part.spikes(tufts, foot - 0.055, foot, 0.011)))
    left, right = tufts - 0.017, tufts + 0.017
    part.draw(
        blade,
        part.cover(
            part.spikes(
                torch.cat([left, right], 1),
                torch.cat([foot, foot], 1) - 0.035,
                torch.cat([foot, foot], 1),
                0.01,
            )
        ),
    )
    for colour in (petal, other):
        x, y, r = b.spread(7), b.many(7, 0.8, 0.98), b.many(7, 0.013, 0.02)
        part.draw(colour, part.cover(part.blobs(x, y, r)))
        part.draw(heart, part.cover(part.blobs(x, y, r * 0.42)))


def paint_forest(b: Brush) -> None:
    """Firs behind one another up to the top of the picture, the nearest and darkest at the sides."""
    top, low, far, middle, near, trunk, floor, path = b.palette(
        (
            "bfe3cf e6f5da 8cc6a0 4f9d6c 23704a 6e4a2c 5d9a48 7fb45a",
            "c9e6dc f2f3d0 9fcb86 63a04a 35772e 7a4f2c 6fa044 92b85c",
            "a9d8dc dff1e6 7fbab0 3f8f7c 17655a 5e4630 4c8a58 74a86c",
        ),
        (
            "0b1838 26466a 234a5c 163648 0b2230 241a1c 14302f 1d3f3c",
            "101434 35406e 2b4062 1c2c4a 101a32 241c26 18283a 213650",
        ),
    )
    b.gradient(top, low, 0, 0.75)
    stars(b, torch.ones_like(low), 0.4)
    upper = b.band(0, 0.78)
    upper.draw(
        far, upper.cover(pines(upper, b.spread(8, -0.05, 1.05), b.many(8, 0.74, 0.78), b.many(8, 0.45, 0.68)))
    )
    x, foot = b.spread(7, -0.05, 1.05), b.many(7, 0.76, 0.8)
    height = 0.45 + (x - 0.5).abs() * 0.55 + b.many(7, 0, 0.12)
    upper = b.band(0, 0.8)
    upper.draw(middle, upper.cover(pines(upper, x, foot, height, 0.2)))
    below(b, torch.lerp(middle, floor, 0.3), ridge(b, 0.71, 0.02), 0.66)
    below(b, floor, ridge(b, 0.78, 0.015), 0.74)
    below(b, path, ridge(b, 0.9, 0.025), 0.84)
    x, foot = at_sides(b, 4, 0.36, 0.5), b.many(4, 0.84, 0.93)
    b.draw(trunk, b.cover(b.boxes(x, foot, 0.018, 0.055)))
    b.draw(near, b.cover(pines(b, x, foot, b.many(4, 0.72, 0.95), 0.17)))


def paint_mountains(b: Brush) -> None:
    """Peaks with snow on them, up to the top of the picture, over green foothills."""
    sky(b, 0.6, 2)
    far, near, shade, snow, hill, front = b.palette(
        (
            "9fb4d4 6f83a8 566a90 ffffff 7dbb62 559a48",
            "a8b0c8 84809c 696684 fdfdff 8fbf5a 5f9c44",
            "8fb0c8 5f8496 4a6b7e f6fbff 68ad74 3f8c58",
        ),
        ("39487c 2c3866 232c54 aab8e0 1f4450 163640", "3b4274 33345f 2a294e b8bce6 20404c 182f3a"),
    )
    part = b.band(0.1)
    x = b.spread(5, -0.05, 1.05)
    part.draw(
        far, part.cover(part.spikes(x, b.many(5, 0.2, 0.36), torch.full_like(x, 0.9), b.many(5, 0.3, 0.4)))
    )
    x = torch.cat([b.many(1, 0.06, 0.2), b.many(1, 0.8, 0.94), b.many(1, 0.42, 0.58)], 1)
    top = torch.cat([b.many(2, 0.16, 0.3), b.many(1, 0.12, 0.26)], 1)
    bottom, half = torch.full_like(x, 0.95), b.many(3, 0.38, 0.5)
    for at in (2, 0, 1):
        peak = (x[:, at : at + 1], top[:, at : at + 1], bottom[:, at : at + 1], half[:, at : at + 1])
        _peak(part, peak, near, shade, snow)
    below(b, hill, ridge(b, 0.76, 0.04), 0.7)
    below(b, front, ridge(b, 0.88, 0.025), 0.84)


def _peak(
    b: Brush, peak: tuple[Tensor, Tensor, Tensor, Tensor], light: Tensor, shade: Tensor, snow: Tensor
) -> None:
    """One mountain with a dark flank and a cap of snow that ends in a zigzag."""
    distance = b.spikes(*peak)
    mask = b.cover(distance)
    b.draw(light, mask)
    x, top = peak[0][:, :, None], peak[1][:, :, None]
    crooked = x + 0.03 * torch.sin((b.y - top) * 40) + 0.1 * (b.y - top)
    b.draw(shade, torch.minimum(mask, b.cover(b.x - crooked)))
    zigzag = ((b.x - x) * 14 + b.random()) % 1.0
    cap = top + 0.15 + 0.07 * (2 * zigzag - 1).abs()
    b.draw(snow, torch.minimum(mask, b.cover((cap - b.y) * 0.4)))


def paint_desert(b: Brush) -> None:
    """Dunes and cactuses under a hot sky."""
    sky(
        b,
        0.62,
        0,
        ("4ab4e6 fdeec2 ffffff fff3b0", "86bfe2 ffdcb0 ffffff fff8dc", "6cc3de ffe3b4 ffffff fff0a0"),
    )
    far, middle, near, shade, cactus = b.palette(
        (
            "f0cf8e e8b968 dda04c c98a3c 3f9150",
            "f3c48c eaa866 d98c4a c2743c 4a8a4a",
            "f5dc9f ecc67a e0b060 cf9a4c 2f8a5c",
        ),
        ("5a5480 4c4672 3c3a62 322f54 1f4a50", "545a86 444c78 363f68 2c345a 24484a"),
    )
    below(b, far, ridge(b, 0.56, 0.05), 0.5)
    line = ridge(b, 0.66, 0.06, 5)
    below(b, middle, line, 0.59)
    for x, foot, tall in ((b.random(0.06, 0.15), 0.8, 0.46), (b.random(0.85, 0.94), 0.84, 0.36)):
        _cactus(b, x, foot, tall * b.random(0.85, 1.15), cactus)
    below(b, near, ridge(b, 0.82, 0.03), 0.77)
    part = b.band(0.84)
    for at in range(3):  # ripples of the wind
        line = 0.88 + 0.04 * at + 0.008 * torch.sin(b.x * b.random(14, 22) + b.random(0, 6.3))
        part.draw(shade, part.cover(0.004 - (part.y - line).abs()) * 0.7)


def _cactus(b: Brush, x: Tensor, foot: float, tall: Tensor, colour: Tensor) -> None:
    """A stem with two arms, bent upwards."""
    side, r = b.side(), tall * 0.085
    arm = tall * 0.23
    cx = torch.cat([x, x - side * arm, x + side * arm, x - side * arm / 2, x + side * arm / 2], 2)[:, 0]
    cy = foot - tall * torch.tensor([0.5, 0.56, 0.72, 0.42, 0.56], device=b.x.device)
    long = tall * torch.tensor([0.5, 0.14, 0.16, 0.0, 0.0], device=b.x.device)
    wide = tall * torch.tensor([0.0, 0.0, 0.0, 0.115, 0.115], device=b.x.device)
    thin = torch.tensor([1.0, 0.75, 0.75, 0.75, 0.75], device=b.x.device)
    b.draw(colour, b.cover(b.blobs(cx, cy[:, 0], (r * thin)[:, 0], None, wide[:, 0], long[:, 0])))


def paint_snow(b: Brush) -> None:
    """White hills with snowy firs at the sides, in falling snow."""
    top, low, far, middle, near, tree, flake = b.palette(
        (
            "9cc4e6 e2eff8 d4e4f2 e6f0f8 fafdff 3f7f78 ffffff",
            "b4c8de ecf0f6 d8e2ee e8eef6 fcfdff 4a7f68 ffffff",
            "86b8e0 dcebf6 c8dcf0 dfeaf6 f5faff 2f7280 ffffff",
        ),
        (
            "0f1c44 3a5488 4c6394 6478a8 8a9cc8 1c3c54 e8f0ff",
            "141a40 484e8a 545c94 6c74aa 949cc8 24385a eef0ff",
        ),
    )
    b.gradient(top, low, 0, 0.65)
    below(b, far, ridge(b, 0.55, 0.05), 0.48)
    below(b, middle, ridge(b, 0.66, 0.04), 0.6)
    x, foot, height = at_sides(b, 5, 0.3, 0.48), b.many(5, 0.7, 0.8), b.many(5, 0.36, 0.56)
    trees = b.band(0.1, 0.84)
    firs = pines(trees, x, foot, height, 0.22)
    trees.draw(tree, trees.cover(firs))
    white = pines(trees, x, foot - 0.035, height, 0.22)
    trees.draw(near, trees.cover(torch.minimum(firs, white - 0.004)) * 0.9)
    below(b, near, ridge(b, 0.79, 0.03), 0.74)
    b.draw(flake, b.cover(dots(b, 9, 9, 0.005, 0.014, 0.75)) * 0.95)
