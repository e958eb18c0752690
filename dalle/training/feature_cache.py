"""A bank of features: scenes encoded once, so that the flow's training neither composes nor encodes pictures.

A folder with features.npy (M, N, C) float16, captions.json, and extractor.txt: it belongs to one
FeatureExtractor for ever, and holds that one's digest.
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
from dalle.data.scenes.scene_dataset import Sample, SceneDataset, pixels_of
from dalle.networks.autoencoder import FeatureExtractor


class Entry(NamedTuple):
    index: int  # of the draw, not of the scene: it grows for ever
    features: np.ndarray  # (N, C) float16
    caption: str


class FeatureCache(Dataset):
    """Draw i is scene i mod M of the bank, every epoch in another order."""

    def __init__(self, folder: Path):
        self.folder = folder
        if not (folder / "captions.json").is_file():
            raise FileNotFoundError(
                f"{folder} holds no features; make them by `python -m dalle dataset features`"
            )
        self.captions: list[str] = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        self.features = np.load(folder / "features.npy", mmap_mode="r")

    def check(self, extractor: FeatureExtractor) -> None:
        """Raise ValueError where the features are another extractor's."""
        theirs = (self.folder / "extractor.txt").read_text(encoding="ascii")
        if theirs != (ours := _digest(extractor)):
            raise ValueError(
                f"{self.folder} holds features of another extractor ({theirs}, this is {ours}); delete it, "
                "and make others by `python -m dalle dataset features`"
            )

    def __getitem__(self, index: int) -> Entry:
        epoch, position = divmod(index, len(self.captions))
        scene = _order(epoch, len(self.captions))[position]
        return Entry(index, self.features[scene], self.captions[scene])

    def __len__(self) -> int:
        return 2**31


def _captioned(samples: list[Sample]) -> tuple[Tensor, list[str]]:
    return pixels_of(samples), [sample.scene.caption for sample in samples]


def _digest(extractor: FeatureExtractor) -> str:
    state = extractor.state_dict()
    parts = (state[name].detach().float().cpu().numpy().tobytes() for name in sorted(state))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


@lru_cache(maxsize=2)
def _order(epoch: int, count: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(epoch)).permutation(count)


@torch.no_grad()  # not inference mode: the extractor's weights move, and may be trained again
def build(extractor: FeatureExtractor, composer: Composer, count: int, folder: Path, batch: int = 64) -> None:
    """Encode scenes 0 .. count - 1 into `folder`, which appears when it is complete."""
    if folder.exists():
        raise FileExistsError(f"{folder} exists; delete it, or choose another folder")
    scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
    scratch.mkdir(parents=True)
    device = runtime.device()
    try:
        extractor.to(device, memory_format=torch.channels_last)  # four times as fast on a CPU
        scenes = Subset(SceneDataset(composer), range(count))
        loader = DataLoader(scenes, batch, num_workers=runtime.num_workers(1), collate_fn=_captioned)
        features, captions = None, []
        bar = tqdm(total=count, desc="features", unit="scene")
        for pixels, said in loader:
            with torch.autocast(device.type, torch.bfloat16):
                encoded = extractor(images.from_pixels(pixels.to(device))).cpu().numpy()
            if features is None:
                shape = (count, *encoded.shape[1:])
                features = np.lib.format.open_memmap(scratch / "features.npy", "w+", np.float16, shape)
            features[len(captions) : len(captions) + len(said)] = encoded
            captions += said
            bar.update(len(said))
        bar.close()
        features.flush()
        (scratch / "extractor.txt").write_text(_digest(extractor), encoding="ascii")
        (scratch / "captions.json").write_text(json.dumps(captions, ensure_ascii=False), encoding="utf-8")
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
