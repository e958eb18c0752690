"""Tests of FeatureExtractor, Generator and the reconstruction loss."""

import pytest
import torch
from torch.nn import functional as F

from dalle.config import AutoencoderConfig
from dalle.networks.autoencoder import (
    Downsample,
    FeatureExtractor,
    FeaturePosterior,
    Generator,
    Upsample,
    reconstruction_loss,
)

FOLDED = AutoencoderConfig(widths=(8, 16, 16), encoder_blocks=1, decoder_blocks=1, channels=4, fold=2)


@pytest.fixture(scope="module")
def networks() -> tuple[FeatureExtractor, Generator]:
    torch.manual_seed(0)
    extractor, generator = FeatureExtractor(FOLDED), Generator(FOLDED)
    for network in (extractor, generator):
        network.eval().requires_grad_(False)
        network.fit_scale(3 + 2 * torch.randn(64, 4, 4, 4))
    return extractor, generator


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(2, 3, 96, 96) * 2 - 1


def test_folding_and_scale_cancel(networks: tuple, pictures: torch.Tensor) -> None:
    """Guards against networks that disagree about the order or the scale of features."""
    extractor, generator = networks
    features = extractor(pictures)
    assert features.shape == (2, 9, 16)
    generator.mean.copy_(extractor.mean), generator.deviation.copy_(extractor.deviation)
    raw = generator.decode_raw(extractor.posterior(pictures).mean)
    assert torch.allclose(generator(features), raw.clamp(-1, 1), atol=1e-5)


def test_features_are_standardised(networks: tuple) -> None:
    """Guards against features of another scale than noise."""
    extractor, _ = networks
    pictures = torch.rand(16, 3, 64, 64) * 2 - 1
    extractor.fit_scale(extractor.posterior(pictures).mean)
    cells = extractor(pictures).unflatten(2, (4, 4)).movedim(2, 0).flatten(1)  # a row a channel
    assert cells.mean(1) == pytest.approx(torch.zeros(4), abs=1e-4)
    assert cells.std(1) == pytest.approx(torch.ones(4), abs=1e-3)


def test_a_token_changes_its_own_part_of_the_image(networks: tuple) -> None:
    """Guards against features that are transposed or shuffled between cells and tokens."""
    _, generator = networks
    features = torch.randn(1, 16, 16).repeat(17, 1, 1)
    for token in range(16):
        features[token, token] *= -1
    moved = (generator(features) - generator(features)[16]).abs().sum(1)[:16]
    blocks = moved.unflatten(1, (4, 32)).unflatten(3, (4, 32)).mean((2, 4)).flatten(1)
    assert torch.equal(blocks.argmax(1), torch.arange(16))


def test_the_posterior(networks: tuple, pictures: torch.Tensor) -> None:
    """Guards against samples of another variance, and negative KL divergence."""
    posterior = networks[0].posterior(pictures)
    assert posterior.kl() > 0
    mean, log_variance = torch.full((1, 1, 100, 100), 3.0), torch.full((1, 1, 100, 100), -2.0)
    sample = FeaturePosterior(mean, log_variance).sample()
    assert sample.mean() == pytest.approx(3, abs=0.02)
    assert sample.var().log() == pytest.approx(-2, abs=0.05)
    assert FeaturePosterior(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).kl() == 0


def test_changes_of_resolution_start_near_their_shortcut() -> None:
    """Guards against shortcuts that lose the mean, so that every level must learn it again."""
    down, up = Downsample(8, 16), Upsample(16, 8)
    for layer in (down, up):
        torch.nn.init.zeros_(layer.conv.weight), torch.nn.init.zeros_(layer.conv.bias)
    flat = torch.randn(2, 8, 1, 1).expand(2, 8, 6, 6)
    assert torch.allclose(up(down(flat)), flat, atol=1e-6)


def test_the_reconstruction_loss_is_zero_only_for_equal_images() -> None:
    """Guards against a difference that no term of the loss measures."""
    picture = torch.rand(1, 3, 32, 32)
    assert reconstruction_loss(picture, picture) == 0
    moved, brighter = picture.roll(1, -1), picture + 0.1
    blurred = F.interpolate(F.avg_pool2d(picture, 2), scale_factor=2)
    assert min(reconstruction_loss(other, picture) for other in (moved, brighter, blurred)) > 0.05
    assert reconstruction_loss(brighter, picture) == pytest.approx(0.1, rel=1e-3)
