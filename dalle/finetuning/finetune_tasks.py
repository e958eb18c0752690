"""What a fine-tuning run learns from: views of a person's pictures, and as many of what the model knows.

A Store is a folder of encoded pictures: features.npy (M, N, C) float16, captions.json, and pixels.npy
(M, S, S, 3) uint8. A lesson has two, `own` and `prior`, and takes from them in turn.
"""

import copy
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from dalle import images
from dalle.data.folder import augmentation
from dalle.data.folder.augmentation import How
from dalle.data.folder.image_folder import Folder
from dalle.networks.autoencoder import reconstruction_loss
from dalle.networks.flow import Given, Kept
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Picture, Recipe
from dalle.training.feature_cache import Entry, FeatureBank
from dalle.training.tasks import PERCEPTUAL_WEIGHT, FlowTask

VIEWS = 512  # of all pictures together
BATCH = 16  # pictures encoded at once
SHOWN = 6  # pictures in a row of a sheet
HELD_WEIGHT = 4.0  # of how far a velocity is from what it was, beside how far one is from a person's picture


class Store(FeatureBank):
    """Encoded pictures; draw i is entry i mod M, every epoch in another order."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.pixels = np.load(folder / "pixels.npy", mmap_mode="r")


def store(folder: Path, features: np.ndarray, captions: Sequence[str], pixels: np.ndarray) -> None:
    """Write a Store in the place of any older; it appears when it is complete."""
    scratch = folder.with_name(f".{folder.name}.writing")
    for old in (scratch, folder):
        shutil.rmtree(old, ignore_errors=True)
    scratch.mkdir(parents=True)
    np.save(scratch / "features.npy", features)
    np.save(scratch / "pixels.npy", pixels)
    (scratch / "captions.json").write_text(json.dumps(captions, ensure_ascii=False), encoding="utf-8")
    os.replace(scratch, folder)


@torch.inference_mode()
def encode(model: DALLE, pixels: np.ndarray) -> np.ndarray:
    """pixels (M, S, S, 3) uint8 -> features (M, N, C) float16."""
    parts = [images.from_arrays(pixels[at : at + BATCH]) for at in range(0, len(pixels), BATCH)]
    features = [model.extractor(part.to(model.device, model.dtype)).float().cpu().numpy() for part in parts]
    return np.concatenate(features).astype(np.float16)


def many_views(folder: Folder, size: int, how: How, flips: bool, seed: int) -> tuple[np.ndarray, list[str]]:
    """Pixels (M, S, S, 3) and captions: each picture plain, then VIEWS or more of all in turn."""
    pictures, captions = folder.pictures(), [item.caption for item in folder.items]
    seen = [np.asarray(augmentation.plain(picture, size, how)) for picture in pictures]
    told = list(captions)
    while len(seen) < max(VIEWS, 2 * len(pictures)):
        which = len(seen) % len(pictures)
        rng = np.random.Generator(np.random.PCG64([seed, len(seen)]))
        pixels, caption = augmentation.view(pictures[which], captions[which], size, how, flips, rng)
        seen.append(pixels)
        told.append(caption)
    return np.stack(seen), told


class HalfAndHalf(Dataset):
    """Even draws are of the prior, odd ones of the person's own pictures.

    So it is only captions of the prior that FlowTask leaves out, by their index: what guidance steers away
    from stays what the model knows.
    """

    def __init__(self, prior: Store, own: Store):
        self.halves = (prior, own)

    def __getitem__(self, index: int) -> Entry:
        return self.halves[index % 2][index // 2]._replace(index=index)

    def __len__(self) -> int:
        return 2**31


class _Pixels(Dataset):
    """The pixels (S, S, 3) of both stores, in turn."""

    def __init__(self, prior: Store, own: Store):
        self.halves = (prior.pixels, own.pixels)

    def __getitem__(self, index: int) -> np.ndarray:
        half = self.halves[index % 2]
        return half[index // 2 % len(half)]

    def __len__(self) -> int:
        return 2**31


class OwnGeneratorTask(nn.Module):
    """The Generator paints a person's pictures, and still what it painted before."""

    def __init__(self, model: DALLE, prior: Store, own: Store):
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


class OwnFlowTask(FlowTask):
    """Normalizer and TextEncoder learn a person's pictures beside what the model knows."""

    def __init__(self, model: DALLE, prior: Store, own: Store, learnt: Sequence[str]):
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


class _Held(Dataset):
    """Draws of both halves; even ones have a known caption, whatever they show, every second of the own."""

    def __init__(self, halves: HalfAndHalf, known: Sequence[str]):
        self.halves, self.known = halves, known

    def __getitem__(self, index: int) -> Entry:
        if index % 2:
            return self.halves[index]
        number = index // 2
        shown = self.halves[index + number % 2]
        return shown._replace(index=index, caption=self.known[number % len(self.known)])

    def __len__(self) -> int:
        return 2**31


class KeepingFlowTask(OwnFlowTask):
    """The same, where what the model knew is not learnt again but held to what the model was.

    Under the `known` captions its field is to stay what it was for the same picture, time and code, as in
    learning without forgetting (arXiv:1606.09282). That needs no pictures of them: so there are thousands of
    captions, and the person's own pictures are among what is shown under them, lest these leak into all else.
    """

    def __init__(self, model: DALLE, prior: Store, own: Store, learnt: Sequence[str], known: Sequence[str]):
        super().__init__(model, prior, own, learnt)
        self.dataset = _Held(self.dataset, known)
        self.text_before = copy.deepcopy(model.text).requires_grad_(False)
        self.velocity_before = copy.deepcopy(model.normalizer.velocity).requires_grad_(False)

    def collate(self, entries: list[Entry]) -> tuple[Tensor, ...]:
        """-> features, caption tokens, and which have a known caption (B,)."""
        return *super().collate(entries), torch.tensor([entry.index % 2 == 0 for entry in entries])

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        features, tokens, known = batch

        def before(code: Tensor) -> Given:
            return self.velocity_before.given(self.text_before(tokens[known]), code)

        kept = Kept(known, before, HELD_WEIGHT)
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
