"""How far pictures, and sets of pictures, are from each other: figures that need no trained network.

Peak signal-to-noise ratio is in images.py.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW, SIGMA = 11, 1.5  # pixels, of SSIM's Gaussian window
K1, K2 = 0.01, 0.03  # keep SSIM's quotients finite


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of pictures (B, 3, H, W) in [-1, 1] -> (B,), 1 where they are equal.

    The mean over channels and over all windows inside the picture; Wang et al., "Image quality assessment:
    from error visibility to structural similarity", 2004, with its constants.
    """
    if a.shape != b.shape:
        raise ValueError(f"only pictures of one shape compare; got {tuple(a.shape)} and {tuple(b.shape)}")
    if min(a.shape[-2:]) < WINDOW:
        raise ValueError(f"pictures must be {WINDOW} pixels a side or more; got {tuple(a.shape)}")
    x, y = ((each.double().clamp(-1, 1) + 1) / 2 for each in (a, b))
    means = _blurred(x), _blurred(y)
    variances = _blurred(x * x) - means[0] ** 2, _blurred(y * y) - means[1] ** 2
    covariance = _blurred(x * y) - means[0] * means[1]
    light = (2 * means[0] * means[1] + K1**2) / (means[0] ** 2 + means[1] ** 2 + K1**2)
    structure = (2 * covariance + K2**2) / (sum(variances) + K2**2)
    return (light * structure).mean((1, 2, 3)).float()


def _blurred(x: Tensor) -> Tensor:
    """(B, C, H, W) under a Gaussian window, only where it fits."""
    at = torch.arange(WINDOW, dtype=x.dtype) - WINDOW // 2
    bell = (-(at**2) / (2 * SIGMA**2)).exp()
    bell = (bell / bell.sum()).expand(x.shape[1], 1, 1, WINDOW)
    across = F.conv2d(x, bell, groups=x.shape[1])
    return F.conv2d(across, bell.transpose(2, 3), groups=x.shape[1])


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared distance of two normals, each fitted to features (M, D) of pictures (arXiv:1706.08500).

    It falls as M grows, so that only distances between sets of the same sizes compare.
    """
    if a.dim() != 2 or a.shape[1:] != b.shape[1:] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"two sets of two or more features of one width compare; got {tuple(a.shape)}, {tuple(b.shape)}"
        )
    a, b = a.double(), b.double()
    first, second = (torch.atleast_2d(torch.cov(each.T)) for each in (a, b))
    # The trace of sqrt(first @ second): the root of one makes the product symmetric, and its values real.
    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    gap = (a.mean(0) - b.mean(0)).square().sum()
    return max(0.0, float(gap + first.trace() + second.trace() - 2 * shared))


def nearest(features: Tensor, others: Tensor, itself: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
    """Cosine distance to the nearest of others (M, D), and which one it is; features (B, D) -> (B,), (B,).

    `itself`: for each, one of the others that does not count, since it is the same thing.
    """
    likeness = F.normalize(features, dim=-1) @ F.normalize(others, dim=-1).T
    likeness[range(len(itself)), itself] = -1
    best = likeness.max(1)
    return 1 - best.values, best.indices
