"""Laws of the metrics: known values, and ends that cannot be passed."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from dalle.evaluation.metrics import K1, K2, SIGMA, WINDOW, frechet_distance, nearest, ssim


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_structural_similarity_of_flat_pictures() -> None:
    """Guards against wrong constants or a wrong range: of flat pictures only the light term is left."""
    a, b = torch.full((1, 3, 16, 16), -0.5), torch.full((1, 3, 16, 16), 0.5)
    expected = (2 * 0.25 * 0.75 + K1**2) / (0.25**2 + 0.75**2 + K1**2)
    assert ssim(a, b).item() == pytest.approx(expected, abs=1e-6)


def test_structural_similarity_by_its_definition() -> None:
    """Guards against a window that is not what the paper says: against plain sums over one window."""
    a, b = noise(1, 1, WINDOW, WINDOW), noise(1, 1, WINDOW, WINDOW, seed=1)
    x, y = ((each[0, 0].double().numpy() + 1) / 2 for each in (a, b))
    down, across = np.mgrid[:WINDOW, :WINDOW] - WINDOW // 2
    bell = np.exp(-(down**2 + across**2) / (2 * SIGMA**2))
    bell /= bell.sum()
    mx, my = (bell * x).sum(), (bell * y).sum()
    vx, vy = (bell * (x - mx) ** 2).sum(), (bell * (y - my) ** 2).sum()
    both = (bell * (x - mx) * (y - my)).sum()
    light = (2 * mx * my + K1**2) / (mx**2 + my**2 + K1**2)
    expected = light * (2 * both + K2**2) / (vx + vy + K2**2)
    assert ssim(a.expand(1, 3, -1, -1), b.expand(1, 3, -1, -1)).item() == pytest.approx(expected, abs=1e-6)


def test_structural_similarity_tells_pictures_apart() -> None:
    """Guards against a figure that is one for all, or that mixes the pictures of a batch."""
    pictures = noise(2, 3, 24, 24)
    same, other = ssim(pictures, torch.stack([pictures[0], noise(3, 24, 24, seed=2)])).tolist()
    assert same == pytest.approx(1, abs=1e-6) and abs(other) < 0.2
    some = (pictures + 0.1 * noise(2, 3, 24, 24, seed=3), pictures + 0.4 * noise(2, 3, 24, 24, seed=3))
    assert (ssim(pictures, some[0]) > ssim(pictures, some[1])).all()


@pytest.mark.parametrize(("a", "b"), [((1, 3, 16, 16), (1, 3, 16, 17)), ((1, 3, 8, 16), (1, 3, 8, 16))])
def test_structural_similarity_refuses(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Guards against broadcasting, and a window larger than the picture."""
    with pytest.raises(ValueError, match="pictures"):
        ssim(torch.zeros(a), torch.zeros(b))


def test_frechet_distance_of_normals() -> None:
    """Guards against a wrong formula: sets whose means and deviations are known exactly."""
    corners = torch.tensor([[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)]) * math.sqrt(3) / 2  # identity
    assert frechet_distance(corners, corners) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(corners, corners + torch.tensor([3.0, 4.0])) == pytest.approx(25)
    # Deviations 1 and 3 along both axes: (1 - 3)**2 for each.
    assert frechet_distance(corners, 3 * corners) == pytest.approx(8)
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    stretched = corners * torch.tensor([1.0, 4.0])
    assert frechet_distance(stretched, stretched @ turn) == pytest.approx(_by_roots(stretched, turn))


def _by_roots(x: Tensor, turn: Tensor) -> float:
    """The distance of x and x @ turn by square roots of matrices taken axis by axis."""
    root = torch.diag(torch.tensor([1.0, 4.0]))
    product = root @ turn.T @ root**2 @ turn @ root
    return float(2 * 17 - 2 * torch.linalg.eigvalsh(product.double()).sqrt().sum())


def test_frechet_distance_of_few_pictures_in_many_dimensions() -> None:
    """Guards against NaN where the covariances are singular, and against a distance below zero."""
    few = noise(5, 40)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(few, noise(7, 40, seed=1)) > 1


def test_frechet_distance_refuses() -> None:
    """Guards against features of two networks, and a set of one picture, which has no spread."""
    for a, b in ((noise(4, 3), noise(4, 2)), (noise(1, 3), noise(4, 3))):
        with pytest.raises(ValueError, match="two sets"):
            frechet_distance(a, b)


def test_the_nearest() -> None:
    """Guards against the farthest, against lengths that count, and against a picture that finds itself."""
    known = torch.tensor([[1.0, 0.0], [0.0, 5.0], [0.6, 0.8]])
    gaps, which = nearest(torch.tensor([[9.0, 0.1], [0.0, 0.2]]), known)
    assert which.tolist() == [0, 1] and gaps.tolist() == pytest.approx([0, 0], abs=1e-3)
    gaps, which = nearest(known, known, itself=[0, 1, 2])
    assert which.tolist() == [2, 2, 1] and gaps.tolist() == pytest.approx([0.4, 0.2, 0.2])
