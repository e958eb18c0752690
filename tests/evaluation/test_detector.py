"""Tests of the detector: objects in pieces, touching objects, positions and colours."""

import numpy as np
import pytest
import shapes
import torch

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.composer import Composer
from dalle.evaluation import detector, eval_prompts

SIZE = 64


@pytest.fixture(autouse=True)
def one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test data has 14 classes: the usual top five would be a third of them."""
    monkeypatch.setattr(detector, "TOP_CLASSES", 1)


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


def paste(canvas: np.ndarray, name: str, corner: tuple[int, int], colour: str = "red") -> np.ndarray:
    """Paint an object of a class on an image, with its top left corner at (x, y)."""
    mask, (x, y) = shapes.mask_of(name), corner
    region = canvas[y : y + len(mask), x : x + len(mask)]
    region[mask] = COLOURS[colour]
    return canvas


def white() -> np.ndarray:
    return np.full((SIZE, SIZE, 3), 255, np.uint8)


def test_an_object_in_pieces_is_one() -> None:
    """Guards against counting the pieces that one object is drawn in."""
    detections = shapes.detect(paste(white(), shapes.TWO_PIECES, (16, 16)))
    assert [detection.classes for detection in detections] == [{shapes.TWO_PIECES}]


def test_objects_that_touch_are_two() -> None:
    """Guards against taking two objects for one because a few pixels join them."""
    canvas = paste(paste(white(), "owl", (0, 16)), "dog", (32, 16))
    canvas[21, 29:35] = COLOURS["red"]  # a bridge
    detections = shapes.detect(canvas)
    assert sorted(name for detection in detections for name in detection.classes) == ["dog", "owl"]


def test_an_object_may_touch_the_frame() -> None:
    """Guards against a background taken from one corner, and crops cut off at the image's edge."""
    for x, y in ((0, 0), (32, 0), (0, 32), (32, 32)):
        canvas = paste(white(), "house", (x, y))
        shifted = np.roll(canvas, (-2 if y == 0 else 2, -2 if x == 0 else 2), axis=(0, 1))
        assert [detection.classes for detection in shapes.detect(shifted)] == [{"house"}]


def test_position_and_colour() -> None:
    """Guards against positions in pixels, y upwards, and a colour that includes the background."""
    blue = np.full((SIZE, SIZE, 3), COLOURS["blue"], np.uint8)
    (detection,) = shapes.detect(paste(blue, "car", (32, 0), "yellow"))
    assert detection.colour == "yellow"
    assert detection.x == pytest.approx(48 / 64, abs=0.02)
    assert detection.y == pytest.approx(16 / 64, abs=0.02)


def test_regions_by_hand() -> None:
    """Guards against splitting regions that meet at a corner, or long winding ones."""
    drawn = """
        ##......
        .##...##
        .....#..
        ####..#.
        ...#..#.
        .###....
        .#....##
        .####.##"""
    mask = torch.tensor([[cell == "#" for cell in row.strip()] for row in drawn.split()])
    labels = detector._label_segments(mask, 0)
    assert len(labels.unique()) - 1 == 4
    assert (labels > 0).equal(mask)
    assert len(detector._label_segments(mask, 4).unique()) - 1 == 1


def test_detection_is_deterministic(emoji: EmojiSet) -> None:
    """Guards against a detector with random choices or state."""
    (scene,) = eval_prompts.composition_scenes(emoji, "counting", 1, SIZE)
    pixels = Composer(emoji, size=SIZE).renderer.render(scene)
    assert shapes.detect(pixels) == shapes.detect(pixels.copy())
