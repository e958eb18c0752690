"""Metrics that need no trained network: SSIM, Fréchet distance, nearest neighbours. PSNR: dalle/images.py."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Metrics = dict[str, Any]  # values by name, in nested groups: what evaluation.json holds

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5  # side and standard deviation of the Gaussian window, in pixels
SSIM_K1, SSIM_K2 = 0.01, 0.03  # stabilise the divisions; K1 and K2 of the paper


def fraction(values: Iterable[bool]) -> float:
    """The share of true values; 0 for none."""
    values = list(values)
    return sum(values) / max(len(values), 1)


def top_k_accuracy(ranks: Sequence[int], prefix: str = "") -> dict[str, float]:
    """Shares of ranks (from 0) below 1 and below 5, as PREFIXtop1 and PREFIXtop5; 0 without any rank."""
    return {f"{prefix}top{k}": sum(rank < k for rank in ranks) / max(len(ranks), 1) for k in (1, 5)}


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of images: two (B, 3, H, W) in [-1, 1] -> (B,), 1 for equal images.

    The mean over channels and over all windows inside the image; Wang et al., "Image quality assessment: from
    error visibility to structural similarity", 2004, with its constants. Raises ValueError if the shapes
    differ, or the images are smaller than the window.
    """
    if a.shape != b.shape:
        raise ValueError(f"only pictures of one shape compare; got {tuple(a.shape)} and {tuple(b.shape)}")
    if min(a.shape[-2:]) < SSIM_WINDOW:
        raise ValueError(f"pictures must be {SSIM_WINDOW} pixels a side or more; got {tuple(a.shape)}")
    x, y = ((each.double().clamp(-1, 1) + 1) / 2 for each in (a, b))
    mean_x, mean_y = _gaussian_filter(x), _gaussian_filter(y)
    variance_x, variance_y = _gaussian_filter(x * x) - mean_x**2, _gaussian_filter(y * y) - mean_y**2
    covariance = _gaussian_filter(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + SSIM_K1**2) / (mean_x**2 + mean_y**2 + SSIM_K1**2)
    structure = (2 * covariance + SSIM_K2**2) / (variance_x + variance_y + SSIM_K2**2)
    return (luminance * structure).mean((1, 2, 3)).float()


def _gaussian_filter(x: Tensor) -> Tensor:
    """Convolve (B, C, H, W) with the Gaussian window, without padding: H and W shrink by SSIM_WINDOW - 1."""
    offsets = torch.arange(SSIM_WINDOW, dtype=x.dtype) - SSIM_WINDOW // 2
    kernel = (-(offsets**2) / (2 * SSIM_SIGMA**2)).exp()
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, SSIM_WINDOW)
    rows = F.conv2d(x, kernel, groups=x.shape[1])
    return F.conv2d(rows, kernel.transpose(2, 3), groups=x.shape[1])


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of the normal distributions fitted to two sets of features (M, D) (arXiv:1706.08500).

    It falls as M grows, so only distances between sets of the same sizes can be compared. Raises ValueError
    if a set has fewer than two features, or the widths differ.
    """
    if a.dim() != 2 or a.shape[1:] != b.shape[1:] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"two sets of two or more features of one width compare; got {tuple(a.shape)}, {tuple(b.shape)}"
        )
    a, b = a.double(), b.double()
    cov_a, cov_b = (torch.atleast_2d(torch.cov(each.T)) for each in (a, b))
    # trace(sqrt(cov_a @ cov_b)) from the symmetric sqrt(cov_a) @ cov_b @ sqrt(cov_a): real eigenvalues.
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    trace = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    mean_term = (a.mean(0) - b.mean(0)).square().sum()
    return max(0.0, float(mean_term + cov_a.trace() + cov_b.trace() - 2 * trace))


def nearest_neighbours(
    features: Tensor, others: Tensor, exclude: Sequence[int] = ()
) -> tuple[Tensor, Tensor]:
    """Cosine distance (B,) of each of `features` (B, D) to the nearest of `others` (M, D); its index (B,).

    `exclude`: for each of the features the index of one that does not count, such as the feature itself.
    """
    similarity = F.normalize(features, dim=-1) @ F.normalize(others, dim=-1).T
    similarity[range(len(exclude)), exclude] = -1
    best = similarity.max(1)
    return 1 - best.values, best.indices
