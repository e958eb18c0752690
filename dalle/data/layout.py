"""Where things stand in a scene: squares that stay inside the picture and do not overlap.

A spot is (x, y, size): the centre and the side of a square, as fractions of the picture, y downwards.
"""

import numpy as np

Spot = tuple[float, float, float]

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
SMALL, LARGE = 0.42, 0.75  # a thing up to the one is small, from the other on it is large
# How many stand in each row, for two to five of the same.
ROWS: dict[int, tuple[tuple[int, ...], ...]] = {
    2: ((2,), (1, 1)),
    3: ((3,), (1, 2), (2, 1)),
    4: ((2, 2), (1, 2, 1)),
    5: ((2, 3), (3, 2), (2, 1, 2)),
}
ROOM = 0.98  # of the picture's side; the rest is its margin


def centred(rng: np.random.Generator, least: float, most: float) -> Spot:
    """One square of a size between `least` and `most`, near the middle."""
    size = rng.uniform(least, most)
    x, y = 0.5 + rng.uniform(-0.5, 0.5, 2) * min(1 - size, 0.15)
    return x, y, size


def placed(rng: np.random.Generator, place: str, least: float, most: float) -> Spot:
    """One square at one of the `PLACES`."""
    size = rng.uniform(least, most)
    reach = (ROOM - size) / 2
    x, y = (
        0.5 + step * reach * rng.uniform(0.85, 1) + rng.uniform(-0.03, 0.03) * (step == 0)
        for step in PLACES[place]
    )
    return x, y, size


def places_of(x: float, y: float) -> set[str]:
    """The `PLACES` that a centre can be said to be at: a corner is also at the top and on the left."""
    across, down = int(x > 0.6) - int(x < 0.4), int(y > 0.6) - int(y < 0.4)
    if (across, down) == (0, 0):
        return {"middle"}
    held = {(across, down), (across, 0), (0, down)} - {(0, 0)}
    return {name for name, steps in PLACES.items() if steps in held}


def side_by_side(rng: np.random.Generator) -> tuple[Spot, Spot]:
    """Two squares, the first to the left of the second."""
    sizes = rng.uniform(0.38, 0.48, 2)
    margin, gap, _ = rng.dirichlet((1, 1, 1)) * (1 - sizes.sum())
    left = margin + sizes[0] / 2
    right = margin + sizes[0] + gap + sizes[1] / 2
    height = rng.uniform(0.35, 0.65)
    low, high = height + rng.uniform(-0.05, 0.05, 2)
    return (left, low, sizes[0]), (right, high, sizes[1])


def stacked(rng: np.random.Generator) -> tuple[Spot, Spot]:
    """Two squares, the first above the second."""
    (y1, x1, size1), (y2, x2, size2) = side_by_side(rng)
    return (x1, y1, size1), (x2, y2, size2)


def in_rows(rng: np.random.Generator, count: int) -> list[Spot]:
    """Two to five squares of one size in rows."""
    rows = ROWS[count][rng.integers(len(ROWS[count]))]
    cell = ROOM / max(len(rows), *rows)
    size = cell * rng.uniform(0.82, 0.98)
    slack = (cell - size) / 2
    return [
        (
            0.5 + (column - (across - 1) / 2) * cell + rng.uniform(-slack, slack),
            0.5 + (row - (len(rows) - 1) / 2) * cell + rng.uniform(-slack, slack),
            size,
        )
        for row, across in enumerate(rows)
        for column in range(across)
    ]


def standing(rng: np.random.Generator, upper: np.ndarray, lower: np.ndarray) -> tuple[Spot, Spot]:
    """Two squares, the first standing on the second; from what is opaque in each icon, (S, S) bool."""
    size, base = rng.uniform(0.34, 0.44), rng.uniform(0.46, 0.54)
    feet = np.flatnonzero(upper.any(1)).max() / len(upper)
    columns = np.flatnonzero(lower.any(0))
    middle = (columns.min() + columns.max()) / 2 / len(lower) + rng.uniform(-0.08, 0.08)
    span = lower[
        :, slice(*np.round((middle + np.array([-0.12, 0.12])) * len(lower)).astype(int).clip(0, len(lower)))
    ]
    under = np.flatnonzero((span if span.any() else lower).any(1)).min() / len(lower)
    x, rise = 0.5 + rng.uniform(-0.06, 0.06), feet * size - (under + 0.05) * base  # between the squares' tops
    top = (1 - rise - base) / 2
    foot_x = x + (middle - 0.5) * base
    return (foot_x, top + size / 2, size), (x, top + rise + base / 2, base)
