"""Tests of the velocity network and its conditioned field."""

import pytest
import torch

from dalle.config import PRESETS
from dalle.networks.model import DALLEModel
from dalle.networks.velocity import VelocityBlock
from tests.tiny import tiny_model

CAPTIONS = ["a dog", "", "a green cat to the left of a red house"]
TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def model() -> DALLEModel:
    return tiny_model()


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(3, TINY.tokens, TINY.channels)


def test_a_small_change_of_the_code_changes_the_mean_a_little() -> None:
    """Guards against rounding in bf16 that makes a slider move in steps."""
    codes = torch.zeros(33, 20)
    codes[:, 0] = torch.linspace(1.5, 2, 33)

    def relative_path_length(dtype: torch.dtype) -> float:
        model = tiny_model().bfloat16().to(dtype)
        caption = model.encode_text(["a dog"] * len(codes))
        means = model.normalizer.velocity.condition(caption, codes.to(dtype)).mean
        return float(means.diff(dim=0).abs().sum() / (means[-1] - means[0]).abs().sum())

    assert relative_path_length(torch.bfloat16) < 1.6 * relative_path_length(torch.float32)


def test_samples_of_a_batch_are_independent(model: DALLEModel, features: torch.Tensor) -> None:
    """Guards against long captions, or other samples, that change the rest of a batch."""
    code, time = torch.randn(3, 20), torch.rand(3)
    together = model.normalizer.velocity(features, time, model.encode_text(CAPTIONS), code)
    for row, text in enumerate(CAPTIONS):
        one = slice(row, row + 1)
        alone = model.normalizer.velocity(features[one], time[one], model.encode_text([text]), code[one])
        assert torch.allclose(together[one], alone, atol=1e-5)


def test_at_time_1_the_velocity_is_x_minus_the_mean(model: DALLEModel, features: torch.Tensor) -> None:
    """Guards against a mean that depends on the noise, and the same rule at other times."""
    code, time = torch.randn(3, 20), torch.tensor([1.0, 0.4, 1.0])
    field = model.normalizer.velocity.condition(model.encode_text(CAPTIONS), code)
    assert torch.equal(field(features, torch.ones(3)), features - field.mean)
    assert torch.equal(field(2 * features, torch.ones(3)), 2 * features - field.mean)
    mixed, alone = field(features, time), field(features, torch.full((3,), 0.4))
    assert torch.equal(mixed[::2], features[::2] - field.mean[::2])
    assert torch.allclose(mixed[1], alone[1], atol=1e-5)
    assert not torch.allclose(alone[0], features[0] - field.mean[0], atol=1e-2)


def test_the_velocity_sees_the_mean_but_does_not_train_it(features: torch.Tensor) -> None:
    """Guards against a velocity without the mean, and a mean that is trained to be useful input."""
    network = tiny_model().normalizer.velocity.requires_grad_(True)
    field = network.condition(tiny_model().encode_text(CAPTIONS), torch.zeros(3, 20))
    velocity_sum = field.predict_velocity(features, torch.full((3,), 0.5)).sum()
    of_weight, of_mean = torch.autograd.grad(
        velocity_sum, [network.mean.weight, field.mean], allow_unused=True
    )
    assert of_weight.abs().max() > 0
    assert of_mean is None


def test_a_new_block_is_the_identity() -> None:
    """Guards against an initialisation that training must first undo."""
    x = torch.randn(2, 4, 32)
    block = VelocityBlock(32, 2, 32)
    key_values = block.caption.key_values(torch.randn(2, 5, 32))
    assert torch.equal(block(x, torch.zeros(2, 6, 32), key_values, torch.ones(2, 1, 1, 5).bool()), x)
