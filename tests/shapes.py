"""The fake emoji set with a shape for each class, and a classifier that recognises them in any colour."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.colours import COLOURS
from dalle.evaluation import detector
from dalle.evaluation.classifier_training import class_names
from dalle.evaluation.detector import Detection
from tests.fakes import CONCEPTS, SIZE, fake_emoji

CELLS = 4  # squares in a row of a shape
TWO_PIECES = "key"  # the class whose shape is cut in two


def _is_connected(shape: np.ndarray) -> bool:
    """Whether a shape is connected and reaches all four sides of its square."""
    reached = np.zeros_like(shape)
    reached[tuple(np.argwhere(shape)[0])] = True
    for _ in range(shape.size):
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            moved = np.roll(reached, step, axis)
            moved[(slice(None),) * axis + (0 if step > 0 else -1,)] = False
            reached |= moved & shape
    return bool(shape[[0, -1]].any(1).all() and shape[:, [0, -1]].any(0).all() and (reached == shape).all())


@cache
def shapes() -> dict[str, np.ndarray]:
    """A shape (CELLS, CELLS) bool for each class, different from all others and their mirror images."""
    rng, found = np.random.default_rng(0), []
    while len(found) < len(CONCEPTS):
        shape = rng.random((CELLS, CELLS)) < 0.6
        far = all((shape ^ other[:, ::turn]).sum() >= 4 for other in found for turn in (1, -1))
        if shape.any() and far and _is_connected(shape):
            found.append(shape)
    return dict(zip(class_names(fake_emoji()), found, strict=False))


def mask_of(name: str) -> np.ndarray:
    """The mask of a class: its shape as (SIZE, SIZE) bool, with a margin of two pixels."""
    inside = np.kron(shapes()[name], np.ones((SIZE // CELLS - 1,) * 2, bool))
    if name == TWO_PIECES:
        inside[len(inside) // 2] = False
    return np.pad(inside, (SIZE - len(inside)) // 2)


def shaped_emoji() -> EmojiSet:
    """`fake_emoji` with these shapes instead of discs, in both styles."""
    emoji, pixels = fake_emoji(), []
    for icon in emoji.icons:
        concept = emoji.concepts[icon.concept]
        mask = mask_of(concept.canonical)[..., None]
        colour = np.array(COLOURS[CONCEPTS[concept.labels["en"]][0]])
        pixels.append(np.concatenate([mask * colour, mask * 255], -1).astype(np.uint8))
    return replace(emoji, digest="shapes", pixels=np.stack(pixels))


def _outline(mask: Tensor) -> Tensor:
    """(H, W) bool -> its bounding box as 16 x 16 shares of foreground, (256,)."""
    rows, columns = (mask.any(axis).nonzero().flatten() for axis in (1, 0))
    if not len(rows):
        return torch.zeros(256)
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].float()
    return F.interpolate(box[None, None], size=(16, 16), mode="area").flatten()


def classify(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) on a plain background -> class probabilities (B, K), by shape alone."""
    templates = torch.stack([_outline(torch.from_numpy(mask_of(name))) for name in shapes()])
    mirrored = templates.unflatten(1, (16, 16)).flip(2).flatten(1)
    foreground = (pictures - pictures[:, :, :1, :1]).abs().amax(1) > 0.3
    outlines = torch.stack([_outline(mask) for mask in foreground])
    distances = [(outlines[:, None] - known).abs().mean(-1) for known in (templates, mirrored)]
    return (-40 * torch.minimum(*distances)).softmax(-1)


def detect(pixels: np.ndarray) -> list[Detection]:
    """The objects of an image (S, S, 3) uint8, classified by shape."""
    return detector.detect(pixels, classify, list(shapes()))
