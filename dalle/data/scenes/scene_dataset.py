"""Composed scenes as training reads them: rendered, by number, in batches."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dalle import images
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene import Scene


class Sample(NamedTuple):
    index: int
    scene: Scene
    pixels: np.ndarray  # (S, S, 3) uint8


class SceneDataset(Dataset):
    """Scenes without end; sample i is a pure function of (composer, i, anywhere).

    anywhere: half of them smaller and off the composer's grid, where captions and facts of places and sizes
    no longer hold.
    """

    def __init__(self, composer: Composer, anywhere: bool = False):
        self.composer, self.anywhere = composer, anywhere

    def __getitem__(self, index: int) -> Sample:
        scene = self.composer.scene(index)
        if self.anywhere and index % 2:
            scene = _moved(scene, np.random.Generator(np.random.PCG64(index)))
        return Sample(index, scene, self.composer.render(scene))

    def __len__(self) -> int:
        return 2**31


def pixels_of(samples: Sequence[Sample]) -> Tensor:
    """-> (B, S, S, 3) uint8: a quarter of what pictures take on their way to an accelerator."""
    return torch.from_numpy(np.stack([sample.pixels for sample in samples]))


def pictures_of(samples: Sequence[Sample]) -> Tensor:
    """-> (B, 3, S, S) in [-1, 1]."""
    return images.from_pixels(pixels_of(samples))


def _moved(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene at half to all of its size, somewhere in the picture."""
    scale = rng.uniform(0.5, 1)
    left, top = rng.uniform(0, 1 - scale, 2).tolist()
    things = (
        replace(thing, x=left + scale * thing.x, y=top + scale * thing.y, size=scale * thing.size)
        for thing in scene.things
    )
    return replace(scene, things=tuple(things))
