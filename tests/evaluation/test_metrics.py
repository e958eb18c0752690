"""Tests of the metrics: known values, and limits."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from dalle.evaluation.metrics import (
    SSIM_K1,
    SSIM_K2,
    SSIM_SIGMA,
    SSIM_WINDOW,
    frechet_distance,
    nearest_neighbours,
    ssim,
    top_k_accuracy,
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_ssim_of_flat_images() -> None:
    """Guards against wrong constants or a wrong range: of flat images only the luminance term is left."""
    a, b = torch.full((1, 3, 16, 16), -0.5), torch.full((1, 3, 16, 16), 0.5)
    expected = (2 * 0.25 * 0.75 + SSIM_K1**2) / (0.25**2 + 0.75**2 + SSIM_K1**2)
    assert ssim(a, b).item() == pytest.approx(expected, abs=1e-6)


def test_ssim_by_its_definition() -> None:
    """Guards against another window than the paper's: compared with plain sums over one window."""
    a, b = noise(1, 1, SSIM_WINDOW, SSIM_WINDOW), noise(1, 1, SSIM_WINDOW, SSIM_WINDOW, seed=1)
    x, y = ((each[0, 0].double().numpy() + 1) / 2 for each in (a, b))
    down, across = np.mgrid[:SSIM_WINDOW, :SSIM_WINDOW] - SSIM_WINDOW // 2
    kernel = np.exp(-(down**2 + across**2) / (2 * SSIM_SIGMA**2))
    kernel /= kernel.sum()
    mx, my = (kernel * x).sum(), (kernel * y).sum()
    vx, vy = (kernel * (x - mx) ** 2).sum(), (kernel * (y - my) ** 2).sum()
    both = (kernel * (x - mx) * (y - my)).sum()
    luminance = (2 * mx * my + SSIM_K1**2) / (mx**2 + my**2 + SSIM_K1**2)
    expected = luminance * (2 * both + SSIM_K2**2) / (vx + vy + SSIM_K2**2)
    assert ssim(a.expand(1, 3, -1, -1), b.expand(1, 3, -1, -1)).item() == pytest.approx(expected, abs=1e-6)


def test_ssim_is_computed_for_each_image() -> None:
    """Guards against one value for the whole batch, and against mixing its images."""
    pictures = noise(2, 3, 24, 24)
    same, other = ssim(pictures, torch.stack([pictures[0], noise(3, 24, 24, seed=2)])).tolist()
    assert same == pytest.approx(1, abs=1e-6) and abs(other) < 0.2
    some = (pictures + 0.1 * noise(2, 3, 24, 24, seed=3), pictures + 0.4 * noise(2, 3, 24, 24, seed=3))
    assert (ssim(pictures, some[0]) > ssim(pictures, some[1])).all()


@pytest.mark.parametrize(("a", "b"), [((1, 3, 16, 16), (1, 3, 16, 17)), ((1, 3, 8, 16), (1, 3, 8, 16))])
def test_ssim_refuses(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Guards against broadcasting, and a window larger than the image."""
    with pytest.raises(ValueError, match="pictures"):
        ssim(torch.zeros(a), torch.zeros(b))


def test_frechet_distance_of_normals() -> None:
    """Guards against a wrong formula: sets whose means and standard deviations are known exactly."""
    corners = torch.tensor([[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)]) * math.sqrt(3) / 2  # identity
    assert frechet_distance(corners, corners) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(corners, corners + torch.tensor([3.0, 4.0])) == pytest.approx(25)
    # Standard deviations 1 and 3 along both axes: (1 - 3)**2 for each.
    assert frechet_distance(corners, 3 * corners) == pytest.approx(8)
    rotation = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    stretched = corners * torch.tensor([1.0, 4.0])
    assert frechet_distance(stretched, stretched @ rotation) == pytest.approx(
        _by_matrix_roots(stretched, rotation)
    )


def _by_matrix_roots(x: Tensor, rotation: Tensor) -> float:
    """The distance of x and x @ rotation, with the matrix root taken axis by axis."""
    root = torch.diag(torch.tensor([1.0, 4.0]))
    product = root @ rotation.T @ root**2 @ rotation @ root
    return float(2 * 17 - 2 * torch.linalg.eigvalsh(product.double()).sqrt().sum())


def test_frechet_distance_of_few_samples_in_many_dimensions() -> None:
    """Guards against NaN for singular covariances, and against a negative distance."""
    few = noise(5, 40)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(few, noise(7, 40, seed=1)) > 1


def test_frechet_distance_refuses() -> None:
    """Guards against features of two networks, and a set of one, which has no covariance."""
    for a, b in ((noise(4, 3), noise(4, 2)), (noise(1, 3), noise(4, 3))):
        with pytest.raises(ValueError, match="two sets"):
            frechet_distance(a, b)


def test_nearest_neighbours() -> None:
    """Guards against the farthest, against lengths that count, and against a feature that finds itself."""
    known = torch.tensor([[1.0, 0.0], [0.0, 5.0], [0.6, 0.8]])
    distances, indices = nearest_neighbours(torch.tensor([[9.0, 0.1], [0.0, 0.2]]), known)
    assert indices.tolist() == [0, 1] and distances.tolist() == pytest.approx([0, 0], abs=1e-3)
    distances, indices = nearest_neighbours(known, known, exclude=[0, 1, 2])
    assert indices.tolist() == [2, 2, 1] and distances.tolist() == pytest.approx([0.4, 0.2, 0.2])


def test_top_k_accuracy() -> None:
    """Guards against ranks that start at one, and a division by zero."""
    assert top_k_accuracy([0, 4, 5, 9], "real_") == {"real_top1": 0.25, "real_top5": 0.5}
    assert top_k_accuracy([]) == {"top1": 0, "top5": 0}
