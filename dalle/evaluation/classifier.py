"""Referee: names what a picture shows; it grades checkpoints, teaches none and is a part of none.

    pictures (B, 3, H, W) in [-1, 1], any size  -->  probabilities (B, K) of K answers

Trained from nothing on the icons, each on a background of any colour, of any size, turned, partly hidden,
blurred and in other light, as drawn or painted in a named colour. One drawing style is kept from it, so that
it can say how well it reads drawings of a style that it never saw. An answer is a concept, except that those
which share `Concept.base`, as a role's man and woman, are one: at this size hardly a person tells them apart.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dalle.networks.layers import ResidualBlock

DEFAULT_FOLDER, WEIGHTS = Path("checkpoints/referee"), "referee.safetensors"

COMMAND = "python -m dalle train referee --output runs/referee --steps 1500 --decay 0.55"

SIZE = 96  # pixels a side that it reads

WIDTHS = (64, 128, 256, 384)  # channels at 1/4, 1/8, 1/16 and 1/32 of that side


class IconClassifier(nn.Module):
    """A small residual network of its own kind."""

    def __init__(self, answers: Sequence[str], size: int = SIZE, widths: Sequence[int] = WIDTHS):
        super().__init__()
        self.answers, self.size, self.widths = tuple(answers), size, tuple(widths)
        self.data, self.digest, self.figures = "", "", {}  # known once it is trained
        first = widths[0] // 2
        self.stem = nn.Sequential(nn.Conv2d(3, first, 5, stride=2, padding=2), nn.SiLU())
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, out, 3, stride=2, padding=1), *(ResidualBlock(out) for _ in range(blocks))
            )
            for width, out, blocks in zip((first, *widths), widths, (1, 2, 2, 1), strict=False)
        )
        self.norm = nn.GroupNorm(8, widths[-1])
        self.answer = nn.Linear(widths[-1], len(self.answers))
        self.number = {answer: number for number, answer in enumerate(self.answers)}

    def depths(self, pictures: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> activations (B, C, H, W) after each stage."""
        if pictures.shape[-2:] != (self.size, self.size):
            size = (self.size, self.size)
            pictures = F.interpolate(pictures, size=size, mode="bilinear", antialias=True)
        x, found = self.stem(pictures.contiguous(memory_format=torch.channels_last)), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def features(self, pictures: Tensor) -> Tensor:
        """What the answer is read from: (B, 3, H, W) -> (B, D)."""
        return F.silu(self.norm(self.depths(pictures)[-1])).mean((2, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> scores (B, K), not normalised."""
        return self.answer(self.features(pictures))

    @torch.inference_mode()
    def name(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> probabilities (B, K)."""
        return self(pictures).float().softmax(-1)

    def ranks(self, pictures: Tensor, right: Sequence[Collection[str]]) -> Tensor:
        """How many wrong answers stand before or level with the best right one: (B, 3, H, W) -> (B,)."""
        probabilities = self.name(pictures)
        is_right = torch.zeros_like(probabilities, dtype=torch.bool)
        for row, answers in enumerate(right):
            is_right[row, [self.number[answer] for answer in answers]] = True
        best = probabilities.masked_fill(~is_right, -1).amax(1, keepdim=True)
        return ((probabilities >= best) & ~is_right).sum(1)

    @torch.inference_mode()
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Perceptual distance of pictures (B, 3, H, W) -> (B,): of normalised activations at every depth.

        LPIPS (arXiv:1801.03924) without its learnt weights; 0 where pictures are equal.
        """
        gaps = [
            (F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean((1, 2))
            for x, y in zip(self.depths(a), self.depths(b), strict=True)
        ]
        return torch.stack(gaps).mean(0)

    # --- files

    @classmethod
    def load(cls, folder: Path = DEFAULT_FOLDER) -> "IconClassifier":
        """Raises FileNotFoundError where none was trained, ValueError where its file is damaged."""
        path = Path(folder) / WEIGHTS
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: train a referee by `{COMMAND}` and copy it there")
        try:
            with safetensors.safe_open(path, "pt") as file:
                header = json.loads(file.metadata()["referee"])
            referee = cls(header["answers"], header["size"], header["widths"])
            state = safetensors.torch.load_file(path)
            referee.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{path} is no referee of this version ({error}); train it again") from error
        referee.data, referee.figures = header["data"], header["figures"]
        referee.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        return referee.eval().requires_grad_(False)

    def save(self, folder: Path) -> None:
        """Write it in bf16."""
        header = {name: getattr(self, name) for name in ("answers", "size", "widths", "data", "figures")}
        state = {n: t.detach().to("cpu", torch.bfloat16).contiguous() for n, t in self.state_dict().items()}
        # One entry: of several, safetensors would write any first, and the digest would differ.
        safetensors.torch.save_file(state, folder / WEIGHTS, {"referee": json.dumps(header)})
