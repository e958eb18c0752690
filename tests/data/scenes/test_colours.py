"""Names of colours, and recolouring."""

import numpy as np
import pytest

from dalle.data.scenes.colours import (
    COLOURS,
    NEUTRAL,
    dominant_colour,
    nearest_colour,
    oklab_to_rgb,
    recolour,
    rgb_to_oklab,
)


def icon(body: tuple[int, int, int], size: int = 48) -> np.ndarray:
    """A shaded disc with a dark rim, one white eye and a black pupil."""
    down, across = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    radius = np.hypot(across, down)
    rgba = np.zeros((size, size, 4), np.uint8)
    shade = (1 - 0.25 * (across + down) / 2)[..., None]
    rgba[..., :3] = np.clip(np.array(body) * shade, 0, 255)
    rgba[..., :3][radius > 0.85] = 30
    rgba[..., :3][np.hypot(across - 0.3, down + 0.3) < 0.2] = 255
    rgba[..., :3][np.hypot(across - 0.3, down + 0.3) < 0.08] = 10
    rgba[..., 3] = 255 * (radius < 0.95)
    return rgba


BODIES = {
    "ginger": (250, 190, 60),
    "elephant": (150, 152, 158),
    "snow": (245, 246, 250),
    "night": (45, 45, 52),
    "frog": (110, 180, 60),
    "sea": (30, 90, 200),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", COLOURS)
def test_recoloured_icon_is_that_colour(body, name):
    """Guards against a "green elephant" that stays grey and a "black cat" that comes out brown."""
    painted = recolour(icon(BODIES[body]), name)
    pixels = painted[painted[..., 3] > 128][:, :3]
    strength = pixels.max(1).astype(int) - pixels.min(1)
    if name not in NEUTRAL:
        pixels = pixels[strength > 60]
    assert nearest_colour(tuple(np.median(pixels, 0).astype(int))) == name
    assert dominant_colour(painted[painted[..., 3] > 128][:, :3]) == name


@pytest.mark.parametrize("name", COLOURS)
def test_recolouring_keeps_shape_outline_and_shading(name):
    """Guards against flat silhouettes: alpha, dark rim and pupil stay, and light is lighter than shade."""
    before = icon(BODIES["ginger"])
    after = recolour(before, name)
    assert (after[..., 3] == before[..., 3]).all()
    light = rgb_to_oklab(after[..., :3])[..., 0]
    assert light[2, 24] < 0.35  # the rim
    assert light[12, 14] > light[34, 36]  # lit side, shaded side
    assert after[16, 30, :3].max() < 60  # the pupil


def test_recolour_changes_nothing_else():
    """Guards against writing into the read-only icon file, and an error for an empty icon."""
    before = icon(BODIES["frog"])
    copy = before.copy()
    recolour(before, "red")
    assert (before == copy).all()
    empty = np.zeros((8, 8, 4), np.uint8)
    assert (recolour(empty, "red") == empty).all()


def test_names_of_colours():
    """Guards against a palette in which two names blur, and against shades that lose their name."""
    assert all(nearest_colour(rgb) == name for name, rgb in COLOURS.items())
    names = {
        (255, 0, 0): "red",
        (120, 10, 15): "red",
        (255, 165, 0): "orange",
        (255, 255, 0): "yellow",
        (0, 90, 20): "green",
        (150, 230, 150): "green",
        (0, 0, 160): "blue",
        (150, 200, 255): "blue",
        (100, 0, 130): "purple",
        (255, 192, 203): "pink",
        (90, 55, 30): "brown",
        (0, 0, 0): "black",
        (200, 200, 200): "grey",
        (250, 250, 248): "white",
    }
    assert {rgb: nearest_colour(rgb) for rgb in names} == names


def test_oklab_round_trip():
    """Guards against a wrong matrix: every colour comes back within one step of 255."""
    rgb = np.random.default_rng(0).integers(0, 256, (4096, 3), dtype=np.uint8)
    assert np.abs(oklab_to_rgb(rgb_to_oklab(rgb)).astype(int) - rgb).max() <= 1


def test_unknown_colours_are_refused():
    """Guards against silently leaving an icon as it was."""
    with pytest.raises(ValueError, match=r"mauve.*choose one of red"):
        recolour(icon(BODIES["frog"]), "mauve")
    with pytest.raises(ValueError, match="no pixels"):
        dominant_colour(np.zeros((0, 3), np.uint8))
