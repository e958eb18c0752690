"""Building blocks: attention, feed-forward, modulation, residual convolution.

Shapes: B pictures or captions, N tokens, C channels, (H, W) pixels or cells of a feature map.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoids(time: Tensor, width: int) -> Tensor:
    """time (B,) in [0, 1] -> (B, width): sines and cosines of geometrically spaced frequencies."""
    frequencies = torch.exp(torch.linspace(0, math.log(1000), width // 2, device=time.device))
    angles = time.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def modulate(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """x (B, N, C), scale and shift (B, 1, C) -> (B, N, C)."""
    return torch.addcmul(shift, x, 1 + scale)


def unit_mean_square(unit_vectors: Tensor) -> Tensor:
    """Vectors of length 1 (B, E), scaled to a mean square of 1."""
    return unit_vectors * unit_vectors.shape[-1] ** 0.5


def zero_parameters(module: nn.Module) -> None:
    """Set all parameters to zero, in place: a layer that adds nothing before it is trained."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)


class ExactLinear(nn.Linear):
    """A linear layer in float32, whatever the dtype of its weights; under autocast, autocast decides.

    For small layers whose rounding would show: in bf16 a small move of a slider often changes nothing at all.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., D), float32."""
        return F.linear(x.float(), self.weight.float(), None if self.bias is None else self.bias.float())


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis, in the input's dtype (arXiv:1910.07467).

    torch's own takes twice as many small operations on a CPU, half of them casts from and to float32.
    """

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min(1e-6)
        weight = self.weight * x.shape[-1] ** 0.5
        return x * weight.to(x.dtype) / length.to(x.dtype)


class Attention(nn.Module):
    """Multi-head attention with normalised queries and keys (arXiv:2302.05442).

    Self-attention without a `context`; the `key_values` of a context can be computed once for all steps.
    """

    def __init__(self, width: int, heads: int, context_width: int | None = None):
        """Raises ValueError where `heads` does not divide `width`."""
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} does not divide into {heads} heads")
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(context_width or width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = RMSNorm(width // heads)
        self.key_norm = RMSNorm(width // heads)

    def key_values(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """context (B, L, D) -> keys, values (B, heads, L, C / heads)."""
        key, value = self.key_value(context).unflatten(-1, (2, self.heads, -1)).unbind(2)
        return self.key_norm(key).transpose(1, 2), value.transpose(1, 2)

    def forward(
        self, x: Tensor, context: tuple[Tensor, Tensor] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """x (B, N, C), context from `key_values`, mask (B, 1, 1, L) bool: False is ignored -> (B, N, C)."""
        key, value = self.key_values(x) if context is None else context
        query = self.query_norm(self.query(x).unflatten(-1, (self.heads, -1))).transpose(1, 2)
        if not (query.requires_grad or key.requires_grad):
            attended = F.scaled_dot_product_attention(query, key, value, mask)
            return self.out(attended.transpose(1, 2).flatten(2))
        # In training on a CPU, plain products of a few dozen tokens are several times faster than the
        # backward of the fused kernel.
        scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        return self.out((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """SwiGLU (arXiv:2002.05202)."""

    def __init__(self, width: int):
        super().__init__()
        hidden = 8 * width // 3 // 32 * 32 or width
        self.gate_value = nn.Linear(width, 2 * hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        gate, value = self.gate_value(x).chunk(2, dim=-1)
        return self.out(F.silu(gate) * value)


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and feed-forward: the block of TextEncoder, caption refiner and CodeEncoder."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1 = RMSNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = RMSNorm(width)
        self.feed_forward = FeedForward(width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (B, N, C), mask (B, 1, 1, N) bool: False is ignored -> (B, N, C)."""
        x = x + self.attention(self.norm1(x), mask=mask)
        return x + self.feed_forward(self.norm2(x))

    def start_as_identity(self) -> None:
        """Zero the output layers, so that the block adds nothing before it is trained."""
        zero_parameters(self.attention.out)
        zero_parameters(self.feed_forward.out)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with group norm and a skip connection; starts as the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(min(8, width // 8), width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(min(8, width // 8), width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        zero_parameters(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        y = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(y)))
