"""Latents of pictures: features, code and noise, and the drawings that go from one to another.

N tokens a picture, C channels a token, K numbers in a code.
"""

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from dalle import images, runtime
from dalle.edits import INVERSION, LEAST_STEPS
from dalle.networks.solver import InversionTrajectory, Trajectory, guided_indices, schedule, unshift_time
from dalle.pipeline.batches import SampleBatch, SampleCoroutine
from dalle.pipeline.dalle import SampleState
from dalle.pipeline.sampler import Sampler
from dalle.recipe import Picture, Recipe

REMEMBERED = 64  # inversions: a slider's picture is inverted once


class ImageInverter:
    """Those of one model's pictures; remembers a few inversions."""

    def __init__(self, painter: Sampler):
        self.painter, self.model = painter, painter.model
        self._known: OrderedDict[str, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def inverted(self, asked: Sequence[tuple[Image.Image, str, float]]) -> SampleCoroutine[list[Tensor]]:
        """Where features (N, C) come to: of pictures, each under a caption, unguided, by a time."""
        keys = [
            f"{hashlib.sha256(image.tobytes() + prompt.encode()).hexdigest()} {time}"
            for image, prompt, time in asked
        ]
        found = {key: self._known.get(key) for key in keys}  # asked once: others may make it forget
        wanted = {key: each for key, each in zip(keys, asked, strict=True) if found[key] is None}
        if wanted:
            drawings = [self._inversion(*each) for each in wanted.values()]
            yield SampleBatch(self.painter, drawings, painted=False)
            new = {key: drawing.walk.x for key, drawing in zip(wanted, drawings, strict=True)}
            found |= new
            self._remember(new)
        return [found[key] for key in keys]

    def _inversion(self, image: Image.Image, prompt: str, time: float) -> SampleState:
        """A drawing that goes from a picture towards noise."""
        features = self.features(image)
        walk = InversionTrajectory(features, schedule(0, time, _share(INVERSION, time)))
        return self.drawing(Recipe(prompt), walk, self.code(features, prompt), prompt)

    def _remember(self, new: Mapping[str, Tensor]) -> None:
        with self._lock:
            self._known.update(new)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    @torch.inference_mode()
    def features(self, image: Image.Image) -> Tensor:
        """(N, C) of a picture of the model's size."""
        model = self.model
        return model.extractor(images.from_images([image]).to(model.device, model.dtype)).float()[0]

    @torch.inference_mode()
    def code(self, features: Tensor, caption: str) -> Tensor:
        """That of a picture under its caption: (N, C) -> (K,)."""
        return self.model.normalizer.reader(features[None], self.painter.read(caption)).mean[0]

    def noise(self, seed: int) -> Tensor:
        """(N, C)."""
        config = self.model.config
        noise = torch.randn(config.tokens, config.channels, generator=runtime.generator(seed))
        return noise.to(self.model.device)

    def free(self, mask: np.ndarray) -> Tensor:
        """Which features a mask (S, S) frees: those of every cell that it touches, (N, C) bool."""
        channels, fold = self.model.config.autoencoder.channels, self.model.config.autoencoder.fold
        cell = self.model.config.image_size // int(self.model.config.tokens**0.5) // fold
        touched = F.max_pool2d(torch.from_numpy(mask)[None, None].float(), cell)
        cells = touched.expand(1, channels, -1, -1)
        return (F.pixel_unshuffle(cells, fold).flatten(2).transpose(1, 2)[0] > 0).to(self.model.device)

    def walk(self, x: Tensor, time: float, picture: Picture) -> Trajectory:
        """From x (N, C) at some time down to features."""
        return Trajectory(x, schedule(time, 0, _share(picture.recipe.steps, time)))

    def drawing(
        self,
        recipe: Recipe,
        walk: Trajectory,
        code: Tensor,
        prompt: str,
        guidance: float = 1.0,
        negative: str = "",
    ) -> SampleState:
        read = self.painter.read
        away = read(negative) if guided_indices([guidance]) else None
        return SampleState(recipe, walk, code.to(self.model.device), read(prompt), away, guidance)

    def stage(self, drawings: Iterable[SampleState]) -> SampleBatch:
        return SampleBatch(self.painter, list(drawings))


def _share(steps: int, time: float) -> int:
    """Steps over a share of the way."""
    return max(LEAST_STEPS, math.ceil(steps * unshift_time(time)))
