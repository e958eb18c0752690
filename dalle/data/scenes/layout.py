"""Where things stand in a scene: squares inside it that do not overlap, unless one thing stands on another.

A spot is (x, y, size): the centre and the side of a square, as fractions of the picture, y downwards.
Spots are few and exact: a thing fills the picture, or half of it at whole steps of a quarter, which is one
token of the shipped model. So a thing is the same two by two tokens wherever it stands, and soon learnt;
moved and resized freely, it is a blot for a long time (RESEARCH.md). Off that grid are only five of a kind,
which are smaller, and what stands on a thing.
"""

import numpy as np

Placement = tuple[float, float, float]

# Where a small thing can be: steps from the middle to the right and downwards.
PLACES: dict[str, tuple[int, int]] = {
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
SMALL, LARGE = 0.5, 0.75  # a thing up to the one is small, from the other on it is large
WHOLE: Placement = (0.5, 0.5, 1.0)  # of a thing that fills the picture
HALF = 0.47  # of one that stands on half of it, with a margin
THIRD = 0.32
# Where they stand, for two to five of the same: rows of half the picture, and at last a dice's five.
ROWS: dict[int, tuple[tuple[int, ...], ...]] = {2: ((2,), (1, 1)), 3: ((1, 2), (2, 1)), 4: ((2, 2),)}
FIVE: tuple[Placement, ...] = tuple(
    (x, y, THIRD) for x, y in ((0.18, 0.18), (0.82, 0.18), (0.5, 0.5), (0.18, 0.82), (0.82, 0.82))
)


def placed(place: str) -> Placement:
    """A small square at one of the `PLACES`."""
    across, down = PLACES[place]
    return 0.5 + across / 4, 0.5 + down / 4, HALF


def places_of(x: float, y: float) -> set[str]:
    """The `PLACES` that a centre can be said to be at: a corner is also at the top and on the left."""
    across, down = int(x > 0.6) - int(x < 0.4), int(y > 0.6) - int(y < 0.4)
    if (across, down) == (0, 0):
        return {"middle"}
    held = {(across, down), (across, 0), (0, down)} - {(0, 0)}
    return {name for name, steps in PLACES.items() if steps in held}


def side_by_side() -> tuple[Placement, Placement]:
    """Two squares, the first to the left of the second."""
    return placed("left"), placed("right")


def stacked() -> tuple[Placement, Placement]:
    """Two squares, the first above the second."""
    return placed("top"), placed("bottom")


def in_rows(rng: np.random.Generator, count: int) -> list[Placement]:
    """Two to five squares of one size."""
    if count == 5:
        return list(FIVE)
    rows = ROWS[count][rng.integers(len(ROWS[count]))]
    return [
        (0.5 + (column - (across - 1) / 2) / 2, 0.5 + (row - (len(rows) - 1) / 2) / 2, HALF)
        for row, across in enumerate(rows)
        for column in range(across)
    ]


def stacked_on(upper: np.ndarray, lower: np.ndarray) -> tuple[Placement, Placement]:
    """Two squares, the first standing on the second; from what is opaque in each icon, (S, S) bool."""
    feet = np.flatnonzero(upper.any(1)).max() / len(upper)
    middle = slice(round(0.38 * len(lower)), round(0.62 * len(lower)))
    span = lower[:, middle] if lower[:, middle].any() else lower
    under = np.flatnonzero(span.any(1)).min() / len(lower)
    rise = (feet - under - 0.05) * HALF  # between the squares' tops
    top = (1 - rise - HALF) / 2
    return (0.5, top + HALF / 2, HALF), (0.5, top + rise + HALF / 2, HALF)
