"""Placements of objects in a scene: squares inside the picture that overlap only where one stands on another.

A placement is (x, y, size): the centre and the side of a square, as fractions of the picture, y downwards. An
object fills the picture, or half of it with its centre on a grid of quarters. A quarter is one token of the
shipped model, so a small object covers two by two whole tokens wherever it stands, and is soon learnt; a
freely moved and resized one stays a blot for a long time (measured: RESEARCH.md). Only five of a kind, which
are smaller, and an object on top of another leave the grid.
"""

import numpy as np

Placement = tuple[float, float, float]

# Places of a small object, as steps of a quarter from the middle, to the right and downwards.
PLACE_STEPS: dict[str, tuple[int, int]] = {
    "top left": (-1, -1),
    "top": (0, -1),
    "top right": (1, -1),
    "left": (-1, 0),
    "middle": (0, 0),
    "right": (1, 0),
    "bottom left": (-1, 1),
    "bottom": (0, 1),
    "bottom right": (1, 1),
}
MAX_SMALL_SIZE, MIN_LARGE_SIZE = 0.5, 0.75  # sizes in between are neither "small" nor "large"
WHOLE_PICTURE: Placement = (0.5, 0.5, 1.0)
HALF_SIZE = 0.47  # of an object that fills half the picture, less a margin
FIVE_SIZE = 0.32  # of each of five objects
# Objects in each row, for two to four of a kind; five stand as on a die.
ROW_LENGTHS: dict[int, tuple[tuple[int, ...], ...]] = {2: ((2,), (1, 1)), 3: ((1, 2), (2, 1)), 4: ((2, 2),)}
FIVE_PLACEMENTS: tuple[Placement, ...] = tuple(
    (x, y, FIVE_SIZE) for x, y in ((0.18, 0.18), (0.82, 0.18), (0.5, 0.5), (0.18, 0.82), (0.82, 0.82))
)


def placement_at(place: str) -> Placement:
    """A small square at a place of `PLACE_STEPS`."""
    across, down = PLACE_STEPS[place]
    return 0.5 + across / 4, 0.5 + down / 4, HALF_SIZE


def places_at(x: float, y: float) -> set[str]:
    """All places that fit a centre (x, y): the top left corner is also at the top and on the left."""
    across, down = int(x > 0.6) - int(x < 0.4), int(y > 0.6) - int(y < 0.4)
    if (across, down) == (0, 0):
        return {"middle"}
    fitting = {(across, down), (across, 0), (0, down)} - {(0, 0)}
    return {place for place, steps in PLACE_STEPS.items() if steps in fitting}


def size_name(size: float) -> str | None:
    """ "small", "large" or None, from the side of a square as a fraction of the picture."""
    if size <= MAX_SMALL_SIZE:
        return "small"
    return "large" if size >= MIN_LARGE_SIZE else None


def side_by_side() -> tuple[Placement, Placement]:
    """Two squares, the first to the left of the second."""
    return placement_at("left"), placement_at("right")


def stacked() -> tuple[Placement, Placement]:
    """Two squares, the first above the second."""
    return placement_at("top"), placement_at("bottom")


def in_rows(rng: np.random.Generator, count: int) -> list[Placement]:
    """Two to five squares of one size that do not overlap."""
    if count == 5:
        return list(FIVE_PLACEMENTS)
    rows = ROW_LENGTHS[count][rng.integers(len(ROW_LENGTHS[count]))]
    return [
        (0.5 + (column - (length - 1) / 2) / 2, 0.5 + (row - (len(rows) - 1) / 2) / 2, HALF_SIZE)
        for row, length in enumerate(rows)
        for column in range(length)
    ]


def stacked_on(upper: np.ndarray, lower: np.ndarray) -> tuple[Placement, Placement]:
    """Two squares, the first standing on the second.

    `upper`, `lower`: where each icon is visible, (S, S) bool. The lowest visible row of the upper one meets
    the highest one in the lower one's middle columns.
    """
    feet = np.flatnonzero(upper.any(1)).max() / len(upper)
    middle_columns = lower[:, round(0.38 * len(lower)) : round(0.62 * len(lower))]
    support = middle_columns if middle_columns.any() else lower
    support_top = np.flatnonzero(support.any(1)).min() / len(lower)
    offset = (feet - support_top - 0.05) * HALF_SIZE  # from the top of the upper square to that of the lower
    top = (1 - offset - HALF_SIZE) / 2
    return (0.5, top + HALF_SIZE / 2, HALF_SIZE), (0.5, top + offset + HALF_SIZE / 2, HALF_SIZE)
