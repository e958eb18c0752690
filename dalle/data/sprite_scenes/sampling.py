"""Fast random choices. Each scene has a `random.Random` of its own: its calls cost a tenth of NumPy's."""

import random
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from statistics import NormalDist
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_DRAWS = 1000  # of things that must fulfil a condition
_NORMAL = NormalDist()
_TAIL = 0.002  # ranks within this of 0 or 1 count as this: normal scores stay within 2.9


class Weighted(Generic[T]):
    """Draws options in proportion to their weights; `options`: those of a weight above 0."""

    def __init__(self, weights: Mapping[T, float]):
        self.options = [option for option, weight in weights.items() if weight > 0]
        self.cumulative = list(accumulate(weights[option] for option in self.options))

    def draw(self, rng: random.Random) -> T:
        """One option; IndexError where there is none."""
        position = rng.random() * self.cumulative[-1]
        return self.options[min(bisect_right(self.cumulative, position), len(self.options) - 1)]


def pick(rng: random.Random, options: Sequence[T]) -> T:
    """One option, all with equal chances."""
    return options[int(rng.random() * len(options))]


def scene_random(seed: int, index: int) -> random.Random:
    """The random numbers of scene `index`: the same in every process."""
    return random.Random((seed << 40) + index)


def retry(draw: Callable[[], T | None], wanted: str) -> T:
    """The first result of `draw` that is not None; ValueError after MAX_DRAWS."""
    for _ in range(MAX_DRAWS):
        if (drawn := draw()) is not None:
            return drawn
    raise ValueError(
        f"no {wanted} found in {MAX_DRAWS} draws; give more sprites, or leave such scenes out of the mix"
    )


def normal_score(rank: float) -> float:
    """The standard normal value of a rank from 0 to 1."""
    return _NORMAL.inv_cdf(min(max(rank, _TAIL), 1 - _TAIL))
