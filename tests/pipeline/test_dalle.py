"""Tests of the pipeline: prompts and recipes to pictures, ranking, pictures to latents and back."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dalle import images
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.latents import initial_codes
from dalle.recipe import Picture, Recipe, save_png
from tests.tiny import CAPTIONS, tiny_checkpoint, tiny_pipeline

SAME_PICTURE = 45  # dB


@pytest.fixture(scope="module")
def pipeline() -> DALLE:
    return tiny_pipeline()


def decibels(a: Image.Image, b: Image.Image) -> float:
    error = np.square(np.asarray(a, np.float64) - np.asarray(b, np.float64)).mean()
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def bytes_of(pictures: list[Picture]) -> list[bytes]:
    return [picture.image.tobytes() for picture in pictures]


# --- drawing


def test_the_same_recipe_gives_the_same_file(pipeline: DALLE, tmp_path: Path) -> None:
    """Guards against pictures that depend on chance or on what was drawn before."""
    for name in ("first.png", "second.png"):
        save_png(pipeline.generate("a red apple", seed=7)[0], tmp_path / name)
        pipeline.generate("something else", count=2)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_alone_or_in_a_batch_of_eight(pipeline: DALLE) -> None:
    """Guards against pictures that see each other, as through the padding of a longer prompt."""
    prompts = [*CAPTIONS, "", "a dog " * 20, "!"]
    recipes = [
        Recipe(prompt, seed=n, size=32, guidance=g, negative="a dog" * (n % 2))
        for n, (prompt, g) in enumerate(zip(prompts, [1, 3, 0, 7.5] * 2, strict=True))
    ]
    together, alone = pipeline.draw(recipes), [pipeline.draw([recipe])[0] for recipe in recipes]
    assert [picture.recipe for picture in together] == recipes
    assert min(decibels(a.image, b.image) for a, b in zip(together, alone, strict=True)) >= SAME_PICTURE
    others = [decibels(a.image, b.image) for n, a in enumerate(alone) for b in alone[:n]]
    assert max(others) < SAME_PICTURE - 10  # or the test could not fail


def test_different_steps_in_one_call(pipeline: DALLE) -> None:
    """Guards against recipes that come back in another order than they were given."""
    recipes = [Recipe("a dog", steps=steps, seed=n, size=32) for n, steps in enumerate((3, 5, 3, 3, 1))]
    drawn = pipeline.draw(recipes)
    assert [picture.recipe for picture in drawn] == recipes
    for recipe, picture in zip(recipes, drawn, strict=True):
        assert decibels(picture.image, pipeline.draw([recipe])[0].image) >= SAME_PICTURE


def test_a_recipe_that_would_give_another_picture_is_refused(pipeline: DALLE) -> None:
    """Guards against a picture whose recipe says edits that were not made, or other weights."""
    fine = Recipe("a dog", steps=1, size=32)
    for recipe, message in (
        (replace(fine, edits=({"kind": "cut-out"},)), "has edits .*edit replay"),
        (replace(fine, checkpoint="another"), "for checkpoint another.*load that checkpoint"),
    ):
        with pytest.raises(ValueError, match=message):
            pipeline.draw([fine, recipe])


def test_more_than_a_batch(pipeline: DALLE) -> None:
    """Guards against pictures lost where a gallery is drawn in parts."""
    seeds = [picture.recipe.seed for picture in pipeline.generate("a dog", count=19, seed=5, steps=1)]
    assert seeds == list(range(5, 24))


def test_the_code_of_a_recipe_draws_the_same(pipeline: DALLE) -> None:
    """Guards against sliders that change the picture when they are merely shown."""
    recipe = Recipe("a dog", seed=3, size=32)
    config = pipeline.model.config
    stated = replace(recipe, code=initial_codes([recipe], config)[0])
    assert initial_codes([stated], config) == initial_codes([recipe], config)
    assert bytes_of(pipeline.draw([stated])) == bytes_of(pipeline.draw([recipe]))
    moved = replace(stated, code=(stated.code[0] + 2, *stated.code[1:]))
    assert bytes_of(pipeline.draw([moved])) != bytes_of(pipeline.draw([recipe]))


def test_the_global_random_state_is_untouched(pipeline: DALLE, tmp_path: Path) -> None:
    """Guards against a library that disturbs the caller's own random numbers."""
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    pipeline.generate("a dog", count=2)
    pipeline.save_pretrained(tmp_path / "checkpoint")
    DALLE.from_pretrained(tmp_path / "checkpoint").draw([Recipe("a dog", seed=1, size=32)])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_seeds_wrap_around(pipeline: DALLE) -> None:
    """Guards against a gallery whose last pictures have no valid recipe, and seeds silently changed."""
    seeds = [picture.recipe.seed for picture in pipeline.generate("", count=3, seed=2**32 - 2, steps=1)]
    assert seeds == [2**32 - 2, 2**32 - 1, 0]
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match=f"seed must be .* got {seed}"):
            pipeline.generate("", seed=seed)


def test_ranking_puts_the_fitting_picture_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a reversed order, and one by another picture's prompt."""
    pipeline = tiny_pipeline()
    colours = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
    axes = {prompt: torch.eye(3)[n] for n, prompt in enumerate(colours)}
    caption = pipeline.encode_prompts([""])
    monkeypatch.setattr(
        pipeline,
        "encode_prompts",
        lambda prompts: caption._replace(embedding=torch.stack([axes[prompt] for prompt in prompts])),
    )
    monkeypatch.setattr(pipeline.model.tower, "forward", lambda images: images.mean((2, 3)))
    pictures = [
        Picture(Image.new("RGB", (32, 32), colours[shown]), Recipe(prompt, seed=n, size=32))
        for n, (shown, prompt) in enumerate([("red", "blue"), ("green", "green"), ("blue", "red")])
    ]
    assert pipeline.rank(pictures) == [pictures[1], pictures[0], pictures[2]]


@pytest.mark.parametrize("count", [0, -3])
def test_a_count_below_one_is_refused(pipeline: DALLE, count: int) -> None:
    """Guards against an empty gallery that looks like a failure."""
    with pytest.raises(ValueError, match=f"count must be at least 1; got {count}"):
        pipeline.generate("a dog", count=count)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", None),
        ("🍎👩‍🌾", None),
        ("苹果" * 500, None),
        ("x" * 10_000, "prompt has 10,000 characters; 1,000 are allowed"),
        ("a\x00b", "control character NUL"),
    ],
    ids=["empty", "emoji", "chinese", "long", "control"],
)
def test_any_prompt_is_drawn_or_refused_clearly(pipeline: DALLE, prompt: str, message: str | None) -> None:
    """Guards against prompts that crash."""
    if message is None:
        assert pipeline.generate(prompt, seed=1)[0].image.size == (32, 32)
    else:
        with pytest.raises(ValueError, match=message):
            pipeline.generate(prompt)


def test_previews_end_in_the_picture(pipeline: DALLE) -> None:
    """Guards against previews of another picture, and steps that are not counted."""
    seen: list[tuple[int, int, list[Image.Image]]] = []
    drawn = pipeline.generate(
        "a dog", 2, 1, lambda step, steps, preview: seen.append((step, steps, preview()))
    )
    assert [(step, steps) for step, steps, _ in seen] == [
        (step, Recipe.steps) for step in range(1, Recipe.steps + 1)
    ]
    distances = [decibels(pictures[0], drawn[0].image) for _, _, pictures in seen]
    assert distances[-1] > distances[0]


@pytest.mark.parametrize(("dtype", "least"), [(torch.float32, 40), (torch.bfloat16, 20)])
def test_encode_and_decode(tmp_path: Path, dtype: torch.dtype, least: float) -> None:
    """Guards against directions that differ: decoding gives back what the autoencoder can, in any dtype."""
    pipeline = DALLE.from_pretrained(tiny_checkpoint(tmp_path), dtype)
    model = pipeline.model
    pictures = images.from_images([picture.image for picture in pipeline.generate("a dog", 3, seed=1)])
    prompts = ["a dog", "", "something else, and longer"]
    latent = pipeline.encode(pictures, prompts, steps=50)
    assert latent.code.shape == (3, 20)
    assert latent.noise.shape == (3, model.config.tokens, model.config.channels)
    reconstructed = model.render(model.extract(pictures))
    assert images.psnr(pipeline.decode(latent, prompts, steps=50), reconstructed).min() > least
