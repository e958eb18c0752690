"""Composed scenes as training reads them: rendered, by index, and in batches."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dalle import images
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene import Scene


class Sample(NamedTuple):
    """A scene and its picture."""

    index: int
    scene: Scene
    pixels: np.ndarray  # (S, S, 3) uint8


class SceneDataset(Dataset):
    """Scenes without end; sample i depends only on the arguments and i.

    `anywhere`: shrinks and shifts every second scene off the composer's grid; its caption and facts may then
    be wrong about places and sizes.
    """

    def __init__(self, composer: Composer, anywhere: bool = False):
        self.composer, self.anywhere = composer, anywhere

    def __getitem__(self, index: int) -> Sample:
        scene = self.composer.scene(index)
        if self.anywhere and index % 2:
            scene = _shrink_and_shift(scene, np.random.Generator(np.random.PCG64(index)))
        return Sample(index, scene, self.composer.renderer.render(scene))

    def __len__(self) -> int:
        return 2**31


class HasPixels(Protocol):
    """A sample with a picture."""

    @property
    def pixels(self) -> np.ndarray:
        """(S, S, 3) uint8."""
        ...


def pixel_batch(samples: Sequence[HasPixels]) -> Tensor:
    """-> (B, S, S, 3) uint8; a quarter of the bytes of `image_batch`, for the way to an accelerator."""
    return torch.from_numpy(np.stack([sample.pixels for sample in samples]))


def image_batch(samples: Sequence[HasPixels]) -> Tensor:
    """-> (B, 3, S, S) float32 in [-1, 1]."""
    return images.from_pixels(pixel_batch(samples))


def _shrink_and_shift(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene at half to all of its size, somewhere in the picture."""
    scale = rng.uniform(0.5, 1)
    left, top = rng.uniform(0, 1 - scale, 2).tolist()
    objects = (
        replace(item, x=left + scale * item.x, y=top + scale * item.y, size=scale * item.size)
        for item in scene.objects
    )
    return replace(scene, objects=tuple(objects))
