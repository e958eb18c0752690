"""Tests of dalle/editing/matting.py, on images whose true alpha is known."""

import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dalle.data.scenes.composer import Composer
from dalle.editing import matting
from tests.fakes import fake_emoji


def disc_image(size: int, background: str, colour: str = "red") -> tuple[Image.Image, np.ndarray]:
    """An antialiased disc with a white spot, and its alpha (size, size)."""
    large = Image.new("L", (4 * size, 4 * size))
    ImageDraw.Draw(large).ellipse([size // 2, size // 2, 7 * size // 2, 7 * size // 2], 255)
    alpha = large.resize((size, size), Image.Resampling.BOX)
    picture = Image.composite(
        Image.new("RGB", alpha.size, colour), Image.new("RGB", alpha.size, background), alpha
    )
    picture.paste("white", (size // 2 - 3, size // 2 - 3, size // 2 + 3, size // 2 + 3))
    return picture, np.asarray(alpha) / 255


@pytest.mark.parametrize("background", ["white", "black", "#fdd032", "#2a70d8"])
def test_the_alpha_of_a_soft_edge_is_found(background: str) -> None:
    """Guards against a fringe of the old background, and against a white eye that becomes a hole."""
    picture, alpha = disc_image(64, background)
    matted = np.asarray(matting.extract_foreground(picture)) / 255
    assert np.abs(matted[..., 3] - alpha).mean() < 0.01
    assert matted[32, 32, 3] == 1
    on_green = matted[..., 3:] * matted[..., :3] + (1 - matted[..., 3:]) * [0, 1, 0]
    expected = alpha[..., None] * (np.asarray(picture) / 255) + (1 - alpha[..., None]) * [0, 1, 0]
    assert np.abs(on_green - expected).mean() < 0.02


def test_connected_components_match_a_flood_fill() -> None:
    """Guards against components that differ from a flood fill from the border, pixel by pixel."""
    rng = np.random.default_rng(0)
    for share in (0.3, 0.5, 0.6, 0.7, 0.9):
        mask = rng.random((37, 53)) < share
        filled = np.zeros((39, 55), bool)
        filled[[0, -1]] = filled[:, [0, -1]] = True
        while True:
            near = filled[:-2, 1:-1] | filled[2:, 1:-1] | filled[1:-1, :-2] | filled[1:-1, 2:]
            if not (mask & near & ~filled[1:-1, 1:-1]).any():
                break
            filled[1:-1, 1:-1] |= mask & near
        assert (matting._connected_to_border(mask) == filled[1:-1, 1:-1]).all()


def test_a_winding_background_takes_no_longer() -> None:
    """Guards against a small file that keeps a core busy for minutes."""
    mask = np.zeros((2048, 2048), bool)
    mask[1:-1:2] = mask[2:-1:4, -2] = mask[4:-1:4, 1] = True
    mask[:, [0, -1]] = False
    mask[0, 1] = True  # the only way in
    start = time.process_time()
    assert (matting._connected_to_border(mask) == mask).all()
    assert time.process_time() - start < 10  # about a second


def test_a_hole_before_a_coloured_background_is_transparent() -> None:
    """Guards against a ring that is filled with the background's colour."""
    ring = Image.new("RGB", (64, 64), "#fdd032")
    ImageDraw.Draw(ring).ellipse([8, 8, 56, 56], "red")
    ImageDraw.Draw(ring).ellipse([24, 24, 40, 40], "#fdd032")
    alpha = np.asarray(matting.extract_foreground(ring))[..., 3]
    assert alpha[32, 32] == 0 and alpha[32, 16] == 255


def test_an_image_of_background_alone_is_transparent() -> None:
    """Guards against errors for images without foreground, and for a single pixel."""
    for size in ((1, 1), (40, 3)):
        assert np.asarray(matting.extract_foreground(Image.new("RGB", size, "blue")))[..., 3].max() == 0


def test_a_background_that_is_not_flat_is_refused() -> None:
    noise = Image.effect_noise((64, 64), 120).convert("RGB")
    with pytest.raises(ValueError, match="not one flat colour"):
        matting.extract_foreground(noise)
    with pytest.raises(ValueError, match="too large to cut out"):
        matting.extract_foreground(Image.new("RGB", (3000, 3000)))


def test_matting_of_composed_scenes_beats_a_threshold() -> None:
    """Guards against matting that is no better than one comparison with the corner's colour."""
    composer, matting_errors, threshold_errors = Composer(fake_emoji(), size=64), [], []
    for index in range(12):
        scene = composer.scene(index, "colour")
        pixels = composer.renderer.render(scene)
        on_black, on_white = (
            composer.renderer.render(replace(scene, background=(level,) * 3)).astype(float)
            for level in (0, 255)
        )
        true_alpha = 1 - (on_white - on_black).mean(-1) / 255
        alpha = np.asarray(matting.extract_foreground(Image.fromarray(pixels)))[..., 3] / 255
        above_threshold = np.abs(pixels - pixels[0, 0].astype(float)).max(-1) > 12
        matting_errors.append(np.abs(alpha - true_alpha).mean())
        threshold_errors.append(np.abs(above_threshold - true_alpha).mean())
    assert np.mean(matting_errors) <= np.mean(threshold_errors) and np.mean(matting_errors) < 0.03
