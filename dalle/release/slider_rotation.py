"""Rotates the code so that each number changes one visible property.

A standard normal is invariant under rotations, so the code may be rotated after training without changing
what the model can draw; training leaves properties mixed (size and warmth on one number, half of each). The
axes are found by linear regression of measured properties on the codes, in the spirit of SeFa and GANSpace
(arXiv:2007.06600, 2004.02546), which find such directions in GANs. Told numbers stay what they are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from dalle import runtime
from dalle.networks.model import DALLEModel
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.release.slider_naming import HIGH, LOW, MIN_EFFECT, property_table, within_prompt_std

CODES_PER_RECIPE = 16
THUMBNAIL_SIZE = 16  # pixels a side, for the axes that no property determines


@torch.no_grad()
def rotate_code(model: DALLEModel, axes: Tensor) -> None:
    """Rotate the model's code in place; `axes` (K, K): orthonormal rows, the new axes in the old code."""
    velocity, output = model.normalizer.velocity, model.normalizer.reader.output
    axes = axes.to(velocity.code.weight)
    numbers = len(axes)
    velocity.code.weight.copy_(velocity.code.weight @ axes.T)
    if isinstance(velocity.code_tokens, Tensor):
        velocity.code_tokens.copy_(torch.einsum("jk,knw->jnw", axes, velocity.code_tokens))
    # The posterior stays diagonal: the off-diagonal part of its rotated covariance is dropped.
    for part, rotation in ((slice(numbers), axes), (slice(numbers, None), axes.square())):
        output.weight[part] = rotation @ output.weight[part]
        output.bias[part] = rotation @ output.bias[part]


def find_rotation(pipeline: DALLE, recipes: Sequence[Recipe]) -> Tensor:
    """Orthonormal axes (K, K), each aligned with one property of pictures of the recipes, where possible.

    Those of told numbers are their own; below, K counts the learnt numbers alone.
    Greedy: the property with the largest effect gets its axis first, the next one what is orthogonal to it,
    and so on. The remaining axes are principal directions of change of a thumbnail.
    """
    codes, properties, thumbnails = _observe(pipeline, recipes)
    effects = np.linalg.lstsq(codes, properties, rcond=None)[
        0
    ].T  # (P, K), standard deviations per unit of the code
    axes = np.zeros((0, codes.shape[1]))
    remaining = list(effects)
    while remaining and len(axes) < codes.shape[1]:
        remaining = [effect - axes.T @ (axes @ effect) for effect in remaining]
        norms = [np.linalg.norm(effect) for effect in remaining]
        effect = remaining.pop(int(np.argmax(norms)))
        if np.linalg.norm(effect) * (HIGH - LOW) < MIN_EFFECT:
            break
        axes = np.vstack([axes, effect / np.linalg.norm(effect)])
    rest = np.linalg.lstsq(codes, thumbnails, rcond=None)[0]  # (K, pixels)
    rest = rest - axes.T @ (axes @ rest)
    directions = np.linalg.svd(rest, full_matrices=False)[0].T[: codes.shape[1] - len(axes)]
    # QR keeps orthonormal columns up to their signs, and completes the basis.
    basis, triangle = np.linalg.qr(np.vstack([axes, directions]).T)
    found = torch.eye(pipeline.model.config.flow.code, dtype=torch.float64)
    told = pipeline.model.config.flow.told
    found[told:, told:] = torch.from_numpy((basis * np.where(np.diag(triangle) < 0, -1, 1)).T)
    return found


def _observe(pipeline: DALLE, recipes: Sequence[Recipe]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (M, K), properties (M, P) in standard deviations, thumbnails (M, pixels), less recipe means.

    The pictures have the plain view and light.
    """
    codes, properties, thumbnails = [], [], []
    told = pipeline.model.config.flow.told
    deviations = within_prompt_std(pipeline, recipes)
    for number, recipe in enumerate(recipes):
        drawn = torch.randn(
            CODES_PER_RECIPE, pipeline.model.config.flow.code, generator=runtime.seeded_generator(number)
        )
        drawn[:, :told] = 0
        pictures = pipeline.draw([replace(recipe, code=tuple(code)) for code in drawn.tolist()])
        measured = property_table(pictures)
        small = [
            np.asarray(p.image.resize((THUMBNAIL_SIZE, THUMBNAIL_SIZE)), np.float64).ravel() for p in pictures
        ]
        observed = (
            drawn[:, told:].double().numpy(),
            np.stack([measured[n] / deviations[n] for n in deviations], 1),
            np.stack(small),
        )
        for values, rows in zip(observed, (codes, properties, thumbnails), strict=True):
            rows.append(values - values.mean(0))
    return np.concatenate(codes), np.concatenate(properties), np.concatenate(thumbnails)
