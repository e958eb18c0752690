"""A task that trains in milliseconds: mirroring small images. As a script it trains in its own process:

    python tests/toy.py FOLDER STEPS noise=0 sleep=0.1

It has the kinds of tensors that are hardest to save and restore: matrices for Muon, a narrow convolution in
channels-last order for AdamW, a parameter without dimensions, a buffer.
"""

import sys
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from dalle.training.task import Task, TrainingSettings
from dalle.training.trainer import Trainer


class NoiseDataset(Dataset):
    """Image i, (4, 6, 6), depends only on i."""

    def __getitem__(self, index: int) -> tuple[int, Tensor]:
        return index, torch.randn(4, 6, 6, generator=torch.Generator().manual_seed(index))

    def __len__(self) -> int:
        return 2**31


class MirrorTask(Task):
    """Learns to mirror images.

    `noise`: standard deviation of the noise in the targets, from torch's global random state. `nan_sample`:
    index of a sample at which the loss, or only its gradient, is NaN: `nan_in`. `sleep`: least seconds of a
    step.
    """

    def __init__(
        self,
        width: int = 16,
        noise: float = 0.5,
        nan_sample: int | None = None,
        nan_in: str = "loss",
        sleep: float = 0,
    ):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.wide, self.narrow = nn.Conv2d(4, width, 3, padding=1), nn.Conv2d(width, 4, 3, padding=1)
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.to(memory_format=torch.channels_last)
        self.dataset = NoiseDataset()
        self.noise, self.nan_sample, self.nan_in, self.sleep = noise, nan_sample, nan_in, sleep

    def collate(self, items: list[tuple[int, Tensor]]) -> tuple[list[int], Tensor]:
        indices, pictures = zip(*items, strict=True)
        return list(indices), torch.stack(pictures)

    def forward(self, batch: tuple[list[int], Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        time.sleep(self.sleep)
        indices, pictures = batch
        self.seen += len(pictures)
        drawn = self.scale * self.narrow(torch.tanh(self.wide(pictures)))
        target = pictures.flip(-1) + self.noise * torch.randn_like(pictures)
        loss = (drawn - target).square().mean()
        if self.nan_sample in indices:
            # The square root is 0, and its gradient infinity times 0.
            loss = loss * float("nan") if self.nan_in == "loss" else loss + (0 * self.scale).abs().sqrt()
        return loss, {"size": drawn.detach().abs().mean()}

    def sample_grid(self) -> Image.Image:
        """One pixel as bright as the scale."""
        return Image.new("L", (1, 1), round(255 * float(self.scale.clamp(0, 1))))


def settings(steps: int, **changes: object) -> TrainingSettings:
    """Settings of a run in which learning rates rise, stay and fall."""
    defaults = {"batch": 4, "warmup": 3, "save_every": 5, "grid_every": 10, "workers": 0, "precision": "fp32"}
    return TrainingSettings(steps, **(defaults | changes))


def train(folder: Path, steps: int, **changes: object) -> Trainer:
    """Train in `folder`, or resume there, up to `steps`."""
    trainer = Trainer(MirrorTask(), settings(steps, **changes), folder)
    trainer.run()
    return trainer


if __name__ == "__main__":
    folder, steps, *arguments = sys.argv[1:]
    task = MirrorTask(**{name: float(value) for name, value in (pair.split("=") for pair in arguments)})
    Trainer(task, settings(int(steps)), Path(folder)).run()
