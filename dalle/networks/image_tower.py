"""ImageTower: a picture to one vector beside its caption's; it teaches the text encoder and ranks pictures.

    images (B, 3, S, S) in [-1, 1]  -->  unit vectors (B, E)

Contrastive training as in CLIP (arXiv:2103.00020); reranking as in DALL·E (arXiv:2102.12092).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dalle.config import TowerConfig
from dalle.networks.layers import ResidualBlock


class ImageTower(nn.Module):
    """A small residual network."""

    def __init__(self, config: TowerConfig, embedding: int):
        super().__init__()
        self.size = config.size
        width, *rest = config.widths
        layers: list[nn.Module] = [nn.Conv2d(12, width, 3, padding=1), ResidualBlock(width)]
        for out in rest:
            layers += [nn.Conv2d(width, out, 2, stride=2), ResidualBlock(out)]
            width = out
        self.layers = nn.Sequential(*layers, nn.GroupNorm(min(8, width // 8), width), nn.SiLU())
        self.embed = nn.Linear(width, embedding, bias=False)
        self.temperature = nn.Parameter(torch.tensor(10.0).log())

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, S, S) in [-1, 1], any S -> unit vectors (B, E)."""
        return F.normalize(self.embed(self.layers(self._cells(images)).mean((2, 3))).float(), dim=-1)

    def shrunk(self, images: Tensor) -> Tensor:
        """images (B, 3, S, S) -> the size at which they are read."""
        return F.interpolate(images, size=(self.size, self.size), mode="area")

    def _cells(self, images: Tensor) -> Tensor:
        if images.shape[-1] != self.size:
            images = self.shrunk(images)
        return F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Perceptual distance of pictures (B, 3, S, S): of normalised activations at every depth; -> scalar.

        LPIPS (arXiv:1801.03924) without its learnt weights, in this network's own features.
        """
        x, y, total = self._cells(a), self._cells(b), a.new_zeros(())
        for layer in self.layers:
            x, y = layer(x), layer(y)
            if isinstance(layer, ResidualBlock):
                gap = F.normalize(x.float(), dim=1) - F.normalize(y.float(), dim=1)
                total = total + gap.square().sum(1).mean()
        return total

    def logits(self, texts: Tensor, images: Tensor) -> Tensor:
        """texts (T, E), images (B, E), unit vectors -> scaled similarities (T, B)."""
        return texts @ images.T * self.temperature.exp().clamp(max=100)

    def match(self, texts: Tensor, images: Tensor, also_true: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Contrastive loss of unit vectors (B, E) of captions beside their pictures; -> scalar, parts."""
        logits = self.logits(texts, self(images))
        loss = contrastive_loss(logits, also_true)
        # A caption may hold for several pictures of a batch: naming any of them is right.
        right = also_true.gather(1, logits.argmax(1, keepdim=True)).float().mean()
        return loss, {"contrast": loss.detach(), "named": right}


def contrastive_loss(logits: Tensor, also_true: Tensor) -> Tensor:
    """Symmetric cross-entropy of matching captions (rows) and pictures (columns), (B, B) -> scalar.

    `also_true` (B, B), bool: caption i holds for picture j as well. Such pairs are no negatives.
    """
    itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(also_true & ~itself, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
