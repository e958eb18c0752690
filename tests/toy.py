"""A task that trains in milliseconds: mirror small pictures. As a script it trains in a process of its own:

    python tests/toy.py FOLDER STEPS noise=0 sleep=0.1

Its layers are those that ask most of a saved state: matrices for Muon, a narrow convolution in channels-last
order for AdamW, a number without dimensions, a buffer.
"""

import sys
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from dalle.training.trainer import Trainer, TrainingSettings


class Noise(Dataset):
    """Picture i is a pure function of i."""

    def __getitem__(self, index: int) -> tuple[int, Tensor]:
        return index, torch.randn(4, 6, 6, generator=torch.Generator().manual_seed(index))

    def __len__(self) -> int:
        return 2**31


class Mirror(nn.Module):
    """`noise` in the targets, from torch's global state; at sample `poison` the loss or its gradient is NaN.

    `sleep`: seconds that every step takes at least.
    """

    def __init__(
        self,
        width: int = 16,
        noise: float = 0.5,
        poison: int | None = None,
        poisoned: str = "loss",
        sleep: float = 0,
    ):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.wide, self.narrow = nn.Conv2d(4, width, 3, padding=1), nn.Conv2d(width, 4, 3, padding=1)
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.to(memory_format=torch.channels_last)
        self.dataset = Noise()
        self.noise, self.poison, self.poisoned, self.sleep = noise, poison, poisoned, sleep

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
        if self.poison in indices:
            # The second is 0, and its gradient infinity times 0.
            loss = loss * float("nan") if self.poisoned == "loss" else loss + (0 * self.scale).abs().sqrt()
        return loss, {"size": drawn.detach().abs().mean()}

    def sheet(self) -> Image.Image:
        """One pixel as bright as the scale."""
        return Image.new("L", (1, 1), round(255 * float(self.scale.clamp(0, 1))))


def settings(steps: int, **changes: object) -> TrainingSettings:
    """Of a run in which learning rates rise, stay and fall."""
    fast = {"batch": 4, "warmup": 3, "save_every": 5, "sheet_every": 10, "workers": 0, "precision": "fp32"}
    return TrainingSettings(steps, **(fast | changes))


def train(folder: Path, steps: int, **changes: object) -> Trainer:
    trainer = Trainer(Mirror(), settings(steps, **changes), folder)
    trainer.run()
    return trainer


if __name__ == "__main__":
    folder, steps, *arguments = sys.argv[1:]
    task = Mirror(**{name: float(value) for name, value in (pair.split("=") for pair in arguments)})
    Trainer(task, settings(int(steps)), Path(folder)).run()
