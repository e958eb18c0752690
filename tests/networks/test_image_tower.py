"""Laws of the image tower and of learning captions beside pictures."""

import pytest
import torch
from torch.nn import functional as F

from dalle.config import TowerConfig
from dalle.networks.image_tower import ImageTower, contrastive_loss

NOTHING = torch.zeros(4, 4, dtype=torch.bool)


@pytest.fixture(scope="module")
def tower() -> ImageTower:
    torch.manual_seed(0)
    return ImageTower(TowerConfig(size=32, widths=(8, 16)), 24).eval().requires_grad_(False)


def test_pictures_of_any_size_become_unit_vectors(tower: ImageTower) -> None:
    """Guards against ranking by brightness or by size instead of by what is seen."""
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    large = F.interpolate(pictures, scale_factor=4, mode="nearest")
    assert tower(large).norm(dim=1) == pytest.approx(torch.ones(2), abs=1e-5)
    assert torch.allclose(tower(large), tower(pictures), atol=1e-5)


def test_the_loss_by_its_definition() -> None:
    """Guards against a loss that compares only one way, or with the wrong partner."""
    logits = torch.randn(4, 4)
    rows = -(logits.softmax(1).diagonal().log()).mean()
    columns = -(logits.softmax(0).diagonal().log()).mean()
    assert torch.isclose(contrastive_loss(logits, NOTHING), (rows + columns) / 2)
    assert contrastive_loss(100 * torch.eye(4), NOTHING) < 1e-6


def test_what_is_also_true_is_no_negative() -> None:
    """Guards against teaching that a dog's picture is not `a dog` when two of a batch are."""
    logits, also = torch.randn(4, 4, requires_grad=True), NOTHING.clone()
    also[0, 2] = also[1, 1] = True  # a caption is true of its own picture as well
    contrastive_loss(logits, also).backward()
    assert logits.grad[0, 2] == 0
    assert (logits.grad != 0).sum() == 15
    assert contrastive_loss(logits, torch.ones_like(also)) == 0


def test_distance_is_zero_to_itself_and_grows(tower: ImageTower) -> None:
    """Guards against a perceptual loss that the wrong picture could satisfy."""
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    noise = torch.randn_like(pictures)
    near, far = (tower.distance(pictures, pictures + scale * noise) for scale in (0.1, 1.0))
    assert tower.distance(pictures, pictures) == 0 < near < far


def test_logits_stay_bounded(tower: ImageTower) -> None:
    """Guards against a temperature that runs away and makes the loss infinite."""
    vectors = F.normalize(torch.randn(3, 24), dim=1)
    tower.temperature.data.fill_(50.0)
    assert tower.logits(vectors, vectors).abs().max() <= 100.001
