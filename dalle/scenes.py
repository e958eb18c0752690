"""Composed scenes as training reads them: rendered, by number, in batches."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from dalle import images
from dalle.data.compose import Composer, Scene


class Sample(NamedTuple):
    index: int
    scene: Scene
    pixels: np.ndarray  # (S, S, 3) uint8


class Scenes(Dataset):
    """Scenes without end; sample i is a pure function of (composer, i)."""

    def __init__(self, composer: Composer):
        self.composer = composer

    def __getitem__(self, index: int) -> Sample:
        scene = self.composer.scene(index)
        return Sample(index, scene, self.composer.render(scene))

    def __len__(self) -> int:
        return 2**31


def pictures_of(samples: Sequence[Sample]) -> Tensor:
    """-> (B, 3, S, S) in [-1, 1]."""
    return images.from_arrays(np.stack([sample.pixels for sample in samples]))
