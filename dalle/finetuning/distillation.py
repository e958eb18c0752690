"""Distillation: fine-tuning does not change the flow under captions that the model knows.

Under these captions the flow is trained towards the predictions of a frozen copy of the model, for the same
input, time and code, as in learning without forgetting (arXiv:1606.09282). That needs no images of what the
captions describe, so there are thousands of them. Half of the inputs are the user's own images: otherwise
these would leak into everything else.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from dalle.networks.model import DALLEModel
from dalle.networks.velocity import ConditionedField
from dalle.training.feature_cache import CachedSample

DISTILLATION_WEIGHT = 4.0  # of the loss of a distilled sample; that of another sample has weight 1


class Distillation(nn.Module):
    """A frozen copy of text encoder and velocity network, with the captions that the model knows."""

    def __init__(self, model: DALLEModel, captions: Sequence[str]):
        super().__init__()
        self.captions = captions
        self.text = copy.deepcopy(model.text).requires_grad_(False)
        self.velocity = copy.deepcopy(model.normalizer.velocity).requires_grad_(False)

    def targets(self, tokens: Tensor, distilled: Tensor) -> "DistillationTargets":
        """tokens (B, L) of captions; distilled (B,) bool: which samples of the batch are distilled."""

        def frozen_field(code: Tensor) -> ConditionedField:
            return self.velocity.condition(self.text(tokens[distilled]), code)

        return DistillationTargets(distilled, frozen_field, DISTILLATION_WEIGHT)


@dataclass(frozen=True)
class DistillationTargets:
    """Replaces the training targets of some samples by the predictions of a frozen copy of the model."""

    distilled: Tensor  # (B,) bool
    frozen_field: Callable[[Tensor], ConditionedField]  # of the distilled samples, given their codes
    weight: float  # of the loss of a distilled sample

    @torch.no_grad()
    def __call__(
        self, mean: Tensor, velocity: Tensor, x: Tensor, time: Tensor, code: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The targets of mean and velocity (B, N, C), and the weight of each sample (B,)."""
        frozen, rows = self.frozen_field(code[self.distilled]), (self.distilled,)
        mean = mean.index_put(rows, frozen.mean.to(mean.dtype))
        velocity = velocity.index_put(rows, frozen.predict_velocity(x[rows], time[rows]).to(velocity.dtype))
        return mean, velocity, torch.where(self.distilled, self.weight, 1.0)


class DistillationDataset(Dataset[CachedSample]):
    """Odd indices: those of `samples`. Even ones: a known caption, with features of `samples`.

    The features of even indices alternate between both sources of `samples`, an AlternatingDataset.
    """

    def __init__(self, samples: Dataset[CachedSample], captions: Sequence[str]):
        self.samples, self.captions = samples, captions

    def __getitem__(self, index: int) -> CachedSample:
        if not is_distilled(index):
            return self.samples[index]
        number = index // 2
        features_of = self.samples[index + number % 2]
        return features_of._replace(index=index, caption=self.captions[number % len(self.captions)])

    def __len__(self) -> int:
        return 2**31


def is_distilled(index: int) -> bool:
    """Whether DistillationDataset gives sample `index` a known caption."""
    return index % 2 == 0
