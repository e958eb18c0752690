"""The axes of the code, turned so that each number does one thing that a person sees.

A standard normal looks the same from every side. So the code may be turned by any rotation, and the model is
the same with other numbers: what flow matching left mixed (size and warmth on one slider, half of each) is
sorted out afterwards. The axes are found by regression of what can be measured in pictures on the codes that
drew them, after SeFa and GANSpace (arXiv:2007.06600, 2004.02546), which look for such directions in GANs.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from dalle import runtime
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.release.slider_naming import CLEAR, HIGH, LOW, table, within_prompt_std

CODES = 16  # drawn for each recipe
SIDE = 16  # pixels of the thumbnails that the axes without a name are found from


@torch.no_grad()
def rotate_code(model: DALLE, axes: Tensor) -> None:
    """Make `axes` (K, K), orthonormal rows in terms of the old code, the new code's numbers."""
    velocity, output = model.normalizer.velocity, model.normalizer.reader.output
    axes = axes.to(velocity.code.weight)
    numbers = len(axes)
    velocity.code.weight.copy_(velocity.code.weight @ axes.T)
    # The posterior's covariance is diagonal before and after: what it has beside the diagonal is dropped.
    for part, turned in ((slice(numbers), axes), (slice(numbers, None), axes.square())):
        output.weight[part] = turned @ output.weight[part]
        output.bias[part] = turned @ output.bias[part]


def find_rotation(model: DALLE, recipes: Sequence[Recipe]) -> Tensor:
    """Axes (K, K) by which pictures of these recipes differ in one property each, as far as they can.

    The strongest property gets its axis first, the next one what is left of its own, and so on; the rest of
    the space goes to whatever changes the picture most.
    """
    codes, properties, thumbnails = _observed(model, recipes)
    effects = np.linalg.lstsq(codes, properties, rcond=None)[0].T  # (P, K), deviations a unit of the code
    axes = np.zeros((0, codes.shape[1]))
    left = list(effects)
    while left and len(axes) < codes.shape[1]:
        left = [effect - axes.T @ (axes @ effect) for effect in left]
        best = max(range(len(left)), key=lambda at: np.linalg.norm(left[at]))
        effect = left.pop(best)
        if np.linalg.norm(effect) * (HIGH - LOW) < CLEAR:
            break
        axes = np.vstack([axes, effect / np.linalg.norm(effect)])
    rest = np.linalg.lstsq(codes, thumbnails, rcond=None)[0]  # (K, pixels)
    rest = rest - axes.T @ (axes @ rest)
    directions = np.linalg.svd(rest, full_matrices=False)[0].T[: codes.shape[1] - len(axes)]
    # QR keeps what is orthonormal already, up to signs, and fills in where pictures leave a direction open.
    basis, triangle = np.linalg.qr(np.vstack([axes, directions]).T)
    return torch.from_numpy((basis * np.where(np.diag(triangle) < 0, -1, 1)).T)


def _observed(model: DALLE, recipes: Sequence[Recipe]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (M, K), properties (M, P) in deviations, thumbnails (M, pixels): each less its recipe's mean."""
    codes, properties, thumbnails = [], [], []
    spread = within_prompt_std(model, recipes)
    for number, recipe in enumerate(recipes):
        drawn = torch.randn(CODES, model.config.flow.code, generator=runtime.generator(number))
        pictures = model.draw([replace(recipe, code=tuple(code)) for code in drawn.tolist()])
        found = table(pictures)
        small = [np.asarray(p.image.resize((SIDE, SIDE)), np.float64).ravel() for p in pictures]
        of_all = (
            drawn.double().numpy(),
            np.stack([found[n] / spread[n] for n in spread], 1),
            np.stack(small),
        )
        for values, kept in zip(of_all, (codes, properties, thumbnails), strict=True):
            kept.append(values - values.mean(0))
    return np.concatenate(codes), np.concatenate(properties), np.concatenate(thumbnails)
