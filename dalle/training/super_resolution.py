"""Training of the super-resolution network on icons rasterised at 512 pixels.

    icon  --random crop, on a background-->  (128, 128)  --halved-->  (64, 64)  --halved-->  (32, 32)

The network gets the smallest and is to give back the other two. Concepts held out from the autoencoder are
held out here as well, and serve to evaluate.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.networks.upscaler import Upscaler
from dalle.training.task import Task, TrainingSettings
from dalle.training.trainer import Trainer

LARGE_EMOJI_FOLDER = Path("data/emoji-512")
LARGE_EMOJI_COMMAND = "python -m dalle dataset emoji --size 512"
UPSCALER_DEFAULTS = {
    "batch": 32,
    "learning_rate": 1e-3,
    "muon_learning_rate": 2e-3,
    "ema_decay": 0.998,
    "grid_every": 1000,
}

PATCH_SIZE = 128  # pixels a side, of the largest of the three
SHRUNK_SHARE = 0.5  # share of the patches from icons scaled down, to at least MIN_SCALE
MIN_SCALE = 0.35
WHITE_BACKGROUND_SHARE = 0.6  # share of white backgrounds
DEGRADED_SHARE = 0.5  # share of inputs that are blurred and slightly noisy, as generated pictures are
BLUR, NOISE = (0.3, 1.4), 3.0  # range of sigma in pixels; largest sigma in grey levels
MAX_TRIES = 8  # to find a crop that is not empty
GRID_COLUMNS = 8  # pictures in a row of the sample grid
FILTERS = (Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


class Patch(NamedTuple):
    small: np.ndarray  # (32, 32, 3) uint8
    double: np.ndarray  # (64, 64, 3)
    large: np.ndarray  # (128, 128, 3)


class PatchDataset(Dataset):
    """Random crops of icons, without end; sample i is a pure function of (seed, i)."""

    def __init__(self, emoji: EmojiSet, icons: Sequence[int], seed: int = 0):
        """Raises ValueError where the icons are smaller than 4 * PATCH_SIZE pixels."""
        if emoji.size < 4 * PATCH_SIZE:
            raise ValueError(
                f"the upscaler learns from icons at {4 * PATCH_SIZE} pixels, these have {emoji.size}: "
                f"build such a set by {LARGE_EMOJI_COMMAND}"
            )
        self.emoji, self.icons, self.seed = emoji, icons, seed

    def __getitem__(self, index: int) -> Patch:
        rng = np.random.Generator(np.random.PCG64([self.seed, index]))
        for _ in range(MAX_TRIES):
            icon = self.emoji.pixels[self.icons[int(rng.integers(len(self.icons)))]]
            drawn = self._square(icon, rng)
            if np.ptp(drawn.reshape(-1, 4), axis=0).max() > 32:
                break
        is_white = rng.random() < WHITE_BACKGROUND_SHARE
        background = (255, 255, 255) if is_white else tuple(rng.integers(0, 256, 3).tolist())
        large = Image.new("RGBA", (PATCH_SIZE, PATCH_SIZE), background)
        large.alpha_composite(Image.fromarray(drawn))
        large = large.convert("RGB")
        double = large.reduce(2)
        small = large.resize((PATCH_SIZE // 4, PATCH_SIZE // 4), FILTERS[rng.integers(len(FILTERS))])
        if rng.random() < DEGRADED_SHARE:
            small = _degraded(small, rng)
        return Patch(*(np.asarray(picture) for picture in (small, double, large)))

    def __len__(self) -> int:
        return 2**31

    def _square(self, icon: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A random crop of an icon (H, H, 4), flipped, transposed, scaled -> (PATCH_SIZE, PATCH_SIZE, 4)."""
        side = round(PATCH_SIZE / rng.uniform(MIN_SCALE, 1)) if rng.random() < SHRUNK_SHARE else PATCH_SIZE
        left, top = rng.integers(0, len(icon) - side + 1, 2)
        square = icon[top : top + side, left : left + side]
        if rng.random() < 0.5:
            square = square[:, ::-1]
        if rng.random() < 0.5:
            square = square.swapaxes(0, 1)
        if side == PATCH_SIZE:
            return np.ascontiguousarray(square)
        picture = Image.fromarray(np.ascontiguousarray(square))
        return np.asarray(picture.resize((PATCH_SIZE, PATCH_SIZE), Image.Resampling.BOX))


def _degraded(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Blurred and noisy: without it soft edges, which no icon has, would come out as stairs."""
    blurred = picture.filter(ImageFilter.GaussianBlur(rng.uniform(*BLUR)))
    noise = rng.normal(0, rng.uniform(0, NOISE), (*picture.size, 3))
    return Image.fromarray((np.asarray(blurred) + noise).round().clip(0, 255).astype(np.uint8))


class UpscalerTask(Task):
    """L1 loss of both factors, which share a trunk (EDSR, arXiv:1707.02921)."""

    def __init__(self, upscaler: Upscaler, dataset: PatchDataset):
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
        parts["gain4"] = parts["psnr4"] - mean_psnr(bicubic(small, 4), targets[1])
        return loss, parts

    def sample_grid(self) -> Image.Image:
        """Three rows: bicubic interpolation, the network's output, the target."""
        small, _, large = self.collate([self.dataset[i] for i in range(GRID_COLUMNS)])
        rows = torch.cat([bicubic(small, 4), self.upscaler(small, 4), large])
        return images.grid(images.to_images(rows), columns=GRID_COLUMNS)


def bicubic(pictures: Tensor, factor: int) -> Tensor:
    """Bicubic interpolation, to which the network adds a residual."""
    return F.interpolate(pictures, scale_factor=factor, mode="bicubic")


def mean_psnr(a: Tensor, b: Tensor) -> Tensor:
    """PSNR in dB over all pixels of the batch: single patches of plain background would be infinite."""
    error = (a.clamp(-1, 1) - b).square().mean().clamp_min(1e-9)
    return 10 * torch.log10(4 / error)


def train_upscaler(data: Path, folder: Path, steps: int, **settings: Any) -> dict[str, Any] | None:
    """Train an upscaler in `folder`, or resume, and write it there -> its digest and PSNR.

    `settings` are fields of TrainingSettings. Only the main process writes; the others return None. Raises
    FileNotFoundError where the data is missing, ValueError where its icons are too small.
    """
    emoji = EmojiSet.load(data)
    chosen = TrainingSettings(steps=steps, **(UPSCALER_DEFAULTS | settings))
    torch.manual_seed(chosen.seed)
    training = [i for i, icon in enumerate(emoji.icons) if not emoji.held_out(icon.concept)]
    task = UpscalerTask(Upscaler(), PatchDataset(emoji, training, chosen.seed))
    trainer = Trainer(task, chosen, folder)
    trainer.run()
    if not trainer.accelerator.is_main_process:
        return None
    with trainer.ema_weights():
        task.upscaler.save(folder)
    upscaler = Upscaler.load(folder)
    assert upscaler is not None, "it was written above"
    return {"digest": upscaler.digest} | held_out_psnr(upscaler.forward, emoji)


@torch.inference_mode()
def held_out_psnr(
    upscale: Callable[[Tensor, int], Tensor], emoji: EmojiSet, max_icons: int = 100
) -> dict[str, float]:
    """Mean PSNR in dB of held-out icons on white, upscaled from 128 pixels by 2 and by 4.

    Keys: x2, x4 for `upscale`, and the same with lanczos_ and bicubic_ in front.
    """
    held = [i for i, icon in enumerate(emoji.icons) if emoji.held_out(icon.concept)]
    chosen = held[:: max(1, len(held) // max_icons)][:max_icons]
    values: dict[str, list[float]] = {}
    for icon in chosen:
        large = images.flatten_alpha(Image.fromarray(np.array(emoji.pixels[icon])))
        small = large.reduce(emoji.size // 128)
        pictures = images.from_images([small])
        for factor in (2, 4):
            target = images.from_images([large.reduce(emoji.size // (128 * factor))])
            size = (small.width * factor, small.height * factor)
            outputs = {
                "": images.from_images(images.to_images(upscale(pictures, factor))),
                "lanczos_": images.from_images([small.resize(size, Image.Resampling.LANCZOS)]),
                "bicubic_": images.from_images([small.resize(size, Image.Resampling.BICUBIC)]),
            }
            for method, output in outputs.items():
                values.setdefault(f"{method}x{factor}", []).append(float(images.psnr(output, target)))
    return {name: float(np.mean(psnrs)) for name, psnrs in values.items()}
