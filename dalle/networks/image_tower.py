"""ImageTower: images to vectors in the space of caption embeddings.

    images (B, 3, S, S) in [-1, 1]  -->  unit vectors (B, E)

Trained contrastively with the TextEncoder, as CLIP (arXiv:2103.00020); ranks pictures by their prompts, as
DALL·E (arXiv:2102.12092), and measures perceptual distance.
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
        features = self.layers(self._to_input(images)).mean((2, 3))
        return F.normalize(self.embed(features).float(), dim=-1)

    def resize(self, images: Tensor) -> Tensor:
        """images (B, 3, S, S) -> (B, 3, size, size), the size that the network reads."""
        return F.interpolate(images, size=(self.size, self.size), mode="area")

    def _to_input(self, images: Tensor) -> Tensor:
        """images (B, 3, S, S) -> (B, 12, size/2, size/2)."""
        if images.shape[-1] != self.size:
            images = self.resize(images)
        return F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Perceptual distance of images (B, 3, S, S), by normalised activations at every depth; -> scalar.

        LPIPS (arXiv:1801.03924) without its learnt weights, on the activations of this network.
        """
        x, y, total = self._to_input(a), self._to_input(b), a.new_zeros(())
        for layer in self.layers:
            x, y = layer(x), layer(y)
            if isinstance(layer, ResidualBlock):
                difference = F.normalize(x.float(), dim=1) - F.normalize(y.float(), dim=1)
                total = total + difference.square().sum(1).mean()
        return total

    def logits(self, texts: Tensor, images: Tensor) -> Tensor:
        """texts (T, E), images (B, E), unit vectors -> scaled similarities (T, B)."""
        return texts @ images.T * self.temperature.exp().clamp(max=100)

    def loss(self, texts: Tensor, images: Tensor, positive_pairs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Contrastive loss of caption embeddings (B, E) and their images (B, 3, S, S); -> scalar, its parts.

        positive_pairs (B, B): as in `contrastive_loss`.
        """
        logits = self.logits(texts, self(images))
        loss = contrastive_loss(logits, positive_pairs)
        # A caption may be true of several images of a batch: to retrieve any of them is right.
        accuracy = positive_pairs.gather(1, logits.argmax(1, keepdim=True)).float().mean()
        return loss, {"contrast": loss.detach(), "named": accuracy}


def contrastive_loss(logits: Tensor, positive_pairs: Tensor) -> Tensor:
    """Symmetric cross-entropy of captions (rows) and their images (columns), logits (B, B) -> scalar.

    positive_pairs (B, B) bool: caption i is true of image j as well, so that the pair is no negative.
    """
    diagonal = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(positive_pairs & ~diagonal, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
