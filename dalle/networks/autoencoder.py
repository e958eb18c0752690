"""FeatureExtractor and Generator: encoder and decoder of a convolutional variational autoencoder.

    images (B, 3, S, S) in [-1, 1]  --FeatureExtractor-->  features (B, N, C)  --Generator-->  images

S pixels a side, N tokens a picture, C channels a token; features have mean 0 and standard deviation 1 a
channel. Variational autoencoder, arXiv:1312.6114. A cell of the feature map is 16x16 pixels; fold x fold
cells make one wide token. Changes of resolution have parameter-free shortcuts (arXiv:2410.10733).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dalle.config import AutoencoderConfig
from dalle.networks.layers import ResidualBlock


class FeaturePosterior(NamedTuple):
    """Normal distributions of raw features: mean and log-variance, each (B, channels, S/16, S/16)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        return self.mean + torch.randn_like(self.mean) * (0.5 * self.log_variance).exp()

    def kl(self) -> Tensor:
        """KL divergence from N(0, 1), mean over all numbers, in nats; -> scalar."""
        return 0.5 * (self.mean**2 + self.log_variance.exp() - 1 - self.log_variance).mean()


class Downsample(nn.Module):
    """(B, in, H, W) -> (B, out, H/2, W/2)."""

    def __init__(self, width: int, out: int):
        super().__init__()
        self.conv = nn.Conv2d(width, out, 3, stride=2, padding=1)
        self.out = out

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pixel_unshuffle(x, 2).unflatten(1, (self.out, -1)).mean(2)
        return self.conv(x) + shortcut


class Upsample(nn.Module):
    """(B, in, H, W) -> (B, out, 2H, 2W)."""

    def __init__(self, width: int, out: int):
        super().__init__()
        self.conv = nn.Conv2d(width, 4 * out, 1)
        self.repeats = 4 * out // width

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(x) + x.repeat_interleave(self.repeats, dim=1), 2)


class FeatureScaling(nn.Module):
    """Base of both networks: mean and standard deviation of raw features a channel, cells a token."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        self.fold = config.fold
        self.register_buffer("mean", torch.zeros(config.channels))
        self.register_buffer("deviation", torch.ones(config.channels))

    @torch.no_grad()
    def fit_scale(self, raw: Tensor) -> None:
        """Set the features' scale from raw means (B, channels, H, W) of many pictures."""
        self.mean.copy_(raw.mean((0, 2, 3)))
        self.deviation.copy_(raw.std((0, 2, 3)))


class FeatureExtractor(FeatureScaling):
    """Feature extraction network: images to a few wide tokens."""

    def __init__(self, config: AutoencoderConfig):
        super().__init__(config)
        first, *rest = config.widths
        layers: list[nn.Module] = [nn.PixelUnshuffle(4), nn.Conv2d(48, first, 3, padding=1)]
        width = first
        for index, out in enumerate([first, *rest]):
            if index:
                layers.append(Downsample(width, out))
            layers += [ResidualBlock(out) for _ in range(config.encoder_blocks)]
            width = out
        layers += [nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, 2 * config.channels, 1)]
        self.layers = nn.Sequential(*layers)

    def posterior(self, images: Tensor) -> FeaturePosterior:
        """images (B, 3, S, S) in [-1, 1] -> distribution of raw features (B, channels, S/16, S/16)."""
        mean, log_variance = self.layers(images.contiguous(memory_format=torch.channels_last)).chunk(2, 1)
        return FeaturePosterior(mean.float(), log_variance.float().clamp(-12, 4))

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, S, S) in [-1, 1] -> features (B, N, C): the posterior's mean, scaled and folded."""
        mean = self.posterior(images).mean
        cells = (mean - self.mean[:, None, None]) / self.deviation[:, None, None]
        return F.pixel_unshuffle(cells, self.fold).flatten(2).transpose(1, 2)


class Generator(FeatureScaling):
    """Generation network: features to images."""

    def __init__(self, config: AutoencoderConfig):
        super().__init__(config)
        width = config.widths[-1]
        layers: list[nn.Module] = [nn.Conv2d(config.channels, width, 3, padding=1)]
        for index, out in enumerate(reversed(config.widths)):
            if index:
                layers.append(Upsample(width, out))
            layers += [ResidualBlock(out) for _ in range(config.decoder_blocks)]
            width = out
        layers += [nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, 48, 3, padding=1), nn.PixelShuffle(4)]
        self.layers = nn.Sequential(*layers)

    def decode_raw(self, raw: Tensor) -> Tensor:
        """raw features (B, channels, H, W) -> images (B, 3, 16 H, 16 W), about [-1, 1], not clamped."""
        return self.layers(raw.contiguous(memory_format=torch.channels_last)).float()

    def forward(self, features: Tensor) -> Tensor:
        """features (B, N, C) -> images (B, 3, S, S) in [-1, 1]."""
        side = int(features.shape[1] ** 0.5)
        cells = F.pixel_shuffle(features.transpose(1, 2).unflatten(2, (side, side)), self.fold)
        return self.decode_raw(cells * self.deviation[:, None, None] + self.mean[:, None, None]).clamp(-1, 1)


def reconstruction_loss(output: Tensor, target: Tensor, scales: int = 3) -> Tensor:
    """L1 of pixels and of their differences to right and lower neighbours, averaged over `scales` halvings.

    output and target (B, 3, S, S) -> scalar.
    """
    loss = output.new_zeros(())
    for scale in range(scales):
        error = output - target
        horizontal, vertical = error.diff(dim=-1), error.diff(dim=-2)
        loss = loss + error.abs().mean() + horizontal.abs().mean() + vertical.abs().mean()
        if scale + 1 < scales:
            output, target = F.avg_pool2d(output, 2), F.avg_pool2d(target, 2)
    return loss / scales
