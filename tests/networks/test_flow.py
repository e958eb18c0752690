"""Tests of the flow: both directions, guidance, and the training loss."""

import pytest
import torch

from dalle.config import PRESETS
from dalle.networks.flow import InverseNormalizer, Latent, Normalizer
from dalle.networks.model import DALLEModel
from dalle.networks.solver import apply_guidance
from tests.tiny import tiny_model

CAPTIONS = ["a dog", "", "a green cat to the left of a red house"]
TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def model() -> DALLEModel:
    return tiny_model()


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(3, TINY.tokens, TINY.channels)


def test_both_directions_are_inverse(model: DALLEModel, features: torch.Tensor) -> None:
    """Guards against directions that differ: 100 steps each way give the features back to 1%."""
    caption = model.encode_text(CAPTIONS)
    latent = model.normalizer(features, caption, steps=100)
    assert (latent.noise - features).square().mean().sqrt() > 0.3  # it is not the identity
    assert torch.equal(latent.code, model.normalizer.reader(features, caption).mean)
    features_again = model.inverse_normalizer(latent, caption, steps=100)
    assert (features_again - features).square().mean().sqrt() < 0.01


def test_the_inverse_has_the_same_weights(model: DALLEModel) -> None:
    """Guards against a second velocity network in the checkpoint."""
    assert InverseNormalizer(model.normalizer).velocity is model.normalizer.velocity
    assert not any(name.startswith("inverse") for name in model.state_dict())


def test_captions_and_codes_change_the_features(model: DALLEModel, features: torch.Tensor) -> None:
    """Guards against a field that ignores its conditions."""
    latent = Latent(torch.zeros(3, 20), features[:1].expand(3, -1, -1))
    drawn = model.inverse_normalizer(latent, model.encode_text(CAPTIONS), 8)
    assert (torch.cdist(drawn.flatten(1), drawn.flatten(1)) + torch.eye(3)).min() > 0.05
    for number in range(20):
        code = torch.zeros(3, 20)
        code[:, number] = 2
        moved = model.inverse_normalizer(latent._replace(code=code), model.encode_text(CAPTIONS), 8)
        assert (moved - drawn).abs().mean() > 1e-3, number


def test_guidance_one_is_none(model: DALLEModel, features: torch.Tensor) -> None:
    """Guards against guidance that changes pictures although it is 1."""
    latent, caption = Latent(torch.randn(3, 20), features), model.encode_text(CAPTIONS)
    plain = model.inverse_normalizer(latent, caption, 6)
    same = model.inverse_normalizer(
        latent, caption, 6, wrap_field=lambda field: apply_guidance(field, [1.0] * 3)
    )
    assert torch.equal(plain, same)


def test_both_directions_work_in_bf16(features: torch.Tensor) -> None:
    """Guards against mixed dtypes that cannot be multiplied, where weights are loaded in bf16."""
    model = tiny_model().bfloat16()
    caption = model.encode_text(CAPTIONS)
    latent = model.normalizer(features, caption, 4)
    assert latent.noise.dtype == latent.code.dtype == torch.float32
    assert model.inverse_normalizer(latent, caption, 4).isfinite().all()


@pytest.mark.parametrize("code_nats", [0.3, 1.0])
def test_every_number_of_the_code_gets_its_information(code_nats: float) -> None:
    """Guards against codes that collapse to the prior, and codes that can no longer be sampled.

    The velocity network is new and its output zero, so that a code cannot lower the other losses.
    """
    normalizer = Normalizer(TINY)
    encoder = normalizer.reader
    caption = tiny_model().encode_text([""] * 32)
    optimizer = torch.optim.Adam(encoder.parameters(), 3e-3)
    features = torch.randn(32, TINY.tokens, TINY.channels)
    for _ in range(80):
        loss, _ = normalizer.loss(features, caption, code_nats)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    nats = encoder(features, caption).nats().detach()
    assert nats == pytest.approx(torch.full((20,), code_nats), abs=0.15)


def test_targets_can_be_replaced(model: DALLEModel, features: torch.Tensor) -> None:
    """Guards against distillation that is trained towards other targets than the given ones."""
    caption = model.encode_text(CAPTIONS)

    def own_predictions(mean, velocity, x, time, code):
        assert torch.equal(mean, features) and mean.shape == velocity.shape == x.shape
        field = model.normalizer.velocity.condition(caption, code)
        return field.mean, field.predict_velocity(x, time), torch.tensor([1.0, 2.0, 3.0])

    _, parts = model.normalizer.loss(features, caption, 0.6, own_predictions)
    assert parts["flow"] == parts["mean"] == 0
