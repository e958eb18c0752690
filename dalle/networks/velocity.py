"""Velocity: the transformer behind Normalizer and InverseNormalizer, which predicts the velocity of features.

    x (B, N, C) at time (B,), Caption, code (B, K)  --Velocity-->  velocity (B, N, C)

B samples, N tokens a sample, C channels a token, K numbers in the code, W the transformer's width. DiT blocks
(arXiv:2212.09748) with one modulation shared by all depths (PixArt-alpha, arXiv:2310.00426).

The network is evaluated in two roles, as in predict and refine (arXiv:2112.02475): first it predicts the mean
of the features from caption and code alone, as a regression; then the velocity at any time, given that mean
too. What a caption says is learnt far sooner by the regression than from noisy features.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from dalle.config import VIEW_NUMBERS, Config
from dalle.networks.layers import (
    Attention,
    ExactLinear,
    FeedForward,
    RMSNorm,
    TransformerBlock,
    modulate,
    sinusoids,
    unit_mean_square,
    zero_parameters,
)
from dalle.networks.text_encoder import Caption


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
        zero_parameters(self.caption.out)

    def forward(self, x: Tensor, shared: Tensor, key_values: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        """x (B, N, W), shared modulation (B, 6, W), key_values and mask as in CaptionCondition -> (B, N, W).

        x and its modulation stay in float32 where the weights are bf16.
        """
        dtype = self.caption.out.weight.dtype
        scale1, shift1, gate1, scale2, shift2, gate2 = (shared + self.modulation)[:, :, None].unbind(1)
        attended = self.attention(modulate(self.norm1(x), scale1, shift1).to(dtype))
        x = torch.addcmul(x, gate1, attended)
        x = x + self.caption(self.norm2(x).to(dtype), key_values, mask)
        return torch.addcmul(x, gate2, self.feed_forward(modulate(self.norm3(x), scale2, shift2).to(dtype)))


class CaptionCondition(NamedTuple):
    """What the network needs of B captions at every evaluation, computed once."""

    key_values: list[tuple[Tensor, Tensor]]  # of the cross-attention of each block
    mask: Tensor  # (B, 1, 1, L) bool, True at real tokens
    embedding: Tensor  # (B, W)


class CodeCondition(NamedTuple):
    """What the network is told of B codes, and of their captions as a whole."""

    embedding: Tensor  # (B, W), of code and caption: for the modulation
    tokens: Tensor | None  # (B, N, W), of the code at every token; None without told light

    def where(self, condition: Tensor, other: "CodeCondition") -> "CodeCondition":
        """This where `condition` (B,) holds, else `other`."""
        embedding = torch.where(condition[:, None], self.embedding, other.embedding)
        if self.tokens is None or other.tokens is None:
            return CodeCondition(embedding, None)
        return CodeCondition(embedding, torch.where(condition[:, None, None], self.tokens, other.tokens))


class Velocity(nn.Module):
    """The vector field of both directions: d features / d time, given caption and code.

    The view's numbers of a code do not reach the network: they act on the finished picture.
    """

    def __init__(self, config: Config):
        super().__init__()
        width = config.flow.width
        self.input = ExactLinear(config.channels, width)
        self.mean = ExactLinear(config.channels, width, bias=False)
        self.positions = nn.Parameter(0.02 * torch.randn(config.tokens, width))
        self.time = nn.Sequential(ExactLinear(256, width), nn.SiLU(), ExactLinear(width, width))
        self.code = ExactLinear(config.flow.code, width)
        self.view_numbers = VIEW_NUMBERS if config.flow.told else 0
        # What each number of the code adds to each token (augmentation conditioning, arXiv:2206.00364): a
        # background is not everywhere in a picture, and a modulation is.
        has_light = config.flow.told > VIEW_NUMBERS
        tokens = torch.zeros(config.flow.code, config.tokens, width)
        self.register_parameter("code_tokens", nn.Parameter(tokens) if has_light else None)
        self.embedding = ExactLinear(config.text.embedding, width)
        self.modulation = nn.Sequential(nn.SiLU(), ExactLinear(width, 6 * width))
        # The TextEncoder learnt to tell captions apart; the flow must also know which colour belongs to what.
        refiner = [
            TransformerBlock(config.text.width, config.text.heads) for _ in range(config.flow.refiner_depth)
        ]
        self.refiner = nn.ModuleList(refiner)
        self.caption_norm = RMSNorm(config.text.width)
        self.blocks = nn.ModuleList(
            VelocityBlock(width, config.flow.heads, config.text.width) for _ in range(config.flow.depth)
        )
        self.norm = RMSNorm(width)
        self.output = ExactLinear(width, config.channels)
        for layer in (self.modulation[1], self.output, self.mean):
            zero_parameters(layer)
        for block in refiner:
            block.start_as_identity()

    def forward(self, x: Tensor, time: Tensor, caption: Caption, code: Tensor) -> Tensor:
        """x (B, N, C) at time (B,) in [0, 1], code (B, K) -> velocity (B, N, C)."""
        return self.condition(caption, code)(x, time)

    def condition(self, caption: Caption, code: Tensor, mean: Tensor | None = None) -> "ConditionedField":
        """The field of B captions and codes (B, K); all that does not depend on x and time is computed here.

        mean (B, N, C): the predicted mean, where it is known already.
        """
        condition = self._condition_on_caption(caption)
        code_condition = self.condition_on_code(code, condition)
        if mean is None:
            mean = self._predict_mean(code_condition, condition)
        return ConditionedField(self, condition, code_condition, mean)

    def condition_on_code(self, code: Tensor, condition: CaptionCondition) -> CodeCondition:
        """code (B, K) -> CodeCondition."""
        if self.view_numbers:
            code = torch.cat(
                [torch.zeros_like(code[:, : self.view_numbers]), code[:, self.view_numbers :]], 1
            )
        tokens = None
        if self.code_tokens is not None:
            tokens = torch.einsum("bk,knw->bnw", code.float(), self.code_tokens.float())
        return CodeCondition(self.code(code) + condition.embedding, tokens)

    def _condition_on_caption(self, caption: Caption) -> CaptionCondition:
        mask = caption.mask[:, None, None]
        states = caption.states
        for block in self.refiner:
            states = block(states, mask)
        states = self.caption_norm(states)
        blocks = cast(Iterable[VelocityBlock], self.blocks)
        key_values = [block.caption.key_values(states) for block in blocks]
        return CaptionCondition(key_values, mask, self.embedding(unit_mean_square(caption.embedding)))

    def _predict_mean(self, code: CodeCondition, condition: CaptionCondition) -> Tensor:
        """-> (B, N, C): minus the output at time 1 for x = 0, since the velocity there is x - mean."""
        count = len(code.embedding)
        zeros = code.embedding.new_zeros(count, len(self.positions), self.input.in_features)
        time = torch.ones(count, device=zeros.device)
        return -self.transform(self.input(zeros), time, code, condition)

    def transform(
        self, inputs: Tensor, time: Tensor, code: CodeCondition, condition: CaptionCondition
    ) -> Tensor:
        """inputs (B, N, W) at time (B,) -> (B, N, C) float32."""
        shared = self.modulation(code.embedding + self.time(sinusoids(time, 256))).unflatten(-1, (6, -1))
        h = inputs + self.positions
        if code.tokens is not None:
            h = h + code.tokens
        for block, key_values in zip(self.blocks, condition.key_values, strict=True):
            h = block(h, shared, key_values, condition.mask)
        return self.output(self.norm(h)).float()


class ConditionedField:
    """The velocity field of B captions and codes; `mean` (B, N, C) is the predicted mean of their features.

    At time 1, x is noise, which is independent of the features: the velocity is exactly x - mean. At all
    other times the network predicts it.
    """

    def __init__(self, network: Velocity, condition: CaptionCondition, code: CodeCondition, mean: Tensor):
        self.mean = mean
        self._network, self._condition, self._code = network, condition, code

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        """x (B, N, C), time (B,) or (1,) -> velocity (B, N, C)."""
        time = time.expand(len(x))
        is_noise = (time == 1)[:, None, None]
        if is_noise.all():
            return x - self.mean
        return torch.where(is_noise, x - self.mean, self.predict_velocity(x, time))

    def predict_velocity(self, x: Tensor, time: Tensor) -> Tensor:
        """The network's prediction, at time 1 as well; x (B, N, C), time (B,) -> (B, N, C).

        No gradient reaches the mean from here: it is trained as a mean alone.
        """
        network = self._network
        inputs = network.input(x) + network.mean(self.mean.detach())
        return network.transform(inputs, time, self._code, self._condition)

    def with_code(self, code: Tensor, mean: Tensor) -> "ConditionedField":
        """The field of the same captions with other codes (B, K), whose predicted mean (B, N, C) is known."""
        code_condition = self._network.condition_on_code(code, self._condition)
        return ConditionedField(self._network, self._condition, code_condition, mean)

    def where(self, condition: Tensor, other: "ConditionedField") -> "ConditionedField":
        """Code and mean of this field where `condition` (B,) holds, else those of `other`; equal captions."""
        return ConditionedField(
            self._network,
            self._condition,
            self._code.where(condition, other._code),
            torch.where(condition[:, None, None], self.mean, other.mean),
        )
