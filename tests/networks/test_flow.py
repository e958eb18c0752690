"""Laws of the flow: one field, followed in two directions."""

import pytest
import torch

from dalle.config import PRESETS
from dalle.networks.flow import (
    CodePosterior,
    InverseNormalizer,
    Latent,
    Normalizer,
    VelocityBlock,
    replace_codes_at_random,
)
from dalle.networks.solver import guided
from dalle.pipeline.dalle import DALLE
from tests.tiny import tiny_model

CAPTIONS = ["a dog", "", "a green cat to the left of a red house"]
TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def model() -> DALLE:
    return tiny_model()


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(3, TINY.tokens, TINY.channels)


def test_there_and_back(model: DALLE, features: torch.Tensor) -> None:
    """Guards against directions that part: encode, then decode gives features back to 1% in 100 steps."""
    caption = model.read(CAPTIONS)
    latent = model.normalizer(features, caption, steps=100)
    assert (latent.noise - features).square().mean().sqrt() > 0.3  # it went somewhere
    assert torch.equal(latent.code, model.normalizer.reader(features, caption).mean)
    back = model.inverse_normalizer(latent, caption, steps=100)
    assert (back - features).square().mean().sqrt() < 0.01


def test_the_inverse_has_the_same_weights(model: DALLE) -> None:
    """Guards against a second field in the checkpoint."""
    assert InverseNormalizer(model.normalizer).velocity is model.normalizer.velocity
    assert not any(name.startswith("inverse") for name in model.state_dict())


def test_captions_and_codes_steer(model: DALLE, features: torch.Tensor) -> None:
    """Guards against a field that looks away from what it is told."""
    latent = Latent(torch.zeros(3, 20), features[:1].expand(3, -1, -1))
    drawn = model.inverse_normalizer(latent, model.read(CAPTIONS), 8)
    assert (torch.cdist(drawn.flatten(1), drawn.flatten(1)) + torch.eye(3)).min() > 0.05
    for number in range(20):
        code = torch.zeros(3, 20)
        code[:, number] = 2
        moved = model.inverse_normalizer(latent._replace(code=code), model.read(CAPTIONS), 8)
        assert (moved - drawn).abs().mean() > 1e-3, number


def test_a_code_that_moves_a_little_moves_the_mean_a_little() -> None:
    """Guards against rounding in bf16 that makes stairs of a slider's way."""
    codes = torch.zeros(33, 20)
    codes[:, 0] = torch.linspace(1.5, 2, 33)

    def way(dtype: torch.dtype) -> float:
        model = tiny_model().bfloat16().to(dtype)
        caption = model.read(["a dog"] * len(codes))
        means = model.normalizer.velocity.given(caption, codes.to(dtype)).mean
        return float(means.diff(dim=0).abs().sum() / (means[-1] - means[0]).abs().sum())

    assert way(torch.bfloat16) < 1.6 * way(torch.float32)


def test_guidance_one_is_none(model: DALLE, features: torch.Tensor) -> None:
    """Guards against guidance that changes pictures where it is turned off."""
    latent, caption = Latent(torch.randn(3, 20), features), model.read(CAPTIONS)
    plain = model.inverse_normalizer(latent, caption, 6)
    same = model.inverse_normalizer(latent, caption, 6, steer=lambda field: guided(field, [1.0] * 3))
    assert torch.equal(plain, same)


def test_a_field_sees_each_picture_alone(model: DALLE, features: torch.Tensor) -> None:
    """Guards against long captions, or other pictures, that leak into the rest of a batch."""
    code, time = torch.randn(3, 20), torch.rand(3)
    together = model.normalizer.velocity(features, time, model.read(CAPTIONS), code)
    for row, text in enumerate(CAPTIONS):
        one = slice(row, row + 1)
        alone = model.normalizer.velocity(features[one], time[one], model.read([text]), code[one])
        assert torch.allclose(together[one], alone, atol=1e-5)


def test_at_time_1_noise_tells_nothing(model: DALLE, features: torch.Tensor) -> None:
    """Guards against a mean that noise gets into, and against pictures at other times that go its way too."""
    code, time = torch.randn(3, 20), torch.tensor([1.0, 0.4, 1.0])
    field = model.normalizer.velocity.given(model.read(CAPTIONS), code)
    assert torch.equal(field(features, torch.ones(3)), features - field.mean)
    assert torch.equal(field(2 * features, torch.ones(3)), 2 * features - field.mean)
    mixed, alone = field(features, time), field(features, torch.full((3,), 0.4))
    assert torch.equal(mixed[::2], features[::2] - field.mean[::2])
    assert torch.allclose(mixed[1], alone[1], atol=1e-5)
    assert not torch.allclose(alone[0], features[0] - field.mean[0], atol=1e-2)


def test_what_is_refined_sees_the_mean_and_does_not_bend_it(features: torch.Tensor) -> None:
    """Guards against a flow that must find out anew what is known, and against means that please it."""
    velocity = tiny_model().normalizer.velocity.requires_grad_(True)
    field = velocity.given(tiny_model().read(CAPTIONS), torch.zeros(3, 20))
    refined = field.refine(features, torch.full((3,), 0.5)).sum()
    seen, bent = torch.autograd.grad(refined, [velocity.mean.weight, field.mean], allow_unused=True)
    assert seen.abs().max() > 0
    assert bent is None


def test_a_new_field_stands_still_and_its_blocks_change_nothing() -> None:
    """Guards against starts that training must first undo."""
    x = torch.randn(2, 4, 32)
    block = VelocityBlock(32, 2, 32)
    key_values = block.caption.key_values(torch.randn(2, 5, 32))
    assert torch.equal(block(x, torch.zeros(2, 6, 32), key_values, torch.ones(2, 1, 1, 5).bool()), x)


def test_the_information_of_a_code() -> None:
    """Guards against negative nats, and samples of another width than was said."""
    posterior = CodePosterior(torch.randn(500, 20), torch.randn(500, 20) - 1)
    assert (posterior.nats() >= 0).all()
    assert (CodePosterior(torch.zeros(2, 20), torch.zeros(2, 20)).nats() == 0).all()
    still = CodePosterior(torch.full((4000, 20), 2.0), torch.full((4000, 20), -2.0)).sample()
    assert still.mean(0) == pytest.approx(torch.full((20,), 2.0), abs=0.05)
    assert still.var(0).log() == pytest.approx(torch.full((20,), -2.0), abs=0.15)


@pytest.mark.parametrize("code_nats", [0.3, 1.0])
def test_every_number_is_pulled_to_its_information(code_nats: float) -> None:
    """Guards against codes that collapse to nothing, and against codes that can no longer be sampled.

    The field here is new and stands still, so that nothing is to be gained by a code.
    """
    reader = (normalizer := Normalizer(TINY)).reader
    caption = tiny_model().read([""] * 32)
    optimizer = torch.optim.Adam(reader.parameters(), 3e-3)
    features = torch.randn(32, TINY.tokens, TINY.channels)
    for _ in range(80):
        loss, _ = normalizer.loss(features, caption, code_nats)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    nats = reader(features, caption).nats().detach()
    assert nats == pytest.approx(torch.full((20,), code_nats), abs=0.15)


def test_in_half_precision_too(features: torch.Tensor) -> None:
    """Guards against dtypes that meet in the middle: weights in bf16 are what machines with bf16 load."""
    model = tiny_model().bfloat16()
    caption = model.read(CAPTIONS)
    latent = model.normalizer(features, caption, 4)
    assert latent.noise.dtype == latent.code.dtype == torch.float32
    assert model.inverse_normalizer(latent, caption, 4).isfinite().all()


def test_doubt_replaces_a_quarter_of_the_numbers_and_keeps_their_spread() -> None:
    """Guards against codes that a field believes against its caption, and against codes of no use at all."""
    code = torch.full((4000, 20), 5.0)
    kept = replace_codes_at_random(code) == code
    assert kept.all(1).float().mean() == pytest.approx(0.5, abs=0.05)
    assert kept.float().mean() == pytest.approx(0.75, abs=0.02)
    assert replace_codes_at_random(torch.randn(4000, 20)).var(0) == pytest.approx(torch.ones(20), abs=0.15)


def test_a_code_is_read_beside_its_caption(model: DALLE, features: torch.Tensor) -> None:
    """Guards against codes that repeat the caption, as they must where they are read without it."""
    same = features[:1].expand(3, -1, -1)
    codes = model.normalizer.reader(same, model.read(CAPTIONS)).mean
    assert (torch.cdist(codes, codes) + torch.eye(3)).min() > 1e-4
