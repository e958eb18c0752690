"""Painters of water: sea, beach and underwater."""

import torch
from torch import Tensor

from dalle.data.sprite_scenes.place_brush import Brush
from dalle.data.sprite_scenes.place_elements import at_sides, below, ridge, sky


def paint_sea(b: Brush) -> None:
    """Waves, one row before another, up to a high horizon."""
    colours = sky(b, 0.42)
    far, near, crest = b.palette(
        ("4aa8d8 0f5c9e e6f7ff", "3fb8cc 0c6a8e f0fffd", "5a9fe0 1f4fa0 e4f0ff"),
        ("24487c 081a3e 7f9fd4", "1f5070 06202e 7fb8cc"),
    )
    part = b.band(0.42)
    part.gradient(torch.lerp(far, colours[1], 0.35), far, 0.42, 0.55)
    count = 5
    for at in range(count):
        level = 0.5 + 0.45 * (at / (count - 1)) ** 1.2
        size = 0.012 + 0.02 * at / (count - 1)
        wave = (b.x * (7 - 0.9 * at) + b.random()) % 1.0
        line = (
            level - size * (2 * wave - 1).square() + 0.01 * torch.sin(b.x * b.random(3, 7) + b.random(0, 6.3))
        )
        below(b, torch.lerp(far, crest, 0.75), line - 0.009, level - 0.07)
        below(b, torch.lerp(far, near, (at + 0.6) / count), line, level - 0.07)


def paint_beach(b: Brush) -> None:
    """Sand, surf, the sea behind, and a palm at one side."""
    colours = sky(b, 0.45)
    far, near, foam, sand, wet, trunk, leaf, dot = b.palette(
        (
            "3fa9dc 5fd0e0 ffffff f8dfa4 e2bd7c a8713c 3fa34d d99a5a",
            "2f9fd0 4cc4c4 fbffff fbe6b8 e6c68c 96683a 2f8f55 e07a6a",
            "58b4ea 7fe0d8 ffffff f4d292 dab070 a07848 55ab3a c48a4a",
        ),
        (
            "1a3a6e 285c88 a8c4e4 5c5a7c 484870 2a2438 12343a 45426a",
            "14345c 245a78 a0c8dc 64607a 4c4a6a 2c2634 153a38 4c4868",
        ),
    )
    part = b.band(0.42, 0.76)
    part.gradient(torch.lerp(far, colours[1], 0.2), near, 0.44, 0.66)
    glints = part.blobs(b.many(9), b.many(9, 0.47, 0.6), b.many(9, 0.03, 0.07), 0.004)
    part.draw(foam, part.cover(glints) * 0.6)
    lean, side = b.random(-0.1, 0.1), b.side()
    scallop = (b.x * b.random(2.6, 3.6) + b.random()) % 1.0
    line = 0.67 + lean * (b.x - 0.5) - 0.03 * (2 * scallop - 1).square()
    below(b, foam, line - 0.022, 0.55)
    below(b, wet, line, 0.58)
    below(b, sand, line + 0.045 + 0.01 * torch.sin(b.x * 9 + b.random(0, 6.3)), 0.62)
    low = b.band(0.76)
    low.draw(dot, low.cover(low.blobs(b.many(12), b.many(12, 0.8, 0.98), b.many(12, 0.006, 0.012), 0.006)))
    _palm(b, side, trunk, leaf)


def _palm(b: Brush, side: Tensor, trunk: Tensor, leaf: Tensor) -> None:
    """A palm at the left or right edge; it leans inwards at its top."""
    foot, top = b.random(0.8, 0.86), b.random(0.2, 0.28)
    x = 0.5 + side * b.random(0.42, 0.46)
    rise = ((foot - b.y) / (foot - top)).clamp(0, 1)
    middle = x - side * 0.1 * rise * rise
    width = 0.024 - 0.01 * rise
    inside = torch.minimum(foot - b.y, b.y - top)
    b.draw(trunk, b.cover(torch.minimum(width - (b.x - middle).abs(), inside)))
    crown = b.band(0, 0.56)
    tip = x - side * 0.1
    count = 7
    lengths = b.many(count, 0.19, 0.27)[:, :, None, None]
    ways = torch.tensor([-1.0, -1.0, -1.0, -0.45, 1.0, 1.0, 1.0], device=b.x.device)[None, :, None, None]
    slope = torch.tensor([0.75, 0.3, -0.25, 1.5, 0.75, 0.3, -0.25], device=b.x.device)[None, :, None, None]
    along = (crown.x - tip)[:, None] * ways / lengths
    curve = lengths * (1.2 * along * along - slope * along)
    thick = 0.085 * lengths / 0.23 * (along.clamp(0, 1) * (1 - along.clamp(0, 1)) + 0.08)
    thick = torch.where((along > -0.05) & (along < 1), thick, -1.0)
    away = (crown.y - top)[:, None] - curve
    crown.draw(leaf, crown.cover((thick - away.abs()).amax(1) * 0.7))
    crown.draw(
        trunk,
        crown.cover(
            crown.blobs(
                torch.cat([tip - 0.02, tip + 0.022], 2)[:, 0],
                torch.cat([top + 0.02, top + 0.026], 2)[:, 0],
                0.017,
            )
        ),
    )


def paint_underwater(b: Brush) -> None:
    """Light from above, weeds and corals at the sides, bubbles, and sand below."""
    top, deep, light, back, sand, weed, other, coral = b.palette(
        (
            "7fe0ee 0f5f9c e6feff 1f7aa8 e0cf94 2f9f5f 1f7f6f f0708a",
            "66ccf0 123f8c e0f8ff 2a5fa4 d4c49c 3fae54 1f8a8a ff8a5c",
            "74e4d4 0a5a74 eafff8 1f7f88 e4d8a0 58a83a 1a7a5a d060b0",
        ),
        (
            "123a6e 040d2a 3a6fa8 0a1f44 28385c 0f3c3c 0c2f40 5a2f60",
            "0f4464 030f20 3a8098 0a2838 26404c 10402c 0c3038 603448",
        ),
    )
    b.gradient(top, deep, 0.02, 0.9)
    fan = torch.sin((b.x - b.random(0.3, 0.7)) / (b.y + 0.5) * b.random(14, 20) + b.random(0, 6.3))
    b.draw(light, (fan * 1.5).clamp_(0, 1) * ((0.85 - b.y) * 0.38).clamp(min=0))
    surface = b.band(0, 0.12)
    wave = (b.x * b.random(4, 6) + b.random()) % 1.0
    line = 0.045 + 0.03 * (2 * wave - 1).square()
    surface.draw(light, surface.cover(line - surface.y) * (0.85 - 0.5 * b.night))
    below(b, back, ridge(b, 0.76, 0.06), 0.66)
    for colour, x in ((other, at_sides(b, 6, 0.3, 0.5)), (weed, at_sides(b, 6, 0.33, 0.5))):
        _weeds(b, x, colour)
    below(b, sand, ridge(b, 0.88, 0.02), 0.84)
    x, y = at_sides(b, 2, 0.25, 0.42), b.many(2, 0.86, 0.93)
    _corals(b, x, y, coral)
    x, y, r = at_sides(b, 12, 0.12, 0.48), b.many(12, 0.12, 0.8), b.many(12, 0.01, 0.026)
    bubbles = b.blobs(x, y, r)
    b.draw(light, b.cover(bubbles) * 0.25)
    b.draw(light, b.cover(0.0045 - bubbles.abs()) * 0.8)


def _weeds(b: Brush, x: Tensor, colour: Tensor) -> None:
    """Waving strands from the ground at x (B, n)."""
    part = b.band(0.3, 0.95)
    count = x.shape[1]
    tall = b.many(count, 0.25, 0.55)[:, :, None, None]
    rise = ((0.93 - part.y[:, None]) / tall).clamp(0, 1.001)
    sway = 0.022 * torch.sin(rise * 7 + b.many(count, 0, 6.3)[:, :, None, None]) * (0.3 + rise)
    width = 0.021 * (1 - rise).sqrt() - 0.002
    width = torch.where(rise < 1, width, -1.0)
    part.draw(colour, part.cover((width - (part.x[:, None] - x[:, :, None, None] - sway).abs()).amax(1)))


def _corals(b: Brush, x: Tensor, y: Tensor, colour: Tensor) -> None:
    """Corals of five fingers each at (x, y), both (B, n)."""
    part = b.band(0.66)
    shifts, tall = (-0.07, -0.035, 0.0, 0.035, 0.07), (0.035, 0.065, 0.085, 0.055, 0.03)
    cx = torch.cat([x + shift for shift in shifts] + [x], 1)
    cy = torch.cat([y - height for height in tall] + [y + 0.005], 1)
    half = torch.tensor([*tall, 0.0], device=x.device).repeat_interleave(x.shape[1])[None]
    wide = torch.tensor([0.0] * 5 + [0.07], device=x.device).repeat_interleave(x.shape[1])[None]
    part.draw(colour, part.cover(part.blobs(cx, cy, 0.014, None, wide, half)))
