"""GenerationSettings: to recipes and back, seeds, bounds."""

import dataclasses

import pytest

from dalle.recipe import SEED_COUNT
from dalle.ui.shared.generation_settings import OFFERED_STYLES, GenerationSettings
from tests.fake_studio import FakeStudio


@pytest.mark.parametrize("style", ["", *OFFERED_STYLES])
def test_settings_come_back_from_their_recipe(studio: FakeStudio, style: str) -> None:
    """Guards against a restored picture that would be drawn with another prompt, style or number."""
    settings = GenerationSettings("a red apple, on a plate", style, 3, "a worm", 4.5, 20, 99, False, "much")
    recipes = settings.recipes(studio)
    assert [recipe.seed for recipe in recipes] == [99, 100, 101]
    assert dataclasses.replace(settings, prompt="", style="").with_recipe(recipes[0]) == settings


def test_a_style_that_is_not_offered_stays_in_the_prompt(studio: FakeStudio) -> None:
    """Guards against a restored prompt that loses words for which there is no button."""
    recipe = studio.recipe(prompt="a cat, openmoji style")
    assert GenerationSettings().with_recipe(recipe).prompt == recipe.prompt


def test_seeds_wrap_around_and_are_new_when_asked(studio: FakeStudio) -> None:
    last = GenerationSettings(count=2, seed=SEED_COUNT - 1, fresh=False)
    assert [recipe.seed for recipe in last.recipes(studio)] == [SEED_COUNT - 1, 0]
    assert last.with_next_seed() == last
    fresh = GenerationSettings(seed=5)
    assert len({fresh.with_next_seed().seed for _ in range(5)}) > 1


@pytest.mark.parametrize(
    "bad", [{"count": 0}, {"count": 17}, {"style": "cubist"}, {"prompt": "x" * 1001}, {"variety": "wild"}]
)
def test_settings_out_of_bounds_are_refused(studio: FakeStudio, bad: dict) -> None:
    """Guards against thousands of pictures in one request to the endpoint."""
    with pytest.raises(ValueError, match=next(iter(bad))):
        GenerationSettings(**bad).recipes(studio)
