"""Placements: inside the picture, without overlap, and at the place that a caption names."""

import itertools

import numpy as np
import pytest

from dalle.data.scenes import layout

DRAWS = 50


def is_inside(placement: layout.Placement) -> bool:
    x, y, size = placement
    return min(x, y) - size / 2 > -1e-9 and max(x, y) + size / 2 < 1 + 1e-9


def are_apart(first: layout.Placement, second: layout.Placement) -> bool:
    distance = max(abs(first[0] - second[0]), abs(first[1] - second[1]))
    return distance >= (first[2] + second[2]) / 2 - 1e-9


@pytest.mark.parametrize("place", layout.PLACE_STEPS)
def test_placement_at(place):
    """Guards against an owl "in the top left corner" that is cut off, or that stands in the middle."""
    placement = layout.placement_at(place)
    assert is_inside(placement)
    assert placement[2] <= layout.MAX_SMALL_SIZE
    assert place in layout.places_at(placement[0], placement[1])
    assert all(centre % 0.25 == 0 for centre in placement[:2]), (
        "centres are on the shipped model's token grid"
    )


def test_a_corner_is_also_a_side():
    """Guards against facts that contradict each other: what is in the top left corner is also on the left."""
    assert layout.places_at(0.2, 0.2) == {"top left", "top", "left"}
    assert layout.places_at(0.5, 0.8) == {"bottom"}
    assert layout.places_at(0.5, 0.45) == {"middle"}


def test_pairs():
    """Guards against overlapping pairs and swapped sides."""
    left, right = layout.side_by_side()
    upper, lower = layout.stacked()
    assert all(map(is_inside, (left, right, upper, lower)))
    assert are_apart(left, right)
    assert are_apart(upper, lower)
    assert right[0] - left[0] > abs(right[1] - left[1])
    assert lower[1] - upper[1] > abs(lower[0] - upper[0])


@pytest.mark.parametrize("count", range(2, 6))
def test_in_rows(count):
    """Guards against five cats of which two hide each other."""
    for seed in range(DRAWS):
        placements = layout.in_rows(np.random.default_rng(seed), count)
        assert len(placements) == count
        assert all(map(is_inside, placements))
        assert all(are_apart(*pair) for pair in itertools.combinations(placements, 2))


def test_stacked_on():
    """Guards against a cat that floats over the house, sinks into it, or leaves the picture."""
    upper = np.zeros((64, 64), bool)
    upper[10:50, 20:44] = True
    lower = np.zeros((64, 64), bool)
    lower[24:60, 4:60] = True
    first, second = layout.stacked_on(upper, lower)
    assert is_inside(first)
    assert is_inside(second)
    feet = first[1] + (50 / 64 - 0.5) * first[2]
    roof = second[1] + (24 / 64 - 0.5) * second[2]
    assert 0 < feet - roof < 0.1
    assert first[0] == second[0]
