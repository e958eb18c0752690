"""What sliders are named for, on pictures whose properties are known."""

import numpy as np
import pytest

from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.release.slider_naming import (
    _named_slider,
    assign_names,
    measure_properties,
    name_sliders_by_effect,
)
from tests.tiny import TOLD_CONFIG, tiny_pipeline

SIDE = 32


def square(left: int, top: int, side: int, colour=(200, 40, 40), background=(255, 255, 255)) -> np.ndarray:
    picture = np.full((SIDE, SIDE, 3), background, np.uint8)
    picture[top : top + side, left : left + side] = colour
    return picture


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("size", square(12, 12, 6), square(6, 6, 20)),
        ("across", square(2, 12, 8), square(22, 12, 8)),
        ("down", square(12, 2, 8), square(12, 22, 8)),
        ("lightness", square(8, 8, 16, (40, 40, 40)), square(8, 8, 16, (190, 190, 190))),
        ("background", square(8, 8, 16, background=(30, 30, 30)), square(8, 8, 16)),
        ("colourfulness", square(8, 8, 16, (120, 100, 100)), square(8, 8, 16, (255, 0, 0))),
        ("redness", square(8, 8, 16, (0, 160, 0)), square(8, 8, 16, (220, 0, 0))),
        ("warmth", square(8, 8, 16, (0, 60, 220)), square(8, 8, 16, (240, 200, 0))),
    ],
)
def test_a_property_rises_with_what_it_is_named_for(name: str, low: np.ndarray, high: np.ndarray):
    """Guards against a slider whose two ends are named the wrong way round."""
    assert measure_properties(low)[name] < measure_properties(high)[name]


def test_an_empty_picture_has_properties():
    """Guards against a mean over no pixels, which is no number and would win every comparison."""
    assert np.isfinite(list(measure_properties(square(0, 0, 0)).values())).all()


def test_a_slider_is_named_the_right_way_round():
    """Guards against ends that are exchanged where a property falls along the slider."""
    slider = _named_slider(3, "size", -1.0)
    found = (slider.index, slider.name["en"], slider.low["en"], slider.high["en"])
    assert found == (3, "size", "large", "small")
    assert slider.name["zh"] == "大小"


def test_each_name_goes_to_the_number_that_does_most_of_it():
    """Guards against two sliders of one name, and against a name that promises what nobody can see."""
    effects = [
        {"size": 1.0, "warmth": 0.9},
        {"size": -2.0, "warmth": 0.1},
        {"size": 0.8, "warmth": 0.01},
        {"size": 0.0, "warmth": 0.0},
    ]
    assert assign_names(dict(enumerate(effects))) == {1: "size", 0: "warmth"}


def test_measuring_names_every_number_once_and_twice_the_same():
    pipeline = tiny_pipeline()
    recipes = [Recipe(prompt, seed=seed, size=32, steps=2) for seed, prompt in enumerate(("a dog", "苹果"))]
    sliders = name_sliders_by_effect(pipeline, recipes)
    assert sorted(slider.index for slider in sliders) == list(range(pipeline.model.config.flow.code))
    assert name_sliders_by_effect(pipeline, recipes) == sliders


def test_told_numbers_keep_their_names():
    """Guards against two sliders of one name, and a told number that is named by what it happened to do."""
    pipeline = tiny_pipeline(config=TOLD_CONFIG)
    recipes = [Recipe(prompt, seed=seed, size=32, steps=2) for seed, prompt in enumerate(("a dog", "苹果"))]
    sliders = name_sliders_by_effect(pipeline, recipes)
    assert sorted(slider.index for slider in sliders) == list(range(12, 20))
    names = [slider.name["en"] for slider in DALLE(pipeline.model, sliders=sliders).sliders]
    assert len(set(names)) == 20 and names[0] == "size"
