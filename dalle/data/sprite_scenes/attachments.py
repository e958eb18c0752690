"""Geometry of sprites on sprites: pieces in the frame of a host, and how they fit into a picture.

A host's square has side 1 and its centre at 0, 0; x to the right, y downwards.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dalle.data.sprite_scenes.plan import PLAIN_SIZE, Layer
from dalle.data.sprite_scenes.properties import SpriteProperties

Point = tuple[float, float]


@dataclass(frozen=True)
class Piece:
    """One sprite in the host's frame."""

    sprite: int
    x: float = 0.0
    y: float = 0.0
    size: float = 1.0
    angle: float = 0.0
    top: float = 0.0


def point_of(properties: SpriteProperties, sprite: int, x: float, y: float, angle: float = 0.0) -> Point:
    """A point of a sprite's visible box, given as fractions of it, in the frame of its square."""
    left, top, right, bottom = properties.box(sprite)
    across, down = left + x * (right - left), top + y * (bottom - top)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return cos * across - sin * down, sin * across + cos * down


def outline_top(properties: SpriteProperties, sprite: int, x: float) -> Point:
    """The highest visible point in the column of a sprite's square at fraction `x` of its visible box."""
    mask = properties.mask(sprite)
    across, _ = point_of(properties, sprite, x, 0)
    column = min(max(round((across + 0.5) * len(mask) - 0.5), 0), len(mask) - 1)
    rows = mask[:, column].nonzero()[0]
    return across, (rows[0] / len(mask) - 0.5) if len(rows) else properties.box(sprite)[1]


def attach(
    properties: SpriteProperties, sprite: int, width: float, grip: Point, target: Point, angle: float = 0.0
) -> Piece:
    """A sprite whose visible box is `width` wide, its point `grip` (fractions of the box) at `target`."""
    left, _, right, _ = properties.box(sprite)
    size = width / max(right - left, 0.05)
    across, down = point_of(properties, sprite, *grip, angle)
    return Piece(sprite, target[0] - size * across, target[1] - size * down, size, angle)


def visible_box(properties: SpriteProperties, piece: Piece) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is seen of a piece."""
    left, top, right, bottom = properties.box(piece.sprite)
    corners = [(left, top), (right, top), (left, bottom), (right, bottom)]
    cos, sin = math.cos(math.radians(piece.angle)), math.sin(math.radians(piece.angle))
    xs = [piece.x + piece.size * (cos * x - sin * y) for x, y in corners]
    ys = [piece.y + piece.size * (sin * x + cos * y) for x, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def fit(properties: SpriteProperties, pieces: Sequence[Piece], side: float = PLAIN_SIZE) -> tuple[Layer, ...]:
    """Layers of pieces, scaled and moved so that all that is seen fits a middle square of `side`."""
    boxes = [visible_box(properties, piece) for piece in pieces]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    scale = side / max(right - left, bottom - top)
    middle = (left + right) / 2, (top + bottom) / 2
    return tuple(
        Layer(
            piece.sprite,
            0.5 + scale * (piece.x - middle[0]),
            0.5 + scale * (piece.y - middle[1]),
            scale * piece.size,
            piece.angle,
            top=piece.top,
        )
        for piece in pieces
    )
