"""Random augmentation of a user's images."""

from collections import Counter

import numpy as np
from PIL import Image

from dalle.data.folder.augmentation import augment, fit_on_white
from dalle.data.scenes.colours import COLOURS, nearest_colour


def red_square(mode: str) -> Image.Image:
    """A red square, left of the middle, on a transparent or a blue background."""
    picture = Image.new(mode, (96, 64), (0, 0, 0, 0) if mode == "RGBA" else COLOURS["blue"])
    picture.paste((*COLOURS["red"], 255)[: len(mode)], (10, 12, 50, 52))
    return picture


def test_captions_stay_true() -> None:
    """Guards against a background that the caption does not name, or on which the object does not show."""
    backgrounds = Counter()
    for seed in range(120):
        rng = np.random.default_rng(seed)
        pixels, caption = augment(red_square("RGBA"), "a spot", 32, "crop", False, rng)
        assert pixels.shape == (32, 32, 3) and pixels.dtype == np.uint8
        edge = nearest_colour(tuple(pixels[0, 31].tolist()))
        backgrounds[edge] += 1
        assert (edge in caption) == (edge != "white") and edge != "red"
        assert (np.abs(pixels.astype(int) - COLOURS["red"]).sum(-1) < 60).sum() > 60
    assert 55 < backgrounds["white"] < 100 and len(backgrounds) > 6


def test_images_with_captions_of_other_languages_stay_on_white() -> None:
    """Guards against English words added to a caption of another language."""
    augmented = [
        augment(red_square("RGBA"), "苹果", 32, "pad", False, np.random.default_rng(seed))
        for seed in range(20)
    ]
    assert {caption for _, caption in augmented} == {"苹果"}
    assert {tuple(pixels[0, 31]) for pixels, _ in augmented} == {(255, 255, 255)}


def test_images_are_flipped_only_on_request() -> None:
    """Guards against mirrored letters."""

    def leans_left(horizontal_flip: bool, seed: int) -> bool:
        pixels, _ = augment(red_square("RGB"), "", 32, "pad", horizontal_flip, np.random.default_rng(seed))
        blue = np.flatnonzero((np.abs(pixels.astype(int) - COLOURS["blue"]).sum(-1) < 60).any(0))
        red = np.flatnonzero((np.abs(pixels.astype(int) - COLOURS["red"]).sum(-1) < 60).any(0))
        return red.mean() < blue.mean()

    assert all(leans_left(False, seed) for seed in range(12))
    assert {leans_left(True, seed) for seed in range(12)} == {True, False}


def test_augmentations_differ_a_little_and_repeat() -> None:
    """Guards against augmentation that does nothing, or depends on more than the seed."""
    for resize_mode in ("crop", "pad"):
        first, again, other = (
            augment(red_square("RGB"), "", 32, resize_mode, False, np.random.default_rng(seed))[0]
            for seed in (1, 1, 2)
        )
        assert np.array_equal(first, again) and not np.array_equal(first, other)
        plain = np.asarray(fit_on_white(red_square("RGB"), 32, resize_mode))
        assert np.abs(first.astype(int) - plain).mean() < 60
    assert fit_on_white(red_square("RGBA"), 32, "crop").getpixel((31, 0)) == (255, 255, 255)
