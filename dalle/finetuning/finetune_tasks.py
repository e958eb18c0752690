"""The training tasks of a run on a user's images: the Generator, and the flow with the text encoder.

Both alternate between the user's images and replay samples, which the model drew before it was fine-tuned.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dalle import images
from dalle.finetuning.distillation import Distillation, DistillationDataset, is_distilled
from dalle.finetuning.encoded_dataset import AlternatingDataset, AlternatingPixels, EncodedDataset
from dalle.networks.autoencoder import reconstruction_loss
from dalle.networks.model import DALLEModel
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Picture, Recipe
from dalle.training.feature_cache import CachedSample
from dalle.training.task import Task
from dalle.training.tasks import PERCEPTUAL_WEIGHT, FlowTask

SAMPLES_PER_ROW = 6  # of a sample grid


class GeneratorFinetuneTask(Task):
    """Adapts the Generator to the user's images, and keeps what it could reconstruct before."""

    def __init__(self, model: DALLEModel, replay: EncodedDataset, user: EncodedDataset):
        super().__init__()
        self.generator = model.generator.to(memory_format=torch.channels_last).requires_grad_(True)
        self.extractor = model.extractor.to(memory_format=torch.channels_last).requires_grad_(False)
        self.tower = model.tower.to(memory_format=torch.channels_last).requires_grad_(False)
        self.dataset = AlternatingPixels(replay, user)

    def collate(self, pixels: list[np.ndarray]) -> Tensor:
        """-> images (B, 3, S, S) in [-1, 1]."""
        return images.from_arrays(np.stack(pixels))

    def forward(self, pictures: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """images (B, 3, S, S) in [-1, 1] -> loss, and the metrics to log."""
        with torch.no_grad():
            raw = self.extractor.posterior(pictures).mean
        output = self.generator.decode_raw(raw)
        reconstruction = reconstruction_loss(output, pictures)
        loss = reconstruction + PERCEPTUAL_WEIGHT * self.tower.distance(output, pictures)
        psnr = images.psnr(output.detach(), pictures).clamp(max=99).mean()
        return loss, {"reconstruction": reconstruction.detach(), "psnr": psnr}


class FlowFinetuneTask(FlowTask):
    """Trains Normalizer and TextEncoder on the user's images and replay samples.

    With `distillation`, every second sample has a caption that the model knows, and is trained towards the
    predictions of the frozen model.
    """

    def __init__(
        self,
        pipeline: DALLE,
        replay: EncodedDataset,
        user: EncodedDataset,
        captions: Sequence[str],
        distillation: Distillation | None = None,
    ):
        """`captions` of the user's images are shown in sample grids, above captions of the replay samples."""
        samples = AlternatingDataset(replay, user)
        super().__init__(
            pipeline, DistillationDataset(samples, distillation.captions) if distillation else samples
        )
        self.text.requires_grad_(True)
        self.text.embed.requires_grad_(False)  # the output of contrastive training, which has no loss here
        self.distillation = distillation
        self.image_size = pipeline.model.config.image_size
        self.grid_captions = [list(dict.fromkeys(row)) for row in (captions, replay.captions)]

    def collate(self, samples: list[CachedSample]) -> tuple[Tensor, Tensor, Tensor]:
        """-> features (B, N, C), caption tokens (B, L), and which samples are distilled (B,) bool."""
        features, tokens = super().collate(samples)
        return features, tokens, torch.tensor([is_distilled(sample.index) for sample in samples])

    def forward(self, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """A batch of `collate` -> loss, and the metrics to log."""
        features, tokens, distilled = batch
        targets = self.distillation.targets(tokens, distilled) if self.distillation else None
        return self.normalizer.loss(features, self.text(tokens), self.code_nats, targets)

    def recipes(self) -> list[Recipe]:
        """The recipes of a sample grid, at fixed seeds: a row of the user's captions, a row of known ones."""
        return [
            Recipe(captions[seed % len(captions)], seed=seed, size=self.image_size)
            for captions in self.grid_captions
            for seed in range(SAMPLES_PER_ROW)
        ]

    def sample_grid(self) -> Image.Image:
        """The sample grid of the model as it is now."""
        return make_sample_grid(self.draw(self.recipes()))


def make_sample_grid(pictures: Sequence[Picture]) -> Image.Image:
    """Pictures, SAMPLES_PER_ROW in a row, above those prompts that the grid's font can write."""
    prompts = [_printable(picture.recipe.prompt) for picture in pictures]
    return images.grid([picture.image for picture in pictures], SAMPLES_PER_ROW, prompts)


def _printable(prompt: str) -> str:
    """The prompt, or an empty text if the font lacks one of its letters."""
    return prompt if all(ord(letter) < 0x250 for letter in prompt) else ""
