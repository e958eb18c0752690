"""Typed facts of a scene (frozen dataclasses): which hold, which the caption states."""

from collections.abc import Iterator

from dalle.data.scenes.layout import LARGE, SMALL
from dalle.data.scenes.scene import SceneObject

OPAQUE = 32  # alpha from which a pixel belongs to a thing


def _shared(fact: str, values: Iterator[str]) -> set[str]:
    """The fact that all have one value, if they have."""
    found = set(values)
    return {fact + value for value in found if value} if len(found) == 1 else set()


def _size(thing: SceneObject) -> str:
    return "small" if thing.size <= SMALL else "large" if thing.size >= LARGE else ""
