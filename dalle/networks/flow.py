"""Normalizer and InverseNormalizer: one invertible map, steered by the caption, followed in two directions.

    features (B, N, C)  --Normalizer-->  Latent: code (B, K) and noise (B, N, C), both ~ N(0, I)
    Latent  --InverseNormalizer-->  features (B, N, C)

B pictures, N tokens a picture, C channels a token, K = 20 numbers in the code. Time runs from 0 (features) to
1 (noise). Rectified flow, arXiv:2209.03003; flow matching, arXiv:2210.02747; the block is DiT's
(arXiv:2212.09748) with one modulation shared by all depths (PixArt-alpha, arXiv:2310.00426).

The network first says what features are to be expected, from a caption and a code alone, as a regression
would, and then sees this mean at every time: predict and refine (arXiv:2112.02475). What a caption says is
learnt far sooner so than through noise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dalle.config import Config
from dalle.networks.layers import (
    Attention,
    ExactLinear,
    FeedForward,
    RMSNorm,
    TransformerBlock,
    modulate,
    sinusoids,
)
from dalle.networks.solver import Field, InversionTrajectory, OnStep, follow, integrate, schedule
from dalle.networks.text_encoder import Caption

CODE_SWITCH_TIME = 0.4  # the time from which on a moved code counts
TIME_LOGIT_MEAN = 0.4  # mean of the logits of training times


class Latent(NamedTuple):
    """A picture as a standard normal: code (B, K) and noise (B, N, C)."""

    code: Tensor
    noise: Tensor


class CodePosterior(NamedTuple):
    """What a picture tells about its code: a normal, mean and log-variance (B, K)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        return self.mean + torch.randn_like(self.mean) * (0.5 * self.log_variance).exp()

    def nats(self) -> Tensor:
        """Information of each number, in nats, a mean over the batch: (K,)."""
        return 0.5 * (self.mean**2 + self.log_variance.exp() - 1 - self.log_variance).mean(0)

    def capacity_loss(self, nats: float) -> Tensor:
        """What holds each number at `nats` of information (arXiv:1804.03599); -> scalar."""
        return 0.1 * (self.nats() - nats).abs().mean()


class VelocityBlock(nn.Module):
    """Self-attention, cross-attention to the caption, feed-forward; starts as the identity."""

    def __init__(self, width: int, heads: int, caption_width: int):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = RMSNorm(width), RMSNorm(width), RMSNorm(width)
        self.attention = Attention(width, heads)
        self.caption = Attention(width, heads, caption_width)
        self.feed_forward = FeedForward(width)
        # Added to the modulation that all blocks share: scale, shift, gate of attention and of feed-forward.
        self.modulation = nn.Parameter(torch.zeros(6, width))
        nn.init.zeros_(self.caption.out.weight)

    def forward(self, x: Tensor, shared: Tensor, key_values: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        """x (B, N, C), shared (B, 6, C), the caption's keys and values, mask (B, 1, 1, L) -> (B, N, C).

        x, and what modulates it, stay in float32 where the weights are bf16.
        """
        dtype = self.caption.out.weight.dtype
        scale1, shift1, gate1, scale2, shift2, gate2 = (shared + self.modulation)[:, :, None].unbind(1)
        attended = self.attention(modulate(self.norm1(x), scale1, shift1).to(dtype))
        x = torch.addcmul(x, gate1, attended)
        x = x + self.caption(self.norm2(x).to(dtype), key_values, mask)
        return torch.addcmul(x, gate2, self.feed_forward(modulate(self.norm3(x), scale2, shift2).to(dtype)))


class BaseCondition(NamedTuple):
    """What pictures have where their codes were not moved: code (B, K), mean (B, N, C)."""

    code: Tensor
    mean: Tensor


class Velocity(nn.Module):
    """The field both directions follow: d features / d time, given the caption and the code."""

    def __init__(self, config: Config):
        super().__init__()
        width = config.flow.width
        self.input = ExactLinear(config.channels, width)
        self.mean = ExactLinear(config.channels, width, bias=False)
        self.positions = nn.Parameter(0.02 * torch.randn(config.tokens, width))
        self.time = nn.Sequential(ExactLinear(256, width), nn.SiLU(), ExactLinear(width, width))
        self.code = ExactLinear(config.flow.code, width)
        self.embedding = ExactLinear(config.text.embedding, width)
        self.modulation = nn.Sequential(nn.SiLU(), ExactLinear(width, 6 * width))
        # The TextEncoder was taught to tell captions apart; which colour is whose, the flow has to know.
        self.refiner = nn.ModuleList(
            TransformerBlock(config.text.width, config.text.heads) for _ in range(config.flow.refiner_depth)
        )
        self.caption_norm = RMSNorm(config.text.width)
        self.blocks = nn.ModuleList(
            VelocityBlock(width, config.flow.heads, config.text.width) for _ in range(config.flow.depth)
        )
        self.norm = RMSNorm(width)
        self.output = ExactLinear(width, config.channels)
        for layer in (self.modulation[1], self.output):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.mean.weight)
        for block in self.refiner:
            block.start_as_identity()

    def forward(self, x: Tensor, time: Tensor, caption: Caption, code: Tensor) -> Tensor:
        """x (B, N, C) at time (B,) in [0, 1], code (B, K) -> velocity (B, N, C)."""
        return self.given(caption, code)(x, time)

    def given(
        self, caption: Caption, code: Tensor, mean: Tensor | None = None, own: "BaseCondition | None" = None
    ) -> "ConditionedField":
        """The field for one caption and code (B, K): what does not depend on x and time is computed once.

        The `mean` (B, N, C) as well, where it is not known from before. Until CODE_SWITCH_TIME, `own` counts.
        """
        mask = caption.mask[:, None, None]
        states = caption.states
        for block in self.refiner:
            states = block(states, mask)
        states = self.caption_norm(states)
        key_values = [block.caption.key_values(states) for block in self.blocks]
        told = self.embedding(_scaled(caption.embedding))
        steady = self.code(code) + told
        before = steady if own is None else self.code(own.code) + told

        def network(inputs: Tensor, time: Tensor, steady: Tensor) -> Tensor:
            shared = self.modulation(steady + self.time(sinusoids(time, 256))).unflatten(-1, (6, -1))
            h = inputs + self.positions
            for block, block_key_values in zip(self.blocks, key_values, strict=True):
                h = block(h, shared, block_key_values, mask)
            return self.output(self.norm(h)).float()

        def refine(x: Tensor, time: Tensor) -> Tensor:
            if own is None:
                return network(self.input(x) + self.mean(mean.detach()), time, steady)
            early = (time > CODE_SWITCH_TIME)[:, None]
            expected = torch.where(early[..., None], own.mean, mean)
            return network(self.input(x) + self.mean(expected), time, torch.where(early, before, steady))

        if mean is None:
            nothing = steady.new_zeros(len(steady), len(self.positions), self.input.in_features)
            mean = -network(self.input(nothing), torch.ones(len(steady), device=steady.device), steady)
        return ConditionedField(mean, refine)


class ConditionedField:
    """The field of B captions and codes, and the `mean` (B, N, C) of the features that they allow.

    At time 1, where x is noise and tells nothing, the velocity is x less the mean. At other times `refine`
    says it, which sees x, the time and the mean.
    """

    def __init__(self, mean: Tensor, refine: Field):
        self.mean, self.refine = mean, refine

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        """x (B, N, C), time (B,) -> velocity (B, N, C)."""
        time = time.expand(len(x))
        first = (time == 1)[:, None, None]
        return x - self.mean if first.all() else torch.where(first, x - self.mean, self.refine(x, time))


class CodeEncoder(nn.Module):
    """The code that a picture would have been drawn with under its caption.

    It sees the caption so that it need not repeat it: what both would tell could not be drawn apart from the
    caption, and a code from N(0, I) would often contradict it (conditional VAE, Sohn et al. 2015).
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

    def forward(self, features: Tensor, caption: Caption) -> CodePosterior:
        """features (B, N, C) -> mean and log-variance (B, K)."""
        dtype = self.input.weight.dtype
        told = self.embedding(_scaled(caption.embedding).to(dtype))
        x = self.input(features.to(dtype)) + self.positions + told[:, None]
        for block in self.blocks:
            x = block(x)
        mean, log_variance = self.output(self.norm(x.mean(1))).float().chunk(2, dim=-1)
        return CodePosterior(mean, log_variance.clamp(-8, 2))


class Normalizer(nn.Module):
    """Normalization network: features to a standard normal, by following the field from time 0 to 1."""

    def __init__(self, config: Config):
        super().__init__()
        self.velocity = Velocity(config)
        self.reader = CodeEncoder(config)

    def forward(
        self, features: Tensor, caption: Caption, steps: int, on_step: OnStep | None = None
    ) -> Latent:
        """features (B, N, C) -> latent; the code is its posterior's mean."""
        code = self.reader(features, caption).mean
        times = schedule(0, 1, steps)
        noise = follow(
            self.velocity.given(caption, code), [InversionTrajectory(x, times) for x in features], on_step
        )
        return Latent(code, noise)

    def loss(
        self, features: Tensor, caption: Caption, code_nats: float, kept: "DistillationTargets | None" = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """How far the mean is from the features, and flow matching, with each number of the code held at
        `code_nats` of information; -> scalar, parts.

        Times are logit-normal (arXiv:2403.03206), shifted towards noise: with so many numbers a picture, what
        it shows is decided while each of them is still mostly noise. Holding the capacity (arXiv:1804.03599)
        instead of weighing it keeps all 20 numbers in use and their sum over pictures near N(0, I), so that
        codes can be sampled.
        """
        posterior = self.reader(features, caption)
        code, noise = replace_codes_at_random(posterior.sample()), torch.randn_like(features)
        time = torch.sigmoid(torch.randn(len(features), device=features.device) + TIME_LOGIT_MEAN)
        x = torch.lerp(features, noise, time[:, None, None])
        field = self.velocity.given(caption, code)
        targets, weights = (features, noise - features), torch.ones_like(time)
        if kept is not None:
            targets, weights = kept.instead(targets, x, time, code)
        mean, flow = (
            (weights[:, None, None] * (said - target).square()).mean() / weights.mean()
            for said, target in zip((field.mean, field.refine(x, time)), targets, strict=True)
        )
        nats = posterior.nats().detach().sum()
        parts = {"flow": flow.detach(), "mean": mean.detach(), "code_nats": nats}
        return flow + mean + posterior.capacity_loss(code_nats), parts


@dataclass(frozen=True)
class DistillationTargets:
    """Pictures of a batch that a field is not to learn from: for them it is to stay what it was."""

    which: Tensor  # (B,) bool
    given: Callable[[Tensor], ConditionedField]  # the field as it was, for those pictures and their codes
    weight: float  # of each of them beside one of the others

    @torch.no_grad()
    def instead(
        self, targets: tuple[Tensor, Tensor], x: Tensor, time: Tensor, code: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Other targets for mean and velocity (B, N, C), and how much each picture counts (B,)."""
        before, at = self.given(code[self.which]), (self.which,)
        mean, velocity = targets
        mean = mean.index_put(at, before.mean.to(mean.dtype))
        velocity = velocity.index_put(at, before.refine(x[at], time[at]).to(velocity.dtype))
        return (mean, velocity), torch.where(self.which, self.weight, 1.0)


def replace_codes_at_random(code: Tensor) -> Tensor:
    """A code (B, K) some numbers of which are replaced by others from N(0, I).

    No number in half of the pictures, any share of them in the others. So the field learns to believe the
    caption where a number contradicts it, as numbers drawn from N(0, I), or slid there, may do.
    """
    share = (2 * torch.rand(len(code), 1, device=code.device) - 1).clamp(min=0)
    return torch.where(torch.rand_like(code) < share, torch.randn_like(code), code)


def _scaled(embedding: Tensor) -> Tensor:
    """Unit vectors (B, E), scaled to a mean square of 1."""
    return embedding * embedding.shape[-1] ** 0.5


class InverseNormalizer:
    """Inverse normalization network: the same field, followed from time 1 to 0; no parameters of its own."""

    def __init__(self, normalizer: Normalizer):
        self.velocity = normalizer.velocity

    def __call__(
        self,
        latent: Latent,
        caption: Caption,
        steps: int,
        on_step: OnStep | None = None,
        steer: Callable[[Field], Field] | None = None,
    ) -> Tensor:
        """latent -> features (B, N, C); `steer` may wrap the field, as guidance does."""
        field = self.velocity.given(caption, latent.code)
        return integrate(steer(field) if steer else field, latent.noise, schedule(1, 0, steps), on_step)
