"""Feature cache: scenes encoded once on disk, so that training the flow renders and encodes nothing.

A folder with features.npy (M, N, C) float16, captions.json, and extractor.txt: the digest of the
FeatureExtractor that encoded them, the only one that they fit.
"""

import hashlib
import json
import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm import tqdm

from dalle import images, runtime
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene_dataset import Sample, SceneDataset, pixel_batch
from dalle.networks.autoencoder import FeatureExtractor


class CachedSample(NamedTuple):
    index: int  # of the sample in training order; it does not repeat in later epochs
    features: np.ndarray  # (N, C) float16
    caption: str


class FeatureCache(Dataset[CachedSample]):
    """Map-style data set without end: each epoch is another permutation of the M cached scenes."""

    def __init__(self, folder: Path):
        self.folder = folder
        if not (folder / "captions.json").is_file():
            raise FileNotFoundError(
                f"{folder} holds no features; make them by `python -m dalle dataset features`"
            )
        self.captions: list[str] = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        self.features = np.load(folder / "features.npy", mmap_mode="r")

    def check_extractor(self, extractor: FeatureExtractor) -> None:
        """Raise ValueError if the features were encoded by another extractor."""
        saved = (self.folder / "extractor.txt").read_text(encoding="ascii")
        if saved != (digest := extractor_digest(extractor)):
            raise ValueError(
                f"{self.folder} holds features of another extractor ({saved}, this is {digest}); delete it, "
                "and make others by `python -m dalle dataset features`"
            )

    def __getitem__(self, index: int) -> CachedSample:
        epoch, position = divmod(index, len(self.captions))
        scene = _epoch_order(epoch, len(self.captions))[position]
        return CachedSample(index, self.features[scene], self.captions[scene])

    def __len__(self) -> int:
        return 2**31


def _collate(samples: list[Sample]) -> tuple[Tensor, list[str]]:
    return pixel_batch(samples), [sample.scene.caption for sample in samples]


def extractor_digest(extractor: FeatureExtractor) -> str:
    """First 12 hex digits of the SHA-256 of the extractor's weights."""
    state = extractor.state_dict()
    parts = (state[name].detach().float().cpu().numpy().tobytes() for name in sorted(state))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


@lru_cache(maxsize=2)
def _epoch_order(epoch: int, count: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(epoch)).permutation(count)


@torch.no_grad()  # not inference mode: `to` below replaces weights that may be trained again
def build_feature_cache(
    extractor: FeatureExtractor, composer: Composer, count: int, folder: Path, batch: int = 64
) -> None:
    """Encode scenes 0 to count - 1 into `folder`, which appears once it is complete.

    Raises FileExistsError where it exists.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists; delete it, or choose another folder")
    scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
    scratch.mkdir(parents=True)
    device = runtime.device()
    try:
        extractor.to(device).to(memory_format=torch.channels_last)  # four times as fast on a CPU
        scenes = Subset(SceneDataset(composer), range(count))
        loader = DataLoader(scenes, batch, num_workers=runtime.num_workers(1), collate_fn=_collate)
        features, captions = None, []
        progress = tqdm(total=count, desc="features", unit="scene")
        for pixels, batch_captions in loader:
            with torch.autocast(device.type, torch.bfloat16):
                encoded = extractor(images.from_pixels(pixels.to(device))).cpu().numpy()
            if features is None:
                shape = (count, *encoded.shape[1:])
                features = np.lib.format.open_memmap(scratch / "features.npy", "w+", np.float16, shape)
            features[len(captions) : len(captions) + len(batch_captions)] = encoded
            captions += batch_captions
            progress.update(len(batch_captions))
        progress.close()
        if features is not None:
            features.flush()
        (scratch / "extractor.txt").write_text(extractor_digest(extractor), encoding="ascii")
        (scratch / "captions.json").write_text(json.dumps(captions, ensure_ascii=False), encoding="utf-8")
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
