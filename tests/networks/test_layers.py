"""Tests of the building blocks."""

import pytest
import torch
from torch.nn import functional as F

from dalle.networks.layers import (
    Attention,
    ExactLinear,
    FeedForward,
    ResidualBlock,
    RMSNorm,
    TransformerBlock,
    modulate,
    sinusoids,
)


def test_masked_tokens_change_nothing() -> None:
    """Guards against padding that changes the encoding of a caption."""
    block, x = TransformerBlock(32, 2), torch.randn(3, 7, 32)
    mask = torch.ones(3, 1, 1, 7, dtype=torch.bool)
    mask[..., 4:] = False
    changed = torch.where(mask[:, 0, 0, :, None], x, 100 * torch.randn_like(x))
    seen = block(x, mask)[:, :4]
    assert torch.allclose(seen, block(changed, mask)[:, :4], atol=1e-5)
    assert torch.allclose(seen, block(x[:, :4]), atol=1e-5)
    assert not torch.allclose(seen, block(x)[:, :4], atol=1e-2)


def test_attention_equals_its_definition() -> None:
    """Guards against products that mix up heads, or a scale that torch's own attention does not have."""
    attention, x = Attention(32, 4, context_width=24), torch.randn(2, 5, 32)
    key, value = attention.key_values(torch.randn(2, 9, 24))
    query = attention.query_norm(attention.query(x).unflatten(-1, (4, 8))).transpose(1, 2)
    expected = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    assert torch.allclose(attention(x, (key, value)), attention.out(expected), atol=1e-5)
    assert torch.allclose(key.square().mean(-1), torch.ones(2, 4, 9), atol=1e-3)


def test_heads_must_divide_the_width() -> None:
    """Guards against a width that is silently rounded."""
    with pytest.raises(ValueError, match="width 32 does not divide into 5 heads"):
        Attention(32, 5)


def test_an_exact_layer_is_exact_unless_autocast_is_on() -> None:
    """Guards against bf16 weights that round the output, and slow training in float32."""
    layer, x = ExactLinear(32, 8).bfloat16(), torch.randn(4, 32)
    assert torch.equal(layer(x), F.linear(x, layer.weight.float(), layer.bias.float()))
    assert layer(x.bfloat16()).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16


def test_a_residual_block_starts_as_the_identity() -> None:
    """Guards against deep networks whose untrained blocks destroy their input."""
    x = torch.randn(2, 16, 6, 6)
    assert torch.equal(ResidualBlock(16)(x), x)


def test_the_norm_removes_the_scale_and_keeps_the_dtype() -> None:
    """Guards against mixed dtypes, which torch computes slowly."""
    x = torch.randn(2, 3, 32)
    assert torch.allclose(RMSNorm(32)(x), RMSNorm(32)(1000 * x), atol=1e-5)
    assert RMSNorm(32)(x.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("width", [32, 8])
def test_feed_forward_keeps_the_shape(width: int) -> None:
    """Guards against narrow networks whose hidden layer is rounded down to nothing."""
    feed_forward = FeedForward(width)
    assert feed_forward.out.in_features >= width
    assert feed_forward(torch.randn(2, 3, width)).shape == (2, 3, width)


def test_modulation_by_zero_is_the_identity() -> None:
    """Guards against a scale around 0 instead of 1."""
    x, zero = torch.randn(2, 3, 4), torch.zeros(2, 1, 4)
    assert torch.equal(modulate(x, zero, zero), x)
    assert torch.equal(modulate(x, zero + 1, zero + 3), 2 * x + 3)


def test_times_have_different_embeddings() -> None:
    """Guards against frequencies so low that neighbouring times look alike, or so high that all do."""
    times = sinusoids(torch.linspace(0, 1, 101), 256)
    gaps = torch.cdist(times, times) + 100 * torch.eye(101)
    assert gaps.min() > 0.5
    assert times.shape == (101, 256) and times.abs().max() <= 1


def test_a_transformer_block_can_start_as_the_identity() -> None:
    """Guards against new blocks that disturb trained ones, and blocks that get no gradient."""
    block = TransformerBlock(16, 2)
    block.start_as_identity()
    x = torch.randn(2, 5, 16)
    assert torch.equal(block(x), x)
    block(x).square().sum().backward()
    assert block.attention.out.weight.grad.any() and block.feed_forward.out.weight.grad.any()
