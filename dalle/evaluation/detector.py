"""Judge: whether a picture shows what a caption says, by its parts, each read without a look at the caption.

    picture  --cuts-->  parts  --name-->  readings  --shows(facts)-->  yes or no

The background is plain, so a part is what differs from it and hangs together. Some things are drawn in pieces
and others touch, so a picture is cut in several ways, which join near pieces or part touching ones; kept is
the cut whose parts are named most surely. Only then are facts of a scene (compose.py) held against the parts.
After GenEval (arXiv:2310.11513), which uses an object detector.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dalle import images
from dalle.data.scenes.colours import dominant_colour, to_lab

Name = Callable[[Tensor], Tensor]  # pictures (B, 3, S, S) -> probabilities (B, K): the referee's

BACKGROUND_DISTANCE = 0.06  # distance in Oklab from which a pixel is no longer background

MIN_AREA = 0.003  # share of the picture's pixels below which a piece is nothing

GAPS = (
    0,
    0.016,
    0.032,
    0.055,
    -0.008,
    -0.016,
    -0.032,
)  # of the side: pieces so near are joined; below 0: parted

MAX_DETECTIONS = 9  # parts that are looked at, the largest

BEST = 5  # answers of the referee that count as named

CROP = 96  # pixels a side of a part, as it is named

ROOM = 1.12  # a crop's side, in sides of the part


@dataclass(frozen=True)
class Detection:
    """One thing in a picture: its box's centre as fractions of the picture, y downwards."""

    x: float
    y: float
    answers: frozenset[str]  # what the referee would call it, its best few
    colour: str  # what a person would call its colour


@dataclass(frozen=True)
class _Segmentation:
    """One way to see the things in a picture: where each is, (S, S) bool."""

    masks: tuple[np.ndarray, ...]
    share: float  # of all that differs from the background


def detect(picture: np.ndarray, name: Name, answers: Sequence[str]) -> list[Detection]:
    """The parts of a picture (S, S, 3) uint8 on a plain background; `answers` are the K of `name`."""
    background = _background(picture)
    best, surest = [], 0.0
    for cut in _cuts(picture, background):
        crops = [_crop(picture, background, mask, cut.masks) for mask in cut.masks]
        probabilities = name(torch.cat(crops))
        areas = torch.tensor([float(mask.sum()) for mask in cut.masks])
        sure = cut.share * float((probabilities.max(1).values * areas).sum() / areas.sum())
        if sure > surest:
            named = [[answers[i] for i in row] for row in probabilities.topk(min(BEST, len(answers))).indices]
            parts = zip(cut.masks, named, strict=True)
            best, surest = [_part(picture, mask, best_few) for mask, best_few in parts], sure
    return best


def _part(picture: np.ndarray, mask: np.ndarray, answers: Collection[str]) -> Detection:
    left, top, right, bottom = _box(mask)
    size = len(mask)
    colour = dominant_colour(picture[mask])
    return Detection((left + right) / 2 / size, (top + bottom) / 2 / size, frozenset(answers), colour)


def _background(picture: np.ndarray) -> np.ndarray:
    """The colour that most of the picture's frame is near to: (3,) uint8."""
    frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    return np.median(frame, axis=0).astype(np.uint8)


def _cuts(picture: np.ndarray, background: np.ndarray) -> Iterator[_Segmentation]:
    """Every different way to cut a picture into at most MAX_DETECTIONS parts; none for an empty picture."""
    unlike = np.linalg.norm(to_lab(picture) - to_lab(background), axis=-1) > BACKGROUND_DISTANCE
    seen: set[tuple[bytes, ...]] = set()
    for gap in GAPS:
        labels = _pieces(torch.from_numpy(unlike), round(gap * len(picture))).numpy()
        numbers, areas = np.unique(labels[labels > 0], return_counts=True)
        largest = numbers[areas >= MIN_AREA * unlike.size][
            np.argsort(-areas[areas >= MIN_AREA * unlike.size])
        ]
        masks = tuple(labels == number for number in largest[:MAX_DETECTIONS])
        key = tuple(mask.tobytes() for mask in masks)
        if masks and key not in seen:
            seen.add(key)
            yield _Segmentation(masks, float(np.sum(masks) / unlike.sum()))


def _pieces(mask: Tensor, gap: int) -> Tensor:
    """Which piece each pixel belongs to: mask (S, S) bool -> (S, S), 0 where there is none.

    Pieces up to 2 `gap` pixels apart are one; below 0, what only so narrow a bridge joins is two.
    """
    if gap >= 0:
        return _components(_widened(mask, gap)) * mask
    pieces = _components(~_widened(~mask, -gap))
    while True:  # what was pared off goes to the piece that reaches it first
        grown = torch.where(pieces > 0, pieces, _widened(pieces, 1) * mask)
        if torch.equal(grown, pieces):
            return pieces
        pieces = grown


def _components(mask: Tensor) -> Tensor:
    """A number for each 8-connected part, that of its last pixel: mask (S, S) bool -> (S, S), 0 outside."""
    labels = torch.arange(1, mask.numel() + 1).view_as(mask) * mask
    while True:
        wider = _widened(labels, 1) * mask
        # A label is a pixel's number: take that pixel's own label, and long parts need few rounds.
        wider = wider.flatten()[wider - 1] * mask
        if torch.equal(wider, labels):
            return labels
        labels = wider


def _widened(values: Tensor, reach: int) -> Tensor:
    """The greatest value within `reach` pixels; (S, S), exact up to 2**24."""
    wide = F.max_pool2d(values[None, None].float(), 2 * reach + 1, 1, reach)[0, 0]
    return wide.to(values.dtype)


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _crop(
    picture: np.ndarray, background: np.ndarray, mask: np.ndarray, masks: Sequence[np.ndarray]
) -> Tensor:
    """One part alone on the background, filling its picture: (1, 3, CROP, CROP) in [-1, 1]."""
    alone = picture.copy()
    alone[np.logical_or.reduce(masks) & ~mask] = background
    left, top, right, bottom = _box(mask)
    half = round(max(right - left, bottom - top) * ROOM / 2) + 1
    padded = np.empty((len(picture) + 2 * half, len(picture) + 2 * half, 3), np.uint8)
    padded[:] = background
    padded[half:-half, half:-half] = alone
    x, y = (left + right) // 2, (top + bottom) // 2  # in the padded picture, the crop's corner
    crop = images.from_arrays(padded[None, y : y + 2 * half, x : x + 2 * half])
    return F.interpolate(crop, size=(CROP, CROP), mode="bilinear", antialias=True)
