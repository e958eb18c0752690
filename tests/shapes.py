"""The fake set with a shape for each thing, and a referee that knows them by shape alone, in any colour."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.colours import COLOURS
from dalle.evaluation.classifier_training import class_names
from tests.fakes import SIZE, THINGS, fake_emoji

CELLS = 4  # a shape is of so many squares across and down
BROKEN = "key"  # drawn in two pieces


def _whole(shape: np.ndarray) -> bool:
    """Whether a shape hangs together and fills its square from side to side."""
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
    """A shape (CELLS, CELLS) for each answer, none near another or its mirror image."""
    rng, found = np.random.default_rng(0), []
    while len(found) < len(THINGS):
        shape = rng.random((CELLS, CELLS)) < 0.6
        far = all((shape ^ other[:, ::turn]).sum() >= 4 for other in found for turn in (1, -1))
        if shape.any() and far and _whole(shape):
            found.append(shape)
    return dict(zip(class_names(fake_emoji()), found, strict=False))


def drawing(answer: str) -> np.ndarray:
    """Where a thing is seen: (SIZE, SIZE) bool, with a margin of two pixels."""
    inside = np.kron(shapes()[answer], np.ones((SIZE // CELLS - 1,) * 2, bool))
    if answer == BROKEN:
        inside[len(inside) // 2] = False
    return np.pad(inside, (SIZE - len(inside)) // 2)


def shaped_emoji() -> EmojiSet:
    """`fake_emoji` with these shapes instead of discs, in both styles."""
    emoji, pixels = fake_emoji(), []
    for icon in emoji.icons:
        concept = emoji.concepts[icon.concept]
        seen = drawing(concept.base)[..., None]
        colour = np.array(COLOURS[THINGS[concept.labels["en"]][0]])
        pixels.append(np.concatenate([seen * colour, seen * 255], -1).astype(np.uint8))
    return replace(emoji, digest="shapes", pixels=np.stack(pixels))


def _outline(seen: Tensor) -> Tensor:
    """(H, W) bool -> its tight square as (256,) shares of cells."""
    rows, columns = (seen.any(axis).nonzero().flatten() for axis in (1, 0))
    if not len(rows):
        return torch.zeros(256)
    tight = seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].float()
    return F.interpolate(tight[None, None], size=(16, 16), mode="area").flatten()


def name(pictures: Tensor) -> Tensor:
    """A referee: (B, 3, H, W) on a plain background -> probabilities (B, K), by shape alone."""
    templates = torch.stack([_outline(torch.from_numpy(drawing(answer))) for answer in shapes()])
    mirrored = templates.unflatten(1, (16, 16)).flip(2).flatten(1)
    seen = (pictures - pictures[:, :, :1, :1]).abs().amax(1) > 0.3
    outlines = torch.stack([_outline(each) for each in seen])
    gaps = torch.minimum(*((outlines[:, None] - known).abs().mean(-1) for known in (templates, mirrored)))
    return (-40 * gaps).softmax(-1)
