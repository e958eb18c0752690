"""Tests of the code's posterior and of code dropout."""

import pytest
import torch

from dalle.config import PRESETS
from dalle.networks.code_encoder import CodePosterior, replace_codes_at_random
from dalle.networks.model import DALLEModel
from tests.tiny import tiny_model

CAPTIONS = ["a dog", "", "a green cat to the left of a red house"]
TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def model() -> DALLEModel:
    return tiny_model()


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(3, TINY.tokens, TINY.channels)


def test_the_information_of_a_code() -> None:
    """Guards against negative nats, and samples of another variance."""
    posterior = CodePosterior(torch.randn(500, 20), torch.randn(500, 20) - 1)
    assert (posterior.nats() >= 0).all()
    assert (CodePosterior(torch.zeros(2, 20), torch.zeros(2, 20)).nats() == 0).all()
    samples = CodePosterior(torch.full((4000, 20), 2.0), torch.full((4000, 20), -2.0)).sample()
    assert samples.mean(0) == pytest.approx(torch.full((20,), 2.0), abs=0.05)
    assert samples.var(0).log() == pytest.approx(torch.full((20,), -2.0), abs=0.15)


def test_a_quarter_of_the_numbers_is_replaced_and_the_variance_stays() -> None:
    """Guards against a flow that follows codes against its caption, or ignores them."""
    code = torch.full((4000, 20), 5.0)
    kept = replace_codes_at_random(code) == code
    assert kept.all(1).float().mean() == pytest.approx(0.5, abs=0.05)
    assert kept.float().mean() == pytest.approx(0.75, abs=0.02)
    assert replace_codes_at_random(torch.randn(4000, 20)).var(0) == pytest.approx(torch.ones(20), abs=0.15)


def test_a_code_depends_on_the_caption(model: DALLEModel, features: torch.Tensor) -> None:
    """Guards against codes that repeat the caption, as they do without it as an input."""
    same = features[:1].expand(3, -1, -1)
    codes = model.normalizer.reader(same, model.encode_text(CAPTIONS)).mean
    assert (torch.cdist(codes, codes) + torch.eye(3)).min() > 1e-4
