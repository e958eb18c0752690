"""Where the layers of a scene stand: on the grids of `dalle.data.scenes.layout`, or freely.

A placement is (x, y, size): centre and side of a square inside the picture, as fractions, y downwards.
"""

import random

import numpy as np

from dalle.data.scenes import layout
from dalle.data.scenes.layout import PLACE_STEPS, Placement
from dalle.data.sprite_scenes.plan import PLAIN_SIZE
from dalle.data.sprite_scenes.properties import Box
from dalle.data.sprite_scenes.sampling import pick

CENTRED: Placement = (0.5, 0.5, PLAIN_SIZE)
EDGE = 0.01  # of the picture: the least distance of a square from its rim
SMALL_SIZES, SMALL_LIMIT = (0.3, 0.6), 0.47  # of a placed thing; up to the limit it is called small
LARGE_SIZES = (0.8, 0.97)
PAIR_SIZES = (0.36, 0.48)  # of two freely placed things
GRID_SHARE = 0.5  # of the layouts of two things: on the grid
SIX_SIZE = 0.31
SIX_ROWS = ((3, 3), (2, 2, 2))


def placed(rng: random.Random, place: str, size: float) -> Placement:
    """A square of this size at a place of PLACE_STEPS."""
    across, down = PLACE_STEPS[place]
    return _along(rng, across, size), _along(rng, down, size), size


def _along(rng: random.Random, step: int, size: float) -> float:
    """A coordinate in the first, middle or last part of the picture, with the whole square inside it."""
    if step == 0:
        return rng.uniform(0.42, 0.58)
    low = size / 2 + EDGE
    near = rng.uniform(low, min(0.38, low + 0.1)) if low < 0.38 else 0.38
    return near if step < 0 else 1 - near


def counted(rng: random.Random, count: int) -> list[Placement]:
    """Two to six squares of one size that do not overlap, a little off their grid."""
    if count == 6:
        rows = pick(rng, SIX_ROWS)
        grid = [
            (
                0.5 + (column - (length - 1) / 2) * 0.99 / max(rows),
                0.5 + (row - (len(rows) - 1) / 2) / len(rows),
            )
            for row, length in enumerate(rows)
            for column in range(length)
        ]
        size = SIX_SIZE
    elif count == 5:
        grid, size = [(x, y) for x, y, _ in layout.FIVE_PLACEMENTS], layout.FIVE_SIZE
    else:
        rows = pick(rng, layout.ROW_LENGTHS[count])
        grid = [
            (0.5 + (column - (length - 1) / 2) / 2, 0.5 + (row - (len(rows) - 1) / 2) / 2)
            for row, length in enumerate(rows)
            for column in range(length)
        ]
        size = layout.HALF_SIZE
    scale = rng.uniform(0.84, 1)
    spare = size * (1 - scale) / 2
    return [(x + rng.uniform(-spare, spare), y + rng.uniform(-spare, spare), size * scale) for x, y in grid]


def beside(rng: random.Random) -> tuple[Placement, Placement]:
    """Two squares, the first to the left of the second."""
    if rng.random() < GRID_SHARE:
        return layout.side_by_side()
    (first, across, size), (second, other, other_size) = _two(rng)
    return (first, across, size), (second, other, other_size)


def stacked(rng: random.Random) -> tuple[Placement, Placement]:
    """Two squares, the first above the second."""
    if rng.random() < GRID_SHARE:
        return layout.stacked()
    (first, across, size), (second, other, other_size) = _two(rng)
    return (across, first, size), (other, second, other_size)


def _two(rng: random.Random) -> tuple[Placement, Placement]:
    """Two squares, the first before the second along the first axis, and about level on the other."""
    size, other_size = rng.uniform(*PAIR_SIZES), rng.uniform(*PAIR_SIZES)
    spare = 1 - 2 * EDGE - size - other_size
    before, gap = sorted((rng.random() * spare, rng.random() * spare))
    first = EDGE + before + size / 2
    second = EDGE + gap + size + other_size / 2
    level, reach = 0.5 + rng.uniform(-0.1, 0.1), (second - first) / 4
    across, other = (level + rng.uniform(-reach, reach) / 2 for _ in range(2))
    return (first, _inside(across, size), size), (second, _inside(other, other_size), other_size)


def on_top(rng: random.Random, upper: Box, lower_mask: np.ndarray) -> tuple[Placement, Placement]:
    """Two squares, the first standing on the second, centred together.

    `upper`: the visible part of the upper sprite. `lower_mask`: where the lower one is visible, (M, M) bool;
    the feet reach the highest visible row of its middle columns.
    """
    side = len(lower_mask)
    middle = lower_mask[:, round(0.38 * side) : round(0.62 * side)].any(1)
    rows = middle if middle.any() else lower_mask.any(1)
    support = int(rows.argmax()) / side - 0.5
    size = layout.HALF_SIZE if rng.random() < GRID_SHARE else rng.uniform(0.36, layout.HALF_SIZE)
    lower_size = layout.HALF_SIZE if rng.random() < GRID_SHARE else rng.uniform(0.4, layout.HALF_SIZE)
    # From the upper square's centre to the lower one's; the feet sink in a little.
    offset = upper[3] * size - (support + 0.05) * lower_size
    top, bottom = -size / 2, offset + lower_size / 2
    first = 0.5 - (top + bottom) / 2
    x = 0.5 + rng.uniform(-1, 1) * (0.5 - max(size, lower_size) / 2 - EDGE) * 0.6
    return (x, first, size), (x, first + offset, lower_size)


def standing(rng: random.Random, boxes: list[Box], ground: float | None) -> list[Placement]:
    """Squares of one thing or of two side by side, from left to right, at a place.

    `ground`: where their feet are; None: they float. `boxes`: the visible parts of their sprites.
    """
    low, high = (0.45, 0.72) if len(boxes) == 1 else (0.34, 0.46)
    sizes = [rng.uniform(low, high) for _ in boxes]
    if len(boxes) == 1:
        reach = 0.5 - sizes[0] / 2 - EDGE
        xs = [0.5 + rng.uniform(-0.6, 0.6) * reach]
    else:
        spare = 1 - 2 * EDGE - sum(sizes)
        gap = rng.uniform(0.2, 0.6) * spare
        left = EDGE + rng.uniform(0.2, 0.8) * (spare - gap)
        xs = [left + sizes[0] / 2, left + sizes[0] + gap + sizes[1] / 2]
    placements = []
    for x, size, box in zip(xs, sizes, boxes, strict=True):
        y = (
            0.46 + rng.uniform(-0.1, 0.08)
            if ground is None
            else ground + rng.uniform(-0.03, 0.03) - box[3] * size
        )
        placements.append((x, _inside(y, size), size))
    return placements


def _inside(centre: float, size: float) -> float:
    """The coordinate, moved so that the square is inside the picture."""
    return min(max(centre, size / 2 + EDGE), 1 - size / 2 - EDGE)
