"""Tests of dalle/editing/inpainting.py: blending of a generated region."""

import math

import numpy as np
import pytest
from PIL import Image

from dalle.editing import inpainting

SIZE = 32


def corner_mask(side: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:side, :side] = True
    return mask


def blend_grey_into_black(side: int) -> np.ndarray:
    """The second row, (SIZE,) grey levels, of grey that is blended into the corner of a black image."""
    known, generated = Image.new("RGB", (SIZE, SIZE), "black"), Image.new("RGB", (SIZE, SIZE), "gray")
    return np.asarray(inpainting.blend(known, generated, corner_mask(side)))[1, :, 0].astype(int)


def test_the_generated_region_is_corrected_to_meet_the_border() -> None:
    """Guards against a step at the mask's border that fading alone leaves, and a seam at the image's edge."""
    row = blend_grey_into_black(20)
    assert row[20:].tolist() == [0] * 12
    steps = -np.diff(row)
    assert steps.min() >= 0 and steps.max() <= math.ceil(128 / (inpainting.FEATHER + 1))
    assert 0 < steps[19] <= 128 / (inpainting.FEATHER + 1) / 3


def test_the_correction_stays_near_the_border() -> None:
    """Guards against an object that is tinted as a whole because another one meets it at the border."""
    assert blend_grey_into_black(30)[:10].min() >= 125


@pytest.mark.parametrize("seed", range(4))
def test_any_blend_is_exact_outside_and_deterministic(seed: int) -> None:
    """Guards against a correction that leaves the mask, or does not converge, on images of pure noise."""
    rng = np.random.default_rng(seed)
    known, generated = (Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)) for _ in range(2))
    mask = rng.random((SIZE, SIZE)) < (0, 0.3, 0.9, 1)[seed]
    first, second = (np.asarray(inpainting.blend(known, generated, mask)) for _ in range(2))
    assert (first == second).all()
    assert (first == np.asarray(known))[~mask].all()
