"""OpenPicture: sliders, undo history, latent traversal."""

import dataclasses

import pytest

from dalle.recipe import CODE_SIZE, Recipe
from dalle.ui.shared import latent_sliders
from dalle.ui.shared.latent_traversal import GRID_SIDE, STRIP_LENGTH, traversal_recipes
from dalle.ui.shared.open_picture import MAX_UNDO_STEPS, SLIDER_LIMIT, OpenPicture, slider_values
from tests.fake_studio import FakeStudio


def test_sliders_at_their_own_value_change_nothing(studio: FakeStudio, picture: OpenPicture) -> None:
    """Guards against a code that is rounded, or clipped at 3, because a slider shows it so."""
    assert picture.move_sliders(slider_values(picture.code)) is picture
    recipe = studio.recipe(code=(4.4321, -5.0, *picture.code[2:]))
    beyond = OpenPicture.from_recipe(recipe, studio.code_of_recipe)
    values = slider_values(beyond.code)
    assert values[:2] == (SLIDER_LIMIT, -SLIDER_LIMIT)
    moved = beyond.move_sliders((SLIDER_LIMIT, -SLIDER_LIMIT, 1.5, *values[3:]))
    assert moved.code == (4.4321, -5.0, 1.5, *beyond.code[3:])


def test_the_ends_of_a_slider_differ_in_its_number_alone(picture: OpenPicture) -> None:
    """Guards against pictures at a slider's ends that show another slider's effect."""
    for end, recipe in zip((-SLIDER_LIMIT, SLIDER_LIMIT), picture.slider_ends(7), strict=True):
        expected = (*picture.code[:7], end, *picture.code[8:])
        assert recipe == dataclasses.replace(picture.recipe, code=expected, steps=recipe.steps)


def test_a_drag_is_one_undo_step(picture: OpenPicture, studio: FakeStudio) -> None:
    """Guards against an Undo that goes back through every pixel of a drag."""
    values = list(slider_values(picture.code))
    moved = picture
    for value in (0.5, 0.6, 0.7):
        values[2] = value
        moved = moved.move_sliders(values)
    values[5] = -1.0
    moved = moved.move_sliders(values)
    assert len(moved.undo_stack) == 2
    once = moved.undo(studio.code_of_recipe)
    assert slider_values(once.code)[2] == 0.7
    assert slider_values(once.code)[5] == slider_values(picture.code)[5]
    twice = once.undo(studio.code_of_recipe)
    assert (twice.recipe, twice.code) == (picture.recipe, picture.code)
    assert twice.undo(studio.code_of_recipe) is twice


def test_every_change_can_be_undone_exactly(picture: OpenPicture, studio: FakeStudio) -> None:
    """Guards against a change that Undo does not know."""
    for change in (
        OpenPicture.nudge,
        lambda p: p.resample(studio.code_of_recipe),
        lambda p: p.go_to(studio.recipe(prompt="a dog"), studio.code_of_recipe),
        lambda p: p.nudge().reset(studio.code_of_recipe),
    ):
        changed = change(picture)
        while changed.undo_stack:
            changed = changed.undo(studio.code_of_recipe)
        assert (changed.recipe, changed.code) == (picture.recipe, picture.code)


def test_nudge_and_resample(picture: OpenPicture, studio: FakeStudio) -> None:
    """Guards against a nudge that draws a new seed, and a resample that keeps it or changes the prompt."""
    nudged, resampled = picture.nudge(), picture.resample(studio.code_of_recipe)
    assert nudged.code != picture.code and nudged.recipe.seed == picture.recipe.seed
    assert max(abs(number) for number in nudged.code) <= SLIDER_LIMIT
    assert resampled.recipe.seed != picture.recipe.seed and resampled.recipe.code is None
    assert resampled.recipe.prompt == picture.recipe.prompt
    assert nudged.reset(studio.code_of_recipe).recipe == picture.original
    assert picture.reset(studio.code_of_recipe) is picture


def test_the_undo_history_is_bounded(picture: OpenPicture) -> None:
    for _ in range(MAX_UNDO_STEPS + 5):
        picture = picture.nudge()
    assert len(picture.undo_stack) == MAX_UNDO_STEPS


def test_a_picture_with_moved_sliders_has_a_short_link(picture: OpenPicture) -> None:
    """Guards against codes in double precision, which take twice the room."""
    moved = picture.move_sliders([0.1] * CODE_SIZE)
    assert Recipe.from_query(moved.recipe.to_query()) == moved.recipe
    assert len(moved.recipe.to_query()) < 300


def test_names_of_sliders_cannot_leave_their_style_sheet() -> None:
    """Guards against an imported checkpoint whose names close the string or the style sheet."""
    for odd in ("\f", "\r", "\n", '"', "<", "\x00", "\x7f"):
        assert odd not in latent_sliders._css_string(f"a{odd}b")[1:-1]


def test_a_traversal_moves_its_sliders_and_nothing_else(picture: OpenPicture) -> None:
    strip, grid = traversal_recipes(picture, 4), traversal_recipes(picture, 4, 7)
    assert [recipe.code[4] for recipe in strip] == [-3, -2, -1, 0, 1, 2, 3] and len(strip) == STRIP_LENGTH
    assert len(grid) == GRID_SIDE * GRID_SIDE
    assert grid[1].code[4] == -1.5 and grid[1].code[7] == -3
    for recipe in (*strip, *grid):
        changed = {index for index in range(CODE_SIZE) if recipe.code[index] != picture.code[index]}
        assert changed <= {4, 7}
        assert dataclasses.replace(recipe, code=None) == dataclasses.replace(picture.recipe, code=None)
    assert traversal_recipes(picture, 4, 4) == strip


@pytest.mark.parametrize("index", [-2, CODE_SIZE])
def test_a_traversal_refuses_an_index_outside_the_code(picture: OpenPicture, index: int) -> None:
    with pytest.raises(ValueError, match=str(index)):
        traversal_recipes(picture, 0, index)
