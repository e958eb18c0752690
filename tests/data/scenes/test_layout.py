"""Layouts: everything inside the picture, nothing over another thing, and where it is said to be."""

import itertools

import numpy as np
import pytest

from dalle.data.scenes import layout

DRAWS = 50


def inside(spot: layout.Placement) -> bool:
    x, y, size = spot
    return min(x, y) - size / 2 > -1e-9 and max(x, y) + size / 2 < 1 + 1e-9


def apart(one: layout.Placement, other: layout.Placement) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) >= (one[2] + other[2]) / 2 - 1e-9


@pytest.mark.parametrize("place", layout.PLACES)
def test_placed(place):
    """Guards against an owl "in the top left corner" that is cut off, or that stands in the middle."""
    spot = layout.placed(place)
    assert inside(spot)
    assert spot[2] <= layout.SMALL
    assert place in layout.places_of(spot[0], spot[1])
    assert all(at % 0.25 == 0 for at in spot[:2]), "things stand on the grid of the shipped model's tokens"


def test_a_corner_is_also_a_side():
    """Guards against facts that contradict: what is in the top left corner is also on the left."""
    assert layout.places_of(0.2, 0.2) == {"top left", "top", "left"}
    assert layout.places_of(0.5, 0.8) == {"bottom"}
    assert layout.places_of(0.5, 0.45) == {"middle"}


def test_pairs():
    """Guards against overlapping pairs and swapped sides."""
    left, right = layout.side_by_side()
    upper, lower = layout.stacked()
    assert all(map(inside, (left, right, upper, lower)))
    assert apart(left, right)
    assert apart(upper, lower)
    assert right[0] - left[0] > abs(right[1] - left[1])
    assert lower[1] - upper[1] > abs(lower[0] - upper[0])


@pytest.mark.parametrize("count", range(2, 6))
def test_rows(count):
    """Guards against five cats of which two hide each other."""
    for seed in range(DRAWS):
        spots = layout.in_rows(np.random.default_rng(seed), count)
        assert len(spots) == count
        assert all(map(inside, spots))
        assert all(apart(*two) for two in itertools.combinations(spots, 2))


def test_standing():
    """Guards against a cat that floats over the house, sinks into it, or leaves the picture."""
    upper = np.zeros((64, 64), bool)
    upper[10:50, 20:44] = True
    lower = np.zeros((64, 64), bool)
    lower[24:60, 4:60] = True
    one, other = layout.stacked_on(upper, lower)
    assert inside(one)
    assert inside(other)
    feet = one[1] + (50 / 64 - 0.5) * one[2]
    roof = other[1] + (24 / 64 - 0.5) * other[2]
    assert 0 < feet - roof < 0.1
    assert one[0] == other[0]
