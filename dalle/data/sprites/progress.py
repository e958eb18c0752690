"""Telling how far a build is."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[str, int, int], None]  # (what is being done, how much of it is done, how much there is)
Item = TypeVar("Item")


def counted(stage: str, items: Iterable[Item], total: int, tell: Progress) -> Iterator[Item]:
    """The items, each of which is told as done."""
    tell(stage, 0, total)
    for done, item in enumerate(items, 1):
        tell(stage, done, total)
        yield item
