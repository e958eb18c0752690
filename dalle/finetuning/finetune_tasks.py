"""What a fine-tuning run learns from: views of a person's pictures, and as many of what the model knows.

A Store is a folder of encoded pictures: features.npy (M, N, C) float16, captions.json, and pixels.npy
(M, S, S, 3) uint8. A lesson has two, `own` and `prior`, and takes from them in turn.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from dalle import images
from dalle.finetuning.encoded_dataset import (
    BATCH,
    EncodedDataset,
    HalfAndHalf,
    _DistillationDataset,
    _Pixels,
    encode,
)
from dalle.networks.autoencoder import reconstruction_loss
from dalle.networks.flow import ConditionedField, DistillationTargets
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Picture, Recipe
from dalle.training.feature_cache import Entry
from dalle.training.tasks import PERCEPTUAL_WEIGHT, FlowTask

SHOWN = 6  # pictures in a row of a sheet

DISTILLATION_WEIGHT = (
    4.0  # of how far a velocity is from what it was, beside how far one is from a person's picture
)


class GeneratorFinetuneTask(nn.Module):
    """The Generator paints a person's pictures, and still what it painted before."""

    def __init__(self, model: DALLE, prior: EncodedDataset, own: EncodedDataset):
        super().__init__()
        self.generator = model.generator.to(memory_format=torch.channels_last).requires_grad_(True)
        self.extractor = model.extractor.to(memory_format=torch.channels_last).requires_grad_(False)
        self.tower = model.tower.to(memory_format=torch.channels_last).requires_grad_(False)
        self.dataset = _Pixels(prior, own)

    def collate(self, pixels: list[np.ndarray]) -> Tensor:
        """-> pictures (B, 3, S, S) in [-1, 1]."""
        return images.from_arrays(np.stack(pixels))

    def forward(self, pictures: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.no_grad():
            raw = self.extractor.posterior(pictures).mean
        output = self.generator.paint(raw)
        reconstruction = reconstruction_loss(output, pictures)
        loss = reconstruction + PERCEPTUAL_WEIGHT * self.tower.distance(output, pictures)
        decibels = images.psnr(output.detach(), pictures).clamp(max=99).mean()
        return loss, {"reconstruction": reconstruction.detach(), "psnr": decibels}

    def sheet(self) -> None:
        return None


class FlowFinetuneTask(FlowTask):
    """Normalizer and TextEncoder learn a person's pictures beside what the model knows."""

    def __init__(self, model: DALLE, prior: EncodedDataset, own: EncodedDataset, learnt: Sequence[str]):
        """`learnt` are the captions to show on sheets."""
        super().__init__(model, HalfAndHalf(prior, own))
        self.text.requires_grad_(True)
        self.text.embed.requires_grad_(False)  # no caption is compared with pictures here
        self.size = model.config.image_size
        self.learnt, self.known = list(dict.fromkeys(learnt)), list(dict.fromkeys(prior.captions))

    def recipes(self) -> list[Recipe]:
        """SHOWN pictures of what is learnt and SHOWN of what was known, at fixed seeds."""
        rows = [[captions[i % len(captions)] for i in range(SHOWN)] for captions in (self.learnt, self.known)]
        return [Recipe(caption, seed=i, size=self.size) for row in rows for i, caption in enumerate(row)]

    def sheet(self) -> Image.Image:
        """What is learnt above what was known."""
        return sheet(self.draw(self.recipes()))


class DistillationTask(FlowFinetuneTask):
    """The same, where what the model knew is not learnt again but held to what the model was.

    Under the `known` captions its field is to stay what it was for the same picture, time and code, as in
    learning without forgetting (arXiv:1606.09282). That needs no pictures of them: so there are thousands of
    captions, and the person's own pictures are among what is shown under them, lest these leak into all else.
    """

    def __init__(
        self,
        model: DALLE,
        prior: EncodedDataset,
        own: EncodedDataset,
        learnt: Sequence[str],
        known: Sequence[str],
    ):
        super().__init__(model, prior, own, learnt)
        self.dataset = _DistillationDataset(self.dataset, known)
        self.text_before = copy.deepcopy(model.text).requires_grad_(False)
        self.velocity_before = copy.deepcopy(model.normalizer.velocity).requires_grad_(False)

    def collate(self, entries: list[Entry]) -> tuple[Tensor, ...]:
        """-> features, caption tokens, and which have a known caption (B,)."""
        return *super().collate(entries), torch.tensor([entry.index % 2 == 0 for entry in entries])

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        features, tokens, known = batch

        def before(code: Tensor) -> ConditionedField:
            return self.velocity_before.given(self.text_before(tokens[known]), code)

        kept = DistillationTargets(known, before, DISTILLATION_WEIGHT)
        return self.normalizer.loss(features, self.text(tokens), self.code_nats, kept)


def sheet(drawn: Sequence[Picture]) -> Image.Image:
    """Pictures above their prompts, as far as those can be written, SHOWN in a row."""
    return images.grid([p.image for p in drawn], SHOWN, [_latin(p.recipe.prompt) for p in drawn])


def _latin(prompt: str) -> str:
    """A prompt, or nothing where the sheets' font lacks its letters."""
    return prompt if all(ord(letter) < 0x250 for letter in prompt) else ""


class Reconstruction:
    """A person's pictures beside what the model makes of them: how well it can hold them at all."""

    def __init__(self, model: DALLE, pixels: np.ndarray):
        """pixels (M, S, S, 3) uint8."""
        with torch.inference_mode():
            features = torch.from_numpy(encode(model, pixels)).to(model.device)
            self.outputs = [image for part in features.split(BATCH) for image in model.paint(part)]
        self.pictures = [Image.fromarray(array) for array in pixels]
        decibels = images.psnr(images.from_images(self.pictures), images.from_images(self.outputs))
        self.psnr = float(decibels.clamp(max=99).mean())  # dB, mean over the pictures

    def sheet(self) -> Image.Image:
        """The first pictures above their reconstructions."""
        shown = self.pictures[:SHOWN] + self.outputs[:SHOWN]
        return images.grid(shown, min(SHOWN, len(self.pictures)))
