"""Laws of told numbers: camera and light of a code, from the seed to the picture."""

from dataclasses import replace

import pytest
import torch

from dalle import images
from dalle.config import CAMERA_NUMBERS, VIEW_NUMBERS
from dalle.networks import camera, colour
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.latents import code_means, initial_codes, initial_latents, names_arrangement
from dalle.recipe import Recipe
from tests.tiny import TOLD_CONFIG, tiny_pipeline

TOLD = TOLD_CONFIG.flow.told
PLAIN = (0.0,) * VIEW_NUMBERS
CAMERA = (1.0, -0.5, 0.25, -1.0, 0.5, 1.5)
COLOURS = (1.0, 2.0, -1.0, 0.5)
VIEW = (*CAMERA, *COLOURS)
RECIPE = Recipe("a dog", seed=3, size=32, guidance=2.5)


@pytest.fixture(scope="module")
def pipeline() -> DALLE:
    return tiny_pipeline(config=TOLD_CONFIG)


def code_of(recipe: Recipe) -> tuple[float, ...]:
    return initial_codes([recipe], TOLD_CONFIG)[0]


def with_numbers(recipe: Recipe, start: int, *numbers: float) -> Recipe:
    """The recipe with some numbers of its code replaced, from `start` on."""
    code = code_of(recipe)
    return replace(recipe, code=(*code[:start], *numbers, *code[start + len(numbers) :]))


def moved_recipes() -> dict[str, Recipe]:
    return {
        "from the seed": RECIPE,
        "view": with_numbers(RECIPE, 0, *VIEW),
        "light": with_numbers(RECIPE, VIEW_NUMBERS, 2.0, -2.0),
        "both": with_numbers(RECIPE, 0, *VIEW, 2.0, -2.0),
        "plain": with_numbers(RECIPE, 0, *PLAIN),
    }


@pytest.mark.parametrize("recipe", moved_recipes().values(), ids=list(moved_recipes()))
def test_decode_is_the_drawn_picture_bit_for_bit(pipeline: DALLE, recipe: Recipe) -> None:
    """Guards against told numbers that act in one direction only, or late, as learnt ones do."""
    previews = []
    (drawn,) = pipeline.draw([recipe], lambda step, steps, preview: previews.append(preview()[0]))
    seen = []
    decoded = pipeline.decode(
        initial_latents([recipe], TOLD_CONFIG),
        [recipe.prompt],
        guidance=[recipe.guidance],
        steps=recipe.steps,
        on_step=lambda step, steps, preview: seen.append(preview()[0]),
    )
    assert images.to_images(decoded)[0].tobytes() == drawn.image.tobytes()
    # The last of decode's previews is an estimate still.
    assert [image.tobytes() for image in seen[:-1]] == [image.tobytes() for image in previews[:-1]]
    assert previews[-1].tobytes() == drawn.image.tobytes()


def test_different_told_numbers_give_different_pictures(pipeline: DALLE) -> None:
    """Guards against numbers that do nothing, which would pass the test above."""
    drawn = {picture.image.tobytes() for picture in pipeline.draw(list(moved_recipes().values()))}
    assert len(drawn) == len(moved_recipes())


def test_the_view_acts_on_the_finished_picture_alone(pipeline: DALLE) -> None:
    """Guards against a drawing that changes with camera and colours, and a plain one that is warped."""
    features, pictures = [], {}
    for name, recipe in moved_recipes().items():
        sampler = pipeline.make_sampler()
        sample = sampler.prepare(recipe)
        while sample.steps_taken < sample.steps:
            sampler.step([sample])
        features.append(sample.features)
        pictures[name] = sampler.decode([sample])[0].tobytes()
        assert sample.base_code is None and sample.trajectory.restart_time == 1
    seed, moved, light, both, plain = features
    assert torch.equal(seed, moved) and torch.equal(seed, plain) and torch.equal(light, both)
    assert not torch.equal(seed, light)
    generated = pipeline.model.render(seed[None])
    assert images.to_images(generated)[0].tobytes() == pictures["plain"]
    coloured = colour.render(generated, torch.tensor([COLOURS]))
    warped = camera.render(coloured, torch.tensor([CAMERA]))
    assert images.to_images(warped)[0].tobytes() == pictures["view"]


def test_a_moved_learnt_number_keeps_the_told_ones_from_the_start(pipeline: DALLE) -> None:
    """Guards against light that waits for CODE_SWITCH_TIME because a learnt number moved too."""
    moved = with_numbers(with_numbers(RECIPE, 0, *VIEW, 2.0), TOLD, 2.5)
    sample = pipeline.make_sampler().prepare(moved)
    assert sample.base_code is not None
    assert sample.base_code[:TOLD].tolist() == list(moved.code[:TOLD])
    assert tuple(sample.base_code[TOLD:].tolist()) == code_of(RECIPE)[TOLD:]


def test_an_encoded_picture_has_the_plain_view(pipeline: DALLE) -> None:
    """Guards against uploads that are warped when they are decoded."""
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    latent = pipeline.encode(pictures, ["a dog", ""], steps=2)
    assert not latent.code[:, :VIEW_NUMBERS].any() and latent.code[:, VIEW_NUMBERS:].all()


# --- variety


def told_std(variety: str, prompt: str) -> tuple[float, ...]:
    """Standard deviations of camera, hue, other colours, light and learnt numbers of many seeds."""
    recipes = [Recipe(prompt, seed=seed, variety=variety) for seed in range(400)]
    codes = torch.tensor(initial_codes(recipes, TOLD_CONFIG))
    parts = codes.split([CAMERA_NUMBERS, 1, 3, TOLD - VIEW_NUMBERS, TOLD_CONFIG.flow.learnt], 1)
    return tuple(float((part - part.mean(0)).std()) for part in parts)


@pytest.mark.parametrize(
    ("variety", "prompt", "expected"),
    [
        ("none", "a cat", (0, 0, 0, 0, 0.5)),
        ("some", "a cat", (0.5, 0.15, 0.5, 0.5, 0.5)),
        ("much", "a cat", (1, 0.3, 1, 1, 0.5)),
        ("some", "a cat and a dog", (0.25, 0.15, 0.5, 0.5, 0.5)),
        ("much", "three cats", (0.5, 0.3, 1, 1, 0.5)),
    ],
)
def test_variety_scales_the_told_numbers(variety: str, prompt: str, expected: tuple) -> None:
    """Guards against pictures that are all alike, or cut by the frame."""
    assert told_std(variety, prompt) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("plain_size", "scale"), [(1.0, 0.9), (0.88, 1.0)])
def test_a_varied_camera_leaves_room(plain_size: float, scale: float) -> None:
    """Guards against shifts that cut things which fill the frame, and things made small for nothing."""
    config = replace(TOLD_CONFIG, plain_size=plain_size)
    means = code_means(Recipe("a cat"), config)
    assert float(camera.values(means[None, :CAMERA_NUMBERS])[0, 0]) == pytest.approx(scale, abs=0.01)
    assert not means[1:].any()
    assert not code_means(Recipe("a cat", variety="none"), config).any()


def test_variety_is_nothing_without_told_numbers() -> None:
    """Guards against old recipes that give other pictures."""
    plain = tiny_pipeline()
    drawn = [plain.draw([replace(RECIPE, variety=v)])[0].image.tobytes() for v in ("none", "some", "much")]
    assert len(set(drawn)) == 1


def test_variety_keeps_the_noise_and_the_learnt_numbers() -> None:
    """Guards against another drawing where only view and light are to vary."""
    latents = [initial_latents([replace(RECIPE, variety=v)], TOLD_CONFIG) for v in ("none", "much")]
    assert torch.equal(latents[0].noise, latents[1].noise)
    assert torch.equal(latents[0].code[:, TOLD:], latents[1].code[:, TOLD:])
    assert not latents[0].code[:, :TOLD].any() and latents[1].code[:, :TOLD].all()


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cat", False),
        ("a red apple on a yellow background, noto style", False),
        ("a sandcastle", False),
        ("Two dogs", True),
        ("a cat with a hat", True),
        ("a green cat to the left of a red house", True),
        ("an owl above a car", True),
        ("a fish in the top left corner", True),
    ],
)
def test_prompts_that_name_an_arrangement(prompt: str, expected: bool) -> None:
    assert names_arrangement(prompt) is expected
