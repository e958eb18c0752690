"""IconClassifier: a convolutional network that classifies icons. Evaluations grade generated images with it.

It is trained on the icons alone (classifier_training.py), never on a checkpoint's output, and no checkpoint
is trained with it. Classes are concepts, but those with the same `Concept.canonical`, such as a man and a
woman of one profession, share a class: at 96 pixels hardly a person tells them apart.
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

CLASSIFIER_FOLDER, WEIGHTS_FILE = Path("checkpoints/referee"), "referee.safetensors"

TRAIN_COMMAND = "python -m dalle train referee --output runs/referee --steps 1500 --decay 0.55"

INPUT_SIZE = 96  # side of the input in pixels

STAGE_WIDTHS = (64, 128, 256, 384)  # channels at 1/4, 1/8, 1/16 and 1/32 of the input size


class IconClassifier(nn.Module):
    """A small residual network; (B, 3, H, W) in [-1, 1] of any size -> logits (B, K) of K classes."""

    def __init__(
        self, classes: Sequence[str], size: int = INPUT_SIZE, widths: Sequence[int] = STAGE_WIDTHS
    ) -> None:
        super().__init__()
        self.classes, self.size, self.widths = tuple(classes), size, tuple(widths)
        self.class_index = {name: index for index, name in enumerate(self.classes)}
        # Set by training and by `load`: digests of the data and of the weights file, accuracy on real icons.
        self.data, self.digest = "", ""
        self.metrics: dict[str, float | str] = {}
        first = widths[0] // 2
        # The names of these modules are those of the tensors in the weights file.
        self.stem = nn.Sequential(nn.Conv2d(3, first, 5, stride=2, padding=2), nn.SiLU())
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, out, 3, stride=2, padding=1), *(ResidualBlock(out) for _ in range(blocks))
            )
            for width, out, blocks in zip((first, *widths), widths, (1, 2, 2, 1), strict=False)
        )
        self.norm = nn.GroupNorm(8, widths[-1])
        self.answer = nn.Linear(widths[-1], len(self.classes))

    def activations(self, pictures: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> the output (B, C, h, w) of each stage, at 1/4, 1/8, ... of the input size."""
        if pictures.shape[-2:] != (self.size, self.size):
            size = (self.size, self.size)
            pictures = F.interpolate(pictures, size=size, mode="bilinear", antialias=True)
        x, outputs = self.stem(pictures.contiguous(memory_format=torch.channels_last)), []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> the input (B, D) of the last layer."""
        return F.silu(self.norm(self.activations(pictures)[-1])).mean((2, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> logits (B, K)."""
        return self.answer(self.features(pictures))

    @torch.inference_mode()
    def classify(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> probabilities (B, K)."""
        return self(pictures).float().softmax(-1)

    def target_ranks(self, pictures: Tensor, targets: Sequence[Collection[str]]) -> Tensor:
        """Rank of the best target class of each image, from 0: (B, 3, H, W) -> (B,).

        `targets` holds the accepted classes of each image. A wrong class with the same probability ranks
        before the target, so that a classifier with equal probabilities for all classes is never right.
        """
        probabilities = self.classify(pictures)
        is_target = torch.zeros_like(probabilities, dtype=torch.bool)
        for row, classes in enumerate(targets):
            is_target[row, [self.class_index[name] for name in classes]] = True
        best = probabilities.masked_fill(~is_target, -1).amax(1, keepdim=True)
        return ((probabilities >= best) & ~is_target).sum(1)

    @torch.inference_mode()
    def perceptual_distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Distance of normalised activations, averaged over the stages: two (B, 3, H, W) -> (B,).

        LPIPS (arXiv:1801.03924) without its learnt weights; 0 for equal images.
        """
        distances = [
            (F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean((1, 2))
            for x, y in zip(self.activations(a), self.activations(b), strict=True)
        ]
        return torch.stack(distances).mean(0)

    @classmethod
    def load(cls, folder: Path = CLASSIFIER_FOLDER) -> "IconClassifier":
        """Load the classifier in `folder`.

        Raises FileNotFoundError if there is none, ValueError if its file is damaged or of another version.
        """
        path = Path(folder) / WEIGHTS_FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: train a referee by `{TRAIN_COMMAND}` and copy it there"
            )
        try:
            with safetensors.safe_open(path, "pt") as file:
                header = json.loads(file.metadata()["referee"])
            classifier = cls(header["answers"], header["size"], header["widths"])
            state = safetensors.torch.load_file(path)
            classifier.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{path} is no referee of this version ({error}); train it again") from error
        classifier.data, classifier.metrics = header["data"], header["figures"]
        classifier.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        return classifier.eval().requires_grad_(False)

    def save(self, folder: Path) -> None:
        """Write the weights in bf16, with classes, sizes and metrics in the header of the file."""
        header = {
            "answers": self.classes,
            "size": self.size,
            "widths": self.widths,
            "data": self.data,
            "figures": self.metrics,
        }
        state = {n: t.detach().to("cpu", torch.bfloat16).contiguous() for n, t in self.state_dict().items()}
        # One metadata entry: safetensors writes several in random order, which would change the digest.
        safetensors.torch.save_file(state, folder / WEIGHTS_FILE, {"referee": json.dumps(header)})
