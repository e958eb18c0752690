"""Tests of the image tower and the contrastive loss."""

import pytest
import torch
from torch.nn import functional as F

from dalle.config import TowerConfig
from dalle.networks.image_tower import ImageTower, contrastive_loss

NO_PAIRS = torch.zeros(4, 4, dtype=torch.bool)


@pytest.fixture(scope="module")
def tower() -> ImageTower:
    torch.manual_seed(0)
    return ImageTower(TowerConfig(size=32, widths=(8, 16)), 24).eval().requires_grad_(False)


def test_images_of_any_size_have_unit_embeddings(tower: ImageTower) -> None:
    """Guards against embeddings that depend on the size of an image."""
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    large = F.interpolate(pictures, scale_factor=4, mode="nearest")
    assert tower(large).norm(dim=1) == pytest.approx(torch.ones(2), abs=1e-5)
    assert torch.allclose(tower(large), tower(pictures), atol=1e-5)


def test_the_contrastive_loss_equals_its_definition() -> None:
    """Guards against a loss in one direction only, or with wrong pairs."""
    logits = torch.randn(4, 4)
    rows = -(logits.softmax(1).diagonal().log()).mean()
    columns = -(logits.softmax(0).diagonal().log()).mean()
    assert torch.isclose(contrastive_loss(logits, NO_PAIRS), (rows + columns) / 2)
    assert contrastive_loss(100 * torch.eye(4), NO_PAIRS) < 1e-6


def test_positive_pairs_are_no_negatives() -> None:
    """Guards against training `a dog` away from one of two dogs of a batch."""
    logits, pairs = torch.randn(4, 4, requires_grad=True), NO_PAIRS.clone()
    pairs[0, 2] = pairs[1, 1] = True  # a caption is true of its own image as well
    contrastive_loss(logits, pairs).backward()
    assert logits.grad[0, 2] == 0
    assert (logits.grad != 0).sum() == 15
    assert contrastive_loss(logits, torch.ones_like(pairs)) == 0


def test_distance_is_zero_to_itself_and_grows(tower: ImageTower) -> None:
    """Guards against a perceptual distance that another image minimises."""
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    noise = torch.randn_like(pictures)
    near, far = (tower.distance(pictures, pictures + scale * noise) for scale in (0.1, 1.0))
    assert tower.distance(pictures, pictures) == 0 < near < far


def test_logits_stay_bounded(tower: ImageTower) -> None:
    """Guards against a temperature that grows until the loss is infinite."""
    vectors = F.normalize(torch.randn(3, 24), dim=1)
    tower.temperature.data.fill_(50.0)
    assert tower.logits(vectors, vectors).abs().max() <= 100.001
