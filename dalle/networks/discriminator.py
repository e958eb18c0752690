"""PatchDiscriminator: tells patches of pictures from patches of reconstructions, to train the Generator.

    images (B, 3, S, S) in [-1, 1]  -->  logits (B, 1, S/16, S/16), above 0: a real picture

Generative adversarial networks, arXiv:1406.2661; hinge loss, arXiv:1705.02894; on patches, arXiv:1611.07004;
together with a reconstruction loss, arXiv:2012.09841.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from dalle.networks.layers import ResidualBlock


class PatchDiscriminator(nn.Module):
    """A small convolutional network, used in training only: no checkpoint holds it."""

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

    def losses(self, real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, 3, S, S) -> (generator loss, discriminator loss), scalars.

        The first has gradients for `generated` alone, the second for the discriminator alone.
        """
        fixed = {name: parameter.detach() for name, parameter in self.named_parameters()}
        generator_loss = -functional_call(self, fixed, (generated,)).mean()
        discriminator_loss = F.relu(1 - self(real)).mean() + F.relu(1 + self(generated.detach())).mean()
        return generator_loss, discriminator_loss
