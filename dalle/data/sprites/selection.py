"""Which of the named drawings become sprites: without defects, doubles, and more pictograms than pictures."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dalle.data.sprites.measure import Measured
from dalle.data.sprites.naming import Named
from dalle.data.sprites.sources import SourceSpec

SAME_CONCEPT = 5.0  # of 255: mean difference of thumbnails below which two drawings of a concept are one
SAME_SOURCE = 2.0  # the same for two drawings of a source that have different names
MIN_MONOCHROME = 4  # monochrome drawings that a concept may have, however few it has in colour


@dataclass(frozen=True)
class Measurement:
    """A drawing with what is known of it, and what becomes of it: `left_out` is empty, or the reason."""

    spec: SourceSpec
    named: Named
    measured: Measured
    left_out: str = ""

    @property
    def monochrome(self) -> bool:
        """Whether the drawing is stored as a mask."""
        return self.measured.colour == "monochrome"

    @property
    def emoji_set(self) -> bool:
        """Whether the drawing is of an emoji set that is used whole, so that its style has all emoji."""
        return self.spec.reader in ("emoji", "codepoints")


def select(drawings: Iterable[Measurement]) -> tuple[list[Measurement], Counter[tuple[str, str]]]:
    """The drawings to use, in the given order; how many others each (source, reason) has."""
    left_out: Counter[tuple[str, str]] = Counter()
    usable = []
    for drawing in drawings:
        if drawing.measured.defect and not (drawing.emoji_set and drawing.measured.colour):
            left_out[drawing.spec.name, drawing.measured.defect.partition(":")[0]] += 1
        else:
            usable.append(drawing)
    ranked = sorted(range(len(usable)), key=lambda at: (not usable[at].emoji_set, usable[at].named.rank, at))
    kept: set[int] = set(ranked)
    for reason, dropped in (
        ("the same picture in this source", _same_in_source(usable, ranked)),
        ("the same picture of this concept", _same_of_concept(usable, ranked)),
    ):
        kept = _without(kept, dropped, reason, usable, left_out)
    dropped = _over_limit(usable, [at for at in ranked if at in kept])
    kept = _without(kept, dropped, "more drawings of one concept", usable, left_out)
    dropped = _over_share(usable, kept)
    kept = _without(kept, dropped, "more pictograms than pictures", usable, left_out)
    return [usable[at] for at in sorted(kept)], left_out


def _without(
    kept: set[int],
    dropped: set[int],
    reason: str,
    usable: list[Measurement],
    left_out: Counter[tuple[str, str]],
) -> set[int]:
    left_out.update((usable[at].spec.name, reason) for at in dropped & kept)
    return kept - dropped


def _thumbnails(usable: list[Measurement]) -> np.ndarray:
    data = b"".join(drawing.measured.thumbnail for drawing in usable)
    return np.frombuffer(data, np.uint8).reshape(len(usable), -1).astype(np.int16)


def _same_of_concept(usable: list[Measurement], ranked: list[int]) -> set[int]:
    """Drawings that look like a better-ranked one of the same concept and of the same kind of colour."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at in ranked:
        groups[usable[at].named.label, usable[at].measured.colour].append(at)
    return _doubles(usable, groups.values(), SAME_CONCEPT)


def _same_in_source(usable: list[Measurement], ranked: list[int]) -> set[int]:
    """Drawings that look like a better-ranked one of the same source, whatever both are called."""
    groups: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for at in ranked:
        coarse = bytes(value // 64 for value in usable[at].measured.thumbnail[::97])
        groups[usable[at].spec.name, coarse].append(at)
    return _doubles(usable, groups.values(), SAME_SOURCE)


def _doubles(usable: list[Measurement], groups: Iterable[list[int]], limit: float) -> set[int]:
    dropped = set()
    for group in groups:
        thumbnails = _thumbnails([usable[at] for at in group])
        for second in range(1, len(group)):
            if usable[group[second]].emoji_set:
                continue
            difference = np.abs(thumbnails[:second] - thumbnails[second]).mean(1)
            alive = [group[first] not in dropped for first in range(second)]
            if (difference[alive] < limit).any():
                dropped.add(group[second])
    return dropped


def _over_limit(usable: list[Measurement], ranked: list[int]) -> set[int]:
    """Drawings beyond the number that a source may have of one concept."""
    counts: Counter[tuple[str, str]] = Counter()
    dropped = set()
    for at in ranked:
        key = (usable[at].spec.name, usable[at].named.label)
        counts[key] += 1
        if counts[key] > usable[at].spec.limit:
            dropped.add(at)
    return dropped


def _over_share(usable: list[Measurement], kept: set[int]) -> set[int]:
    """Monochrome drawings of a concept beyond MIN_MONOCHROME and the number that it has in colour.

    Which ones go is drawn by lot from concept and source, so that no style loses more than others.
    """
    colour = Counter(usable[at].named.label for at in kept if not usable[at].monochrome)
    groups: dict[str, list[int]] = defaultdict(list)
    for at in sorted(kept):
        if usable[at].monochrome:
            groups[usable[at].named.label].append(at)
    dropped: set[int] = set()
    for label, group in groups.items():
        group.sort(key=lambda at: _lot(label, usable[at]))
        dropped.update(group[max(MIN_MONOCHROME, colour[label]) :])
    return dropped


def _lot(label: str, drawing: Measurement) -> bytes:
    return hashlib.sha256(f"{label}|{drawing.spec.name}|{drawing.named.candidate.id}".encode()).digest()
