"""Normalizer and InverseNormalizer: one invertible flow, conditioned on captions, solved in two directions.

    features (B, N, C)  --Normalizer-->  Latent: code (B, K) and noise (B, N, C), both ~ N(0, I)
    Latent  --InverseNormalizer-->  features (B, N, C)

B samples, N tokens a sample, C channels a token, K = 20 numbers in the code. Time runs from 0 (features) to
1 (noise). Rectified flow, arXiv:2209.03003; flow matching, arXiv:2210.02747.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dalle.config import VIEW_NUMBERS, Config
from dalle.networks.code_encoder import CodeEncoder, CodePosterior, replace_codes_at_random
from dalle.networks.solver import Field, InversionTrajectory, OnStep, integrate, schedule, solve
from dalle.networks.text_encoder import Caption
from dalle.networks.velocity import Velocity

TIME_LOGIT_MEAN = 0.4  # mean of the logits of training times: above 0, more of them near noise


class Latent(NamedTuple):
    """B pictures as samples of a standard normal: code (B, K) and noise (B, N, C)."""

    code: Tensor
    noise: Tensor


# Targets of mean and velocity (B, N, C), x (B, N, C), time (B,), code (B, K) -> the targets to use instead,
# and the weight of each sample's squared errors (B,).
ReplaceTargets = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


class Normalizer(nn.Module):
    """Normalization network: solves the flow from time 0 to 1, features to a standard normal."""

    def __init__(self, config: Config):
        super().__init__()
        self.told = config.flow.told
        self.velocity = Velocity(config)
        self.reader = CodeEncoder(config)  # the weights carry this name

    def forward(
        self, features: Tensor, caption: Caption, steps: int, on_step: OnStep | None = None
    ) -> Latent:
        """features (B, N, C) -> latent; the code is its posterior's mean."""
        code = self.reader(features, caption).mean
        times = schedule(0, 1, steps)
        field = self.velocity.condition(caption, code)
        noise = solve(field, [InversionTrajectory(x, times) for x in features], on_step)
        return Latent(code, noise)

    def loss(
        self,
        features: Tensor,
        caption: Caption,
        code_nats: float,
        replace_targets: ReplaceTargets | None = None,
        light: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared error of the predicted mean, flow matching, and the code's capacity; -> scalar, its parts.

        Each number of the code is held at `code_nats` of information (arXiv:1804.03599) instead of weighing
        the KL divergence: all 20 numbers stay in use, and their aggregate posterior near N(0, I), so that
        codes can be sampled. Times are logit-normal (arXiv:2403.03206), shifted towards noise: with this many
        numbers a picture, its content is decided while each of them is still mostly noise.

        light (B, LIGHT_NUMBERS): the true light of the pictures, put into the code; without it the light is
        as the code encoder estimates it.
        """
        posterior = self.reader(features, caption)
        code, noise = self._training_code(posterior, light), torch.randn_like(features)
        time = torch.sigmoid(torch.randn(len(features), device=features.device) + TIME_LOGIT_MEAN)
        x = torch.lerp(features, noise, time[:, None, None])
        field = self.velocity.condition(caption, code)
        mean_target, velocity_target, weights = features, noise - features, torch.ones_like(time)
        if replace_targets is not None:
            mean_target, velocity_target, weights = replace_targets(
                mean_target, velocity_target, x, time, code
            )
        velocity = field.predict_velocity(x, time)
        mean = _weighted_square_error(field.mean, mean_target, weights)
        flow = _weighted_square_error(velocity, velocity_target, weights)
        learnt = posterior.split(self.told)[1]
        parts = {"flow": flow.detach(), "mean": mean.detach(), "code_nats": learnt.nats().detach().sum()}
        loss = flow + mean + learnt.capacity_loss(code_nats)
        if light is not None:
            loss = loss + posterior.light_loss(light)
            estimate = posterior.mean[:, VIEW_NUMBERS : self.told].detach()
            parts["light_error"] = (estimate - light).square().mean()
        return loss, parts

    def _training_code(self, posterior: CodePosterior, light: Tensor | None) -> Tensor:
        """-> (B, K): the view 0, the true light where it is known, and a sample of the learnt numbers."""
        told, learnt = posterior.split(self.told)
        numbers = replace_codes_at_random(learnt.sample())
        if not self.told:
            return numbers
        view, estimate = told.mean.detach().split([VIEW_NUMBERS, self.told - VIEW_NUMBERS], 1)
        return torch.cat([view, estimate if light is None else light, numbers], 1)


def _weighted_square_error(output: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """output and target (B, N, C), weights (B,) -> scalar."""
    return (weights[:, None, None] * (output - target).square()).mean() / weights.mean()


class InverseNormalizer:
    """Inverse normalization network: solves the same flow from time 1 to 0; no parameters of its own."""

    def __init__(self, normalizer: Normalizer):
        self.velocity = normalizer.velocity

    def __call__(
        self,
        latent: Latent,
        caption: Caption,
        steps: int,
        on_step: OnStep | None = None,
        wrap_field: Callable[[Field], Field] | None = None,
    ) -> Tensor:
        """latent -> features (B, N, C); `wrap_field` may change the field, as guidance does."""
        field = self.velocity.condition(caption, latent.code)
        return integrate(
            wrap_field(field) if wrap_field else field, latent.noise, schedule(1, 0, steps), on_step
        )
