"""Encoded and augmented images of a run, on disk."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from dalle import images
from dalle.data.folder import augmentation
from dalle.data.folder.augmentation import ResizeMode
from dalle.data.folder.image_folder import Folder
from dalle.pipeline.dalle import DALLE
from dalle.training.feature_cache import Entry, FeatureCache

VIEWS = 512  # of all pictures together

BATCH = 16  # pictures encoded at once


class EncodedDataset(FeatureCache):
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


def many_views(
    folder: Folder, size: int, how: ResizeMode, flips: bool, seed: int
) -> tuple[np.ndarray, list[str]]:
    """Pixels (M, S, S, 3) and captions: each picture plain, then VIEWS or more of all in turn."""
    pictures, captions = folder.pictures(), [item.caption for item in folder.items]
    seen = [np.asarray(augmentation.plain(picture, size, how)) for picture in pictures]
    told = list(captions)
    while len(seen) < max(VIEWS, 2 * len(pictures)):
        which = len(seen) % len(pictures)
        rng = np.random.Generator(np.random.PCG64([seed, len(seen)]))
        pixels, caption = augmentation.augment(pictures[which], captions[which], size, how, flips, rng)
        seen.append(pixels)
        told.append(caption)
    return np.stack(seen), told


class HalfAndHalf(Dataset):
    """Even draws are of the prior, odd ones of the person's own pictures.

    So it is only captions of the prior that FlowTask leaves out, by their index: what guidance steers away
    from stays what the model knows.
    """

    def __init__(self, prior: EncodedDataset, own: EncodedDataset):
        self.halves = (prior, own)

    def __getitem__(self, index: int) -> Entry:
        return self.halves[index % 2][index // 2]._replace(index=index)

    def __len__(self) -> int:
        return 2**31


class _Pixels(Dataset):
    """The pixels (S, S, 3) of both stores, in turn."""

    def __init__(self, prior: EncodedDataset, own: EncodedDataset):
        self.halves = (prior.pixels, own.pixels)

    def __getitem__(self, index: int) -> np.ndarray:
        half = self.halves[index % 2]
        return half[index // 2 % len(half)]

    def __len__(self) -> int:
        return 2**31


class _DistillationDataset(Dataset):
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
