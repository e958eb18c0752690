"""Laws of the façade on a checkpoint with told numbers: another view shows the same drawing, at once."""

import dataclasses
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from dalle import runtime
from dalle.config import VIEW_NUMBERS
from dalle.pipeline import plain_pictures
from dalle.pipeline.sampler import Sampler
from dalle.recipe import Recipe
from dalle.serving.studio import Studio
from tests.tiny import TOLD_CONFIG, tiny_checkpoint


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "told", config=TOLD_CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "inference_dtype", lambda: torch.float32)
        patch.setattr(runtime, "device", lambda: torch.device("cpu"))
        with Studio(folder) as studio:
            yield studio


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of every sampling step that is taken, the number of samples."""
    taken, step = [], Sampler.step

    def counted(self: Sampler, samples: list) -> None:
        taken.append(len(samples))
        step(self, samples)

    monkeypatch.setattr(Sampler, "step", counted)
    return taken


def with_number(studio: Studio, recipe: Recipe, index: int, value: float) -> Recipe:
    code = list(studio.code_of_recipe(recipe))
    code[index] = value
    return dataclasses.replace(recipe, code=tuple(code))


def drawn_anew(studio: Studio, recipe: Recipe) -> bytes:
    """The pixels of a recipe, drawn alone, whatever was drawn before."""
    return studio.draw([recipe])[0].image.tobytes()


def test_a_moved_view_draws_nothing_again(studio: Studio, steps: list[int]) -> None:
    """Guards against a slider of the view as slow as the others, or one that shows another picture."""
    recipe = studio.recipe(prompt="a dog", seed=1, guidance=2.5)
    moves = itertools.product(range(VIEW_NUMBERS), (-2.0, 1.5))
    moved = [with_number(studio, recipe, index, value) for index, value in moves]
    first = studio.draw_now(recipe)
    assert len(steps) == recipe.steps
    shown = [studio.draw_now(each) for each in (recipe, *moved)]
    assert len(steps) == recipe.steps
    assert [picture.recipe for picture in shown] == [recipe, *moved]
    assert len({picture.image.tobytes() for picture in shown}) == 1 + len(moved)
    assert shown[0].image.tobytes() == first.image.tobytes()
    assert [picture.image.tobytes() for picture in shown[1:]] == [drawn_anew(studio, each) for each in moved]


@pytest.mark.parametrize("change", ["light", "learnt", "seed", "prompt", "steps", "guidance", "negative"])
def test_all_else_is_drawn(studio: Studio, steps: list[int], change: str) -> None:
    """Guards against a picture of another recipe that is only seen from elsewhere."""
    recipe = studio.recipe(prompt="a dog", seed=2)
    studio.draw_now(recipe)
    changed = {
        "light": with_number(studio, recipe, 10, 2.0),
        "learnt": with_number(studio, recipe, 19, 2.0),
        "seed": dataclasses.replace(recipe, seed=3),
        "prompt": dataclasses.replace(recipe, prompt="a cat"),
        "steps": dataclasses.replace(recipe, steps=3),
        "guidance": dataclasses.replace(recipe, guidance=4.0),
        "negative": dataclasses.replace(recipe, negative="a cat"),
    }[change]
    before = len(steps)
    drawn = studio.draw_now(changed)
    assert len(steps) == before + changed.steps
    assert drawn.image.tobytes() == drawn_anew(studio, changed)


def test_a_picture_does_not_depend_on_what_was_drawn_before(studio: Studio) -> None:
    """Guards against pictures of a gallery in place of those drawn alone: the last bits are of the batch."""
    recipes = [studio.recipe(prompt="a red apple", seed=seed) for seed in range(20, 24)]
    studio.draw(recipes)
    kept = len(studio._checkpoint.editor.sampler.plain_pictures)
    for recipe in recipes:
        assert studio.draw_now(recipe).image.tobytes() == drawn_anew(studio, recipe)
    assert len(studio._checkpoint.editor.sampler.plain_pictures) == kept + len(recipes)


def test_what_is_kept_is_bounded(studio: Studio, steps: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against memory that fills while sliders move, and a lately used picture that goes first."""
    monkeypatch.setattr(plain_pictures, "MAX_PLAIN_PICTURES", 2)
    first, second, third = (studio.recipe(prompt="a dog", seed=seed, steps=1) for seed in (30, 31, 32))
    for recipe in (first, second, first, third):
        studio.draw_now(recipe)
    assert len(studio._checkpoint.editor.sampler.plain_pictures) == 2
    steps.clear()
    studio.draw_now(first), studio.draw_now(third)
    assert steps == []
    studio.draw_now(second)
    assert steps == [1]


def test_many_threads_at_once(studio: Studio) -> None:
    """Guards against views of another visitor's picture."""
    recipes = [studio.recipe(prompt=prompt, seed=5) for prompt in ("a dog", "a cat", "a red apple")]
    moved = [with_number(studio, each, 1, value) for each in recipes for value in (-1.0, 0.0, 1.0)] * 4
    alone = {recipe: drawn_anew(studio, recipe) for recipe in set(moved)}
    for recipe in recipes:
        studio.draw_now(recipe)
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(studio.draw_now, moved))
    assert all(each.image.tobytes() == alone[each.recipe] for each in drawn)


def test_what_cannot_be_drawn_is_refused(studio: Studio) -> None:
    """Guards against a kept picture that is shown for a recipe of another checkpoint."""
    recipe = studio.recipe(prompt="a dog", seed=1)
    studio.draw_now(recipe)
    with pytest.raises(ValueError, match="in use"):
        studio.draw_now(dataclasses.replace(recipe, checkpoint="another"))


def test_the_first_sliders_are_camera_and_light(studio: Studio) -> None:
    """Guards against told numbers that the page hides behind learnt ones."""
    names = [slider.name["en"] for slider in studio.sliders]
    assert names[:7] == "size|left or right|up or down|tilt|wide or tall|bulge|hue".split("|")
    assert names[12:] == [f"latent {number}" for number in range(13, 21)]
