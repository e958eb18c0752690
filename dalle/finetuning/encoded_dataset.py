"""The images that a run trains on: augmented, encoded once, on disk; and the data sets that mix them."""

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
from dalle.data.folder.image_folder import ImageFolder
from dalle.networks.model import DALLEModel
from dalle.training.feature_cache import CachedSample, FeatureCache

MIN_AUGMENTED = 512  # images of a run after augmentation, at least
ENCODE_BATCH = 16  # images encoded at once


class EncodedDataset(FeatureCache):
    """A folder with features.npy (M, N, C) float16, captions.json, and pixels.npy (M, S, S, 3) uint8.

    Item i is image i mod M, in another order every epoch.
    """

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.pixels = np.load(folder / "pixels.npy", mmap_mode="r")

    @classmethod
    def write(cls, folder: Path, pixels: np.ndarray, features: np.ndarray, captions: Sequence[str]) -> None:
        """Write `folder`, replacing an older one; it appears when it is complete."""
        scratch = folder.with_name(f".{folder.name}.writing")
        for old in (scratch, folder):
            shutil.rmtree(old, ignore_errors=True)
        scratch.mkdir(parents=True)
        np.save(scratch / "features.npy", features)
        np.save(scratch / "pixels.npy", pixels)
        (scratch / "captions.json").write_text(json.dumps(captions, ensure_ascii=False), encoding="utf-8")
        os.replace(scratch, folder)


@torch.inference_mode()
def encode_images(model: DALLEModel, pixels: np.ndarray) -> np.ndarray:
    """pixels (M, S, S, 3) uint8 -> features (M, N, C) float16."""
    starts = range(0, len(pixels), ENCODE_BATCH)
    batches = [images.from_arrays(pixels[start : start + ENCODE_BATCH]) for start in starts]
    features = [model.extract(b).cpu().numpy() for b in batches]
    return np.concatenate(features).astype(np.float16)


def augment_images(
    folder: ImageFolder, size: int, resize_mode: ResizeMode, horizontal_flip: bool, seed: int
) -> tuple[np.ndarray, list[str]]:
    """Pixels (M, S, S, 3) uint8 and captions (M): each image unchanged, then random augmentations.

    M is MIN_AUGMENTED, or twice the number of images if that is more.
    """
    originals, captions = folder.read_images(), [item.caption for item in folder.items]
    pixels = [np.asarray(augmentation.fit_on_white(image, size, resize_mode)) for image in originals]
    for number in range(len(originals), max(MIN_AUGMENTED, 2 * len(originals))):
        index = number % len(originals)
        augmented, caption = augmentation.augment(
            originals[index],
            captions[index],
            size,
            resize_mode,
            horizontal_flip,
            np.random.Generator(np.random.PCG64([seed, number])),
        )
        pixels.append(augmented)
        captions.append(caption)
    return np.stack(pixels), captions


class AlternatingDataset(Dataset[CachedSample]):
    """Even indices: replay samples; odd ones: the user's images.

    FlowTask drops captions at multiples of CAPTION_DROPOUT_EVERY, an even number: so the empty caption, from
    which guidance leads away, is trained on replay samples alone.
    """

    def __init__(self, replay: EncodedDataset, user: EncodedDataset):
        self.sources = (replay, user)

    def __getitem__(self, index: int) -> CachedSample:
        return self.sources[index % 2][index // 2]._replace(index=index)

    def __len__(self) -> int:
        return 2**31


class AlternatingPixels(Dataset[np.ndarray]):
    """Even indices: pixels (S, S, 3) uint8 of replay samples; odd ones: of the user's images."""

    def __init__(self, replay: EncodedDataset, user: EncodedDataset):
        self.sources = (replay.pixels, user.pixels)

    def __getitem__(self, index: int) -> np.ndarray:
        source = self.sources[index % 2]
        return source[index // 2 % len(source)]

    def __len__(self) -> int:
        return 2**31
