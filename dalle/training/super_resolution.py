"""Training the upscaler: icons rasterised large, and the same small.

    icon  --a square of it, on a background-->  (128, 128)  --halved-->  (64, 64)  --halved-->  (32, 32)

The small one is what the network is given, the others are what it is to give back. Concepts that the
autoencoder never sees it never sees either: on them it is measured.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.networks.upscaler import Upscaler
from dalle.training.trainer import Trainer, TrainingSettings

DEFAULT_FOLDER = Path("data/emoji-512")
COMMAND = "python -m dalle dataset emoji --size 512"
DEFAULTS = {"batch": 32, "learning_rate": 1e-3, "muon": 2e-3, "average": 0.998, "sheet_every": 1000}

PATCH = 128  # pixels a side of the largest
SHRUNK = 0.5  # share of the patches from an icon drawn smaller, down to LEAST of its size
LEAST = 0.35
PLAIN = 0.6  # share of white backgrounds
SOFT = 0.5  # share of small pictures that come blurred and a little noisy, as a generator's do
BLUR, NOISE = (0.3, 1.4), 3.0  # pixels of deviation; grey levels of it at most
TRIES = 8  # at a square in which there is something to see
SHEET = 8  # pictures a sheet
FILTERS = (Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


class Patch(NamedTuple):
    small: np.ndarray  # (32, 32, 3) uint8
    double: np.ndarray  # (64, 64, 3)
    large: np.ndarray  # (128, 128, 3)


class Patches(Dataset):
    """Squares of icons without end; sample i is a pure function of (seed, i)."""

    def __init__(self, emoji: EmojiSet, icons: Sequence[int], seed: int = 0):
        """Raises ValueError where the icons are too small to learn from."""
        if emoji.size < 4 * PATCH:
            raise ValueError(
                f"the upscaler learns from icons at {4 * PATCH} pixels, these have {emoji.size}: "
                f"build such a set by {COMMAND}"
            )
        self.emoji, self.icons, self.seed = emoji, icons, seed

    def __getitem__(self, index: int) -> Patch:
        rng = np.random.Generator(np.random.PCG64([self.seed, index]))
        for _ in range(TRIES):
            icon = self.emoji.pixels[self.icons[rng.integers(len(self.icons))]]
            drawn = self._square(icon, rng)
            if np.ptp(drawn.reshape(-1, 4), axis=0).max() > 32:
                break
        ground = (255,) * 3 if rng.random() < PLAIN else tuple(rng.integers(0, 256, 3).tolist())
        large = Image.new("RGBA", drawn.shape[:2], ground)
        large.alpha_composite(Image.fromarray(drawn))
        large = large.convert("RGB")
        double = large.reduce(2)
        small = large.resize((PATCH // 4, PATCH // 4), FILTERS[rng.integers(len(FILTERS))])
        if rng.random() < SOFT:
            small = _softened(small, rng)
        return Patch(*(np.asarray(picture) for picture in (small, double, large)))

    def __len__(self) -> int:
        return 2**31

    def _square(self, icon: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A square of an icon (H, H, 4), maybe turned over, at its size or smaller: (PATCH, PATCH, 4)."""
        side = round(PATCH / rng.uniform(LEAST, 1)) if rng.random() < SHRUNK else PATCH
        left, top = rng.integers(0, len(icon) - side + 1, 2)
        square = icon[top : top + side, left : left + side]
        if rng.random() < 0.5:
            square = square[:, ::-1]
        if rng.random() < 0.5:
            square = square.swapaxes(0, 1)
        if side == PATCH:
            return np.ascontiguousarray(square)
        picture = Image.fromarray(np.ascontiguousarray(square))
        return np.asarray(picture.resize((PATCH, PATCH), Image.Resampling.BOX))


def _softened(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Without this, soft edges would come out as stairs: no icon has any."""
    blurred = picture.filter(ImageFilter.GaussianBlur(rng.uniform(*BLUR)))
    noise = rng.normal(0, rng.uniform(0, NOISE), (*picture.size, 3))
    return Image.fromarray((np.asarray(blurred) + noise).round().clip(0, 255).astype(np.uint8))


class UpscalerTask(nn.Module):
    """Both factors at once, from one trunk: absolute differences (EDSR, arXiv:1707.02921)."""

    def __init__(self, upscaler: Upscaler, dataset: Patches):
        super().__init__()
        self.upscaler = upscaler.to(memory_format=torch.channels_last).requires_grad_(True)
        self.dataset = dataset

    def collate(self, samples: list[Patch]) -> tuple[Tensor, ...]:
        """-> small (B, 3, 32, 32), double (B, 3, 64, 64), large (B, 3, 128, 128)."""
        return tuple(images.from_arrays(np.stack(pixels)) for pixels in zip(*samples, strict=True))

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        small, *targets = batch
        trunk, loss, parts = self.upscaler.trunk(small), small.new_zeros(()), {}
        for factor, target in zip((2, 4), targets, strict=True):
            output = self.upscaler.head(trunk, small, factor)
            loss = loss + F.l1_loss(output, target)
            parts[f"psnr{factor}"] = mean_psnr(output.detach(), target)
        parts["gain4"] = parts["psnr4"] - mean_psnr(cubic(small, 4), targets[1])
        return loss, parts

    def sheet(self) -> Image.Image:
        """Small pictures enlarged by cubic interpolation, above what comes of them, above the truth."""
        small, _, large = self.collate([self.dataset[i] for i in range(SHEET)])
        rows = torch.cat([cubic(small, 4), self.upscaler(small, 4), large])
        return images.grid(images.to_images(rows), columns=SHEET)


def cubic(pictures: Tensor, factor: int) -> Tensor:
    """What the network adds to."""
    return F.interpolate(pictures, scale_factor=factor, mode="bicubic")


def mean_psnr(a: Tensor, b: Tensor) -> Tensor:
    """Of all pixels together, in dB: patches of nothing but background would be infinitely good."""
    error = (a.clamp(-1, 1) - b).square().mean().clamp_min(1e-9)
    return 10 * torch.log10(4 / error)


def train(data: Path, folder: Path, steps: int, **settings: object) -> dict[str, float] | None:
    """Train an upscaler in `folder`, or go on with it, and write it there; -> its figures.

    `settings` are fields of `trainer.Settings`. Of several processes the main one writes it, and the others
    return None. Raises FileNotFoundError, ValueError where the data is not
    there or too small.
    """
    emoji = EmojiSet.load(data)
    chosen = TrainingSettings(steps=steps, **(DEFAULTS | settings))
    torch.manual_seed(chosen.seed)
    seen = [i for i, icon in enumerate(emoji.icons) if not emoji.held_out(icon.concept)]
    task = UpscalerTask(Upscaler(), Patches(emoji, seen, chosen.seed))
    trainer = Trainer(task, chosen, folder)
    trainer.run()
    if not trainer.accelerator.is_main_process:
        return None
    with trainer.averaged():
        task.upscaler.save(folder)
    upscaler = Upscaler.load(folder)
    return {"digest": upscaler.digest} | measured(upscaler.forward, emoji)


@torch.inference_mode()
def measured(enlarge: Callable[[Tensor, int], Tensor], emoji: EmojiSet, most: int = 100) -> dict[str, float]:
    """Mean PSNR in dB of held-out icons on white, from 128 pixels by 2 and by 4; and Lanczos' and cubic's."""
    held = [i for i, icon in enumerate(emoji.icons) if emoji.held_out(icon.concept)]
    chosen = held[:: max(1, len(held) // most)][:most]
    found: dict[str, list[float]] = {}
    for icon in chosen:
        large = images.flattened(Image.fromarray(np.array(emoji.pixels[icon])))
        small = large.reduce(emoji.size // 128)
        given = images.from_images([small])
        for factor in (2, 4):
            truth = images.from_images([large.reduce(emoji.size // (128 * factor))])
            side = (small.width * factor,) * 2
            ways = {
                "": images.from_images(images.to_images(enlarge(given, factor))),
                "lanczos_": images.from_images([small.resize(side, Image.Resampling.LANCZOS)]),
                "bicubic_": images.from_images([small.resize(side, Image.Resampling.BICUBIC)]),
            }
            for way, made in ways.items():
                found.setdefault(f"{way}x{factor}", []).append(float(images.psnr(made, truth)))
    return {name: float(np.mean(values)) for name, values in found.items()}
