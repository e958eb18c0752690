"""Latents of given images: features, code and inverted noise; and the samples that start from them.

N tokens an image, C channels a token, K numbers in a code, S pixels a side of the model's images.
"""

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from dalle import images, runtime
from dalle.edits import INVERSION_STEPS, MIN_STEPS
from dalle.networks.solver import InversionTrajectory, Trajectory, schedule, unshift_time
from dalle.pipeline.sampler import SampleBatch, SampleCoroutine, Sampler, SampleState
from dalle.recipe import Recipe

MAX_CACHED_INVERSIONS = 64  # so that moving a slider of an image does not invert it again


class Inversion(NamedTuple):
    """An image to invert."""

    image: Image.Image  # (S, S)
    caption: str
    time: float
    told: tuple[float, ...] = ()  # told numbers of its code, where they are known


class ImageInverter:
    """Encodes images with one model and prepares samples from them; caches inversions, thread-safe."""

    def __init__(self, sampler: Sampler):
        self.sampler, self.model = sampler, sampler.model
        self._cache: OrderedDict[str, Mapping[str, Tensor]] = OrderedDict()  # by all requests
        self._lock = threading.Lock()

    # --- images to latents

    def to_model_size(self, image: Image.Image) -> Image.Image:
        """-> (S, S) RGB: padded on white and resized; an RGB image of that size keeps its pixels."""
        size = self.model.config.image_size
        opaque = images.flatten_alpha(image)
        return opaque if opaque.size == (size, size) else images.to_square(opaque, size, "pad")

    @torch.inference_mode()
    def extract_features(self, image: Image.Image) -> Tensor:
        """(S, S) RGB image -> (N, C)."""
        return self.model.extract(images.from_images([image]))[0]

    @torch.inference_mode()
    def infer_code(self, features: Tensor, caption: str, told: Sequence[float] = ()) -> Tensor:
        """features (N, C) -> (K,): `told`, if any, then the mean of q(code | features, caption)."""
        code = self.model.normalizer.reader(features[None], self.sampler.encode_text(caption)).mean[0]
        return torch.cat([code.new_tensor(told), code[len(told) :]])

    def invert(self, requests: Sequence[Inversion]) -> SampleCoroutine[list[Tensor]]:
        """Coroutine. Integrate the flow from t = 0 to each time, without guidance: states x(time) (N, C).

        Results are cached, by all requests together: inverted in a batch of others, a state differs in its
        last bits, and a recipe would give other bytes the second time.
        """
        keys = [
            f"{hashlib.sha256(image.tobytes() + caption.encode()).hexdigest()} {time} {told}"
            for image, caption, time, told in requests
        ]
        distinct = dict(zip(keys, requests, strict=True))
        together = "\n".join(distinct)
        states = self._cache.get(together)
        if states is None:
            samples = [self._prepare_inversion(*each) for each in distinct.values()]
            yield SampleBatch(self.sampler, samples, decode=False)
            states = {key: sample.trajectory.x for key, sample in zip(distinct, samples, strict=True)}
            self._remember(together, states)
        return [states[key] for key in keys]

    def _prepare_inversion(
        self, image: Image.Image, caption: str, time: float, told: tuple[float, ...]
    ) -> SampleState:
        features = self.extract_features(image)
        times = schedule(0, time, _step_count(INVERSION_STEPS, time))
        code = self.infer_code(features, caption, told)
        return self.prepare(Recipe(caption), InversionTrajectory(features, times), code, caption)

    def _remember(self, together: str, states: Mapping[str, Tensor]) -> None:
        with self._lock:
            self._cache[together] = states
            while len(self._cache) > MAX_CACHED_INVERSIONS:
                self._cache.popitem(last=False)

    @torch.inference_mode()
    def view(self, image: Image.Image, code: Sequence[float]) -> Image.Image:
        """An image (S, S) in the colours and by the camera of a code."""
        pictures = images.from_images([image]).to(self.model.device)
        return images.to_images(self.model.view(pictures, torch.tensor([code])))[0]

    # --- latents to samples

    def seeded_noise(self, seed: int) -> Tensor:
        """(N, C) from N(0, I), the same on every device."""
        config = self.model.config
        noise = torch.randn(config.tokens, config.channels, generator=runtime.seeded_generator(seed))
        return noise.to(self.model.device)

    def masked_tokens(self, mask: np.ndarray) -> Tensor:
        """mask (S, S) bool -> (N, C) bool: True for every feature whose cell the mask touches."""
        channels, fold = self.model.config.autoencoder.channels, self.model.config.autoencoder.fold
        cell = self.model.config.image_size // int(self.model.config.tokens**0.5) // fold  # pixels a side
        touched = F.max_pool2d(torch.from_numpy(mask)[None, None].float(), cell)
        cells = touched.expand(1, channels, -1, -1)
        return (F.pixel_unshuffle(cells, fold).flatten(2).transpose(1, 2)[0] > 0).to(self.model.device)

    def trajectory(self, x: Tensor, time: float, steps: int) -> Trajectory:
        """From x (N, C) at `time` to features, in the share of `steps` that `time` is away from 0."""
        return Trajectory(x, schedule(time, 0, _step_count(steps, time)))

    def prepare(
        self,
        recipe: Recipe,
        trajectory: Trajectory,
        code: Tensor,
        prompt: str,
        guidance: float = 1.0,
        negative: str = "",
    ) -> SampleState:
        """The sample of `recipe` on a given trajectory, conditioned on `prompt` and `code` (K,)."""
        captions = self.sampler.encode_captions(prompt, negative, guidance)
        return SampleState(recipe, trajectory, captions, guidance, code.to(self.model.device))

    def prepare_mixture(
        self, recipe: Recipe, trajectory: Trajectory, code: Tensor, start: str, end: str, weight: float
    ) -> SampleState:
        """The sample of `recipe` under the mixture of two captions: (1 - weight) start + weight end.

        That is guidance of strength `weight` away from `start`; the captions' own negations are not used.
        """
        captions = (self.sampler.encode_text(end), self.sampler.encode_text(start))
        return SampleState(recipe, trajectory, captions, weight, code.to(self.model.device))

    def batch(self, samples: Iterable[SampleState]) -> SampleBatch[SampleState]:
        return SampleBatch(self.sampler, list(samples))


def _step_count(steps: int, time: float) -> int:
    """The share of `steps` between time 0 and `time`, at least MIN_STEPS."""
    return max(MIN_STEPS, math.ceil(steps * unshift_time(time)))
