"""Detects the objects of a generated image on a plain background, and classifies each of them.

    image  --segmentations-->  masks  --classify each crop-->  detections (classes, colour, centre)

An object is a connected region that differs from the background. Some objects are drawn in several pieces and
others touch, so the image is segmented several times, joining pieces that are close or separating regions
that touch by a narrow bridge; the segmentation whose objects are classified with the highest confidence wins.
The detector does not see the caption; verifier.py compares its detections with the caption's facts. After
GenEval (arXiv:2310.11513), which uses a trained object detector instead.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dalle import images
from dalle.data.scenes.colours import dominant_colour, rgb_to_oklab

Classify = Callable[[Tensor], Tensor]  # images (B, 3, S, S) in [-1, 1] -> class probabilities (B, K)

BACKGROUND_DISTANCE = 0.06  # distance in Oklab above which a pixel differs from the background

MIN_AREA = 0.003  # regions with a smaller share of the image's pixels are ignored

# Segmentations to try, as shares of the image's side: regions up to 2 * gap apart are joined; with a negative
# gap, regions joined by a bridge narrower than 2 * |gap| are separated.
MERGE_GAPS = (0, 0.016, 0.032, 0.055, -0.008, -0.016, -0.032)

MAX_DETECTIONS = 9  # the largest regions

TOP_CLASSES = 5  # classes of a detection: a caption's concept must be among them

CROP_SIZE = 96  # side in pixels of the crops that are classified

CROP_MARGIN = 1.12  # side of a crop, relative to the longer side of the object's bounding box


@dataclass(frozen=True)
class Detection:
    """An object: the centre of its bounding box in [0, 1] with y downwards, its classes, its colour."""

    x: float
    y: float
    classes: frozenset[str]  # the TOP_CLASSES most probable ones
    colour: str  # name of its dominant colour, a key of COLOURS


@dataclass(frozen=True)
class _Segmentation:
    """One candidate: a mask (S, S) bool for each object, the largest first."""

    masks: tuple[np.ndarray, ...]
    share: float  # of all pixels that differ from the background, those in the masks


def detect(picture: np.ndarray, classify: Classify, classes: Sequence[str]) -> list[Detection]:
    """The objects of an image (S, S, 3) uint8 on a plain background; `classes` are the K of `classify`.

    The best segmentation has the highest mean top-1 probability of its objects, weighted by area and
    multiplied by the share of foreground pixels that it covers.
    """
    background = _frame_colour(picture)
    detections, best_score = [], 0.0
    for segmentation in _segmentations(picture, background):
        masks = segmentation.masks
        probabilities = classify(torch.cat([_crop(picture, background, mask, masks) for mask in masks]))
        areas = torch.tensor([float(mask.sum()) for mask in masks])
        confidence = float((probabilities.max(1).values * areas).sum() / areas.sum())
        if (score := segmentation.share * confidence) > best_score:
            top: list[list[int]] = probabilities.topk(min(TOP_CLASSES, len(classes))).indices.tolist()
            detections = [
                _to_detection(picture, mask, [classes[index] for index in row])
                for mask, row in zip(masks, top, strict=True)
            ]
            best_score = score
    return detections


def _to_detection(picture: np.ndarray, mask: np.ndarray, classes: Collection[str]) -> Detection:
    left, top, right, bottom = _bounding_box(mask)
    size = len(mask)
    colour = dominant_colour(picture[mask])
    return Detection((left + right) / 2 / size, (top + bottom) / 2 / size, frozenset(classes), colour)


def _frame_colour(picture: np.ndarray) -> np.ndarray:
    """The median colour (3,) uint8 of the pixels along the image's edges."""
    frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    return np.median(frame, axis=0).astype(np.uint8)


def _segmentations(picture: np.ndarray, background: np.ndarray) -> Iterator[_Segmentation]:
    """The distinct segmentations by MERGE_GAPS, of at most MAX_DETECTIONS objects; none of a blank image."""
    difference = rgb_to_oklab(picture) - rgb_to_oklab(background)
    foreground = np.linalg.norm(difference, axis=-1) > BACKGROUND_DISTANCE
    earlier: set[tuple[bytes, ...]] = set()
    for gap in MERGE_GAPS:
        labels = _label_segments(torch.from_numpy(foreground), round(gap * len(picture))).numpy()
        numbers, areas = np.unique(labels[labels > 0], return_counts=True)
        large = areas >= MIN_AREA * foreground.size
        largest = numbers[large][np.argsort(-areas[large])][:MAX_DETECTIONS]
        masks = tuple(labels == number for number in largest)
        key = tuple(mask.tobytes() for mask in masks)
        if masks and key not in earlier:
            earlier.add(key)
            yield _Segmentation(masks, float(np.sum(masks) / foreground.sum()))


def _label_segments(mask: Tensor, gap: int) -> Tensor:
    """Label the objects of a mask: (S, S) bool -> (S, S), a number for each object and 0 outside.

    gap >= 0: regions up to 2 * gap pixels apart get one label. gap < 0: the mask is eroded by -gap pixels,
    and the regions that remain grow back to it, each with its own label.
    """
    if gap >= 0:
        return _connected_components(_max_filter(mask, gap)) * mask
    labels = _connected_components(~_max_filter(~mask, -gap))
    while True:  # eroded pixels get the label that reaches them first
        grown = torch.where(labels > 0, labels, _max_filter(labels, 1) * mask)
        if torch.equal(grown, labels):
            return labels
        labels = grown


def _connected_components(mask: Tensor) -> Tensor:
    """Label 8-connected regions: mask (S, S) bool -> (S, S), 1 + the index of a region's last pixel, or 0."""
    labels = torch.arange(1, mask.numel() + 1).view_as(mask) * mask
    while True:
        spread = _max_filter(labels, 1) * mask
        # Pointer jumping: a label names a pixel, and that pixel's label is taken; long regions converge fast.
        spread = spread.flatten()[spread - 1] * mask
        if torch.equal(spread, labels):
            return labels
        labels = spread


def _max_filter(values: Tensor, radius: int) -> Tensor:
    """Maximum of each (2 * radius + 1) square; (S, S), in float32, so exact for integers up to 2**24."""
    filtered = F.max_pool2d(values[None, None].float(), 2 * radius + 1, 1, radius)[0, 0]
    return filtered.to(values.dtype)


def _bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """left, top, right, bottom; right and bottom exclusive."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _crop(
    picture: np.ndarray, background: np.ndarray, mask: np.ndarray, masks: Sequence[np.ndarray]
) -> Tensor:
    """A square crop around one object, the others removed: (1, 3, CROP_SIZE, CROP_SIZE) in [-1, 1]."""
    alone = picture.copy()
    alone[np.logical_or.reduce(masks) & ~mask] = background
    left, top, right, bottom = _bounding_box(mask)
    half = round(max(right - left, bottom - top) * CROP_MARGIN / 2) + 1
    padded = np.empty((len(picture) + 2 * half, len(picture) + 2 * half, 3), np.uint8)
    padded[:] = background
    padded[half:-half, half:-half] = alone
    x, y = (left + right) // 2, (top + bottom) // 2  # the crop's corner in the padded image
    crop = images.from_arrays(padded[None, y : y + 2 * half, x : x + 2 * half])
    return F.interpolate(crop, size=(CROP_SIZE, CROP_SIZE), mode="bilinear", antialias=True)
