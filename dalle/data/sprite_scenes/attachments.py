"""Geometry of sprites on sprites: pieces in the frame of a host, and how they fit into a picture.

A host's square has side 1 and its centre at 0, 0; x to the right, y downwards, angles clockwise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dalle.data.sprite_scenes.plan import PLAIN_SIZE, Layer
from dalle.data.sprite_scenes.properties import Box, SpriteProperties

Point = tuple[float, float]

MIN_WIDTH = 0.05  # of a sprite's square: a visible box counts as at least this wide


@dataclass(frozen=True)
class Piece:
    """One sprite in the host's frame; fields as in `plan.Layer`."""

    sprite: int
    x: float = 0.0
    y: float = 0.0
    size: float = 1.0
    angle: float = 0.0
    top: float = 0.0


def rotate(point: Point, angle: float) -> Point:
    """A point turned about 0, 0."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return cos * point[0] - sin * point[1], sin * point[0] + cos * point[1]


def point_of(properties: SpriteProperties, sprite: int, x: float, y: float, angle: float = 0.0) -> Point:
    """A point of a sprite's visible box, given as fractions of it, in the frame of its square."""
    left, top, right, bottom = properties.box(sprite)
    return rotate((left + x * (right - left), top + y * (bottom - top)), angle)


def width_of(properties: SpriteProperties, sprite: int) -> float:
    """The width of a sprite's visible box, as a fraction of its square."""
    left, _, right, _ = properties.box(sprite)
    return max(right - left, MIN_WIDTH)


def outline_top(properties: SpriteProperties, sprite: int, x: float, reach: float = 0.06) -> Point:
    """Where the outline begins, from above, about fraction `x` of a sprite's visible box.

    The lowest of three beginnings, `reach` apart: antennae, tufts of hair and stems do not count.
    """
    mask = properties.mask(sprite)
    middle, _ = point_of(properties, sprite, x, 0)
    starts = []
    for across in (middle - reach, middle, middle + reach):
        column = mask[:, min(max(int((across + 0.5) * len(mask)), 0), len(mask) - 1)]
        if column.any():
            starts.append(int(column.argmax()) / len(mask) - 0.5)
    return middle, max(starts, default=properties.box(sprite)[1])


def attach(
    properties: SpriteProperties, sprite: int, width: float, grip: Point, target: Point, angle: float = 0.0
) -> Piece:
    """A sprite whose visible box is `width` wide, its point `grip` (fractions of the box) at `target`."""
    size = width / width_of(properties, sprite)
    across, down = point_of(properties, sprite, *grip, angle)
    return Piece(sprite, target[0] - size * across, target[1] - size * down, size, angle)


def visible_box(properties: SpriteProperties, piece: Piece) -> Box:
    """Left, top, right and bottom of what is seen of a piece, in the host's frame."""
    left, top, right, bottom = properties.box(piece.sprite)
    corners = [(left, top), (right, top), (left, bottom), (right, bottom)]
    if piece.angle:
        corners = [rotate(corner, piece.angle) for corner in corners]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (
        piece.x + piece.size * min(xs),
        piece.y + piece.size * min(ys),
        piece.x + piece.size * max(xs),
        piece.y + piece.size * max(ys),
    )


def extent(box: Box) -> float:
    """The longer side of a box."""
    return max(box[2] - box[0], box[3] - box[1])


def fit(
    properties: SpriteProperties,
    pieces: Sequence[Piece],
    side: float = PLAIN_SIZE,
    mirrored: bool = False,
) -> tuple[Layer, ...]:
    """Layers of pieces, all that is seen in a middle square of `side`; mirrored: left and right exchanged."""
    boxes = [visible_box(properties, piece) for piece in pieces]
    whole = (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
    scale = side / extent(whole)
    middle, across = ((whole[0] + whole[2]) / 2, (whole[1] + whole[3]) / 2), -scale if mirrored else scale
    return tuple(
        Layer(
            piece.sprite,
            0.5 + across * (piece.x - middle[0]),
            0.5 + scale * (piece.y - middle[1]),
            scale * piece.size,
            -piece.angle if mirrored else piece.angle,
            mirrored,
            top=piece.top,
        )
        for piece in pieces
    )
