"""Critic: tells patches of pictures from patches of reconstructions; the Generator learns to pass.

    images (B, 3, S, S) in [-1, 1]  -->  logits (B, 1, S/16, S/16), above 0: a picture

Generative adversarial networks, arXiv:1406.2661; hinge loss, arXiv:1705.02894; on patches, arXiv:1611.07004;
beside a reconstruction loss, arXiv:2012.09841.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from dalle.networks.layers import ResidualBlock


class PatchDiscriminator(nn.Module):
    """A small convolutional network; trained beside the Generator, and not a part of checkpoints."""

    def __init__(self, widths: tuple[int, ...] = (48, 96, 192)):
        super().__init__()
        width, *rest = widths
        layers: list[nn.Module] = [nn.PixelUnshuffle(4), nn.Conv2d(48, width, 3, padding=1)]
        for out in rest:
            layers += [nn.Conv2d(width, out, 4, stride=2, padding=1), ResidualBlock(out)]
            width = out
        self.layers = nn.Sequential(*layers, nn.SiLU(), nn.Conv2d(width, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 1, S/16, S/16)."""
        return self.layers(images.contiguous(memory_format=torch.channels_last)).float()

    def losses(self, pictures: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """-> the generator's loss, which moves only `drawn`, and the critic's, which moves only itself."""
        fixed = {name: parameter.detach() for name, parameter in self.named_parameters()}
        passing = -functional_call(self, fixed, (drawn,)).mean()
        telling = F.relu(1 - self(pictures)).mean() + F.relu(1 + self(drawn.detach())).mean()
        return passing, telling
