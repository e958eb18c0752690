"""CodeEncoder: the posterior of a picture's code, a diagonal normal.

features (B, N, C), Caption  --CodeEncoder-->  mean and log-variance (B, K) of q(code | features, caption)
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dalle.config import LIGHT_NUMBERS, VIEW_NUMBERS, Config
from dalle.networks.layers import RMSNorm, TransformerBlock, unit_mean_square
from dalle.networks.text_encoder import Caption

CAPACITY_WEIGHT = 0.1  # of `capacity_loss`, against the squared errors of mean and velocity
LIGHT_WEIGHT = 0.05  # of `light_loss`, likewise


class CodePosterior(NamedTuple):
    """Normal distributions of B codes: mean and log-variance (B, K)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """-> (B, K)."""
        return self.mean + torch.randn_like(self.mean) * (0.5 * self.log_variance).exp()

    def nats(self) -> Tensor:
        """KL divergence from N(0, 1) of each number of the code, in nats, averaged over the batch: (K,)."""
        return 0.5 * (self.mean**2 + self.log_variance.exp() - 1 - self.log_variance).mean(0)

    def split(self, told: int) -> tuple["CodePosterior", "CodePosterior"]:
        """The told numbers at the start of the code, and the learnt ones."""
        mean, log_variance = (each.split([told, each.shape[1] - told], 1) for each in self)
        return CodePosterior(mean[0], log_variance[0]), CodePosterior(mean[1], log_variance[1])

    def light_loss(self, light: Tensor) -> Tensor:
        """Weighted negative log-likelihood of a picture's told light (B, LIGHT_NUMBERS); -> scalar."""
        end = VIEW_NUMBERS + LIGHT_NUMBERS
        mean, log_variance = (each[:, VIEW_NUMBERS:end] for each in self)
        return LIGHT_WEIGHT * ((light - mean).square() * (-log_variance).exp() + log_variance).mean() / 2

    def capacity_loss(self, nats: float) -> Tensor:
        """Weighted distance of each number's information from `nats` (arXiv:1804.03599); -> scalar."""
        return CAPACITY_WEIGHT * (self.nats() - nats).abs().mean()


class CodeEncoder(nn.Module):
    """Posterior q(code | features, caption).

    It is conditioned on the caption so that the code holds only what the caption leaves open; otherwise a
    code sampled from N(0, I) would often contradict the caption (conditional VAE, Sohn et al. 2015). Of told
    numbers it estimates the light; the view of a picture is 0, the one that it has.
    """

    def __init__(self, config: Config):
        super().__init__()
        width = config.flow.code_width
        self.input = nn.Linear(config.channels, width)
        self.positions = nn.Parameter(0.02 * torch.randn(config.tokens, width))
        self.embedding = nn.Linear(config.text.embedding, width, bias=False)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, config.flow.heads if width % config.flow.heads == 0 else 4)
            for _ in range(config.flow.code_depth)
        )
        self.norm = RMSNorm(width)
        self.output = nn.Linear(width, 2 * config.flow.code)
        self.view_numbers = VIEW_NUMBERS if config.flow.told else 0

    def forward(self, features: Tensor, caption: Caption) -> CodePosterior:
        """features (B, N, C) -> posterior of the codes (B, K)."""
        dtype = self.input.weight.dtype
        condition = self.embedding(unit_mean_square(caption.embedding).to(dtype))
        x = self.input(features.to(dtype)) + self.positions + condition[:, None]
        for block in self.blocks:
            x = block(x)
        mean, log_variance = self.output(self.norm(x.mean(1))).float().chunk(2, dim=-1)
        if self.view_numbers:
            is_view = torch.arange(mean.shape[1], device=mean.device) < self.view_numbers
            mean, log_variance = mean.masked_fill(is_view, 0), log_variance.masked_fill(is_view, 0)
        return CodePosterior(mean, log_variance.clamp(-8, 2))


def replace_codes_at_random(code: Tensor) -> Tensor:
    """Code dropout in training: (B, K) with some numbers replaced by samples from N(0, 1).

    None in half of the samples, a uniformly random share in the others. So the flow learns to follow the
    caption where numbers of the code contradict it, as sampled ones or those set by sliders may.
    """
    share = (2 * torch.rand(len(code), 1, device=code.device) - 1).clamp(min=0)
    return torch.where(torch.rand_like(code) < share, torch.randn_like(code), code)
