"""Laws of the façade, on a tiny checkpoint: what a recipe gives, whoever draws beside it."""

import dataclasses
import io
import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dalle import images, runtime
from dalle.editing.editor import MissingFileError
from dalle.edits import PromptEdit, Upscale, Variation
from dalle.errors import InputError
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.checkpoint import CheckpointError
from dalle.pipeline.latents import initial_latents
from dalle.pipeline.sampler import run
from dalle.recipe import Picture, Recipe
from dalle.serving.studio import Studio
from tests.tiny import tiny_checkpoint

SAME = 45  # dB: the same picture to the eye
CARD = "---\nlicense: apache-2.0\n---\n# Tiny\n\nDraws noise.\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two checkpoints and other things."""
    home = tmp_path_factory.mktemp("checkpoints")
    tiny_checkpoint(home / "tiny", 0, CARD)
    tiny_checkpoint(home / "other", 1)
    (home / "notes").mkdir()
    (home / "readme.txt").touch()
    return home


@pytest.fixture(scope="module")
def studio(home: Path) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "inference_dtype", lambda: torch.float32)  # no choice by measurement in a test
        patch.setattr(runtime, "device", lambda: torch.device("cpu"))
        with Studio(home / "tiny") as studio:
            yield studio


def alike(one: Picture, other: Picture) -> float:
    """PSNR in dB."""
    pair = images.from_images([one.image, other.image])
    return images.psnr(pair[:1], pair[1:]).item()


def assorted(studio: Studio) -> list[Recipe]:
    """Eight recipes that differ in everything a recipe can."""
    code = tuple(value / 10 for value in range(-10, 10))
    return [
        studio.recipe(prompt="a red apple", seed=1),
        studio.recipe(prompt="a red apple", seed=2, guidance=1.0),
        studio.recipe(prompt="a green cat to the left of a red house, and then some more", seed=1),
        studio.recipe(prompt="", seed=3, steps=5),
        studio.recipe(prompt="苹果", negative="a dog", seed=4, steps=7),
        studio.recipe(prompt="a dog", seed=2**32 - 1, code=code),
        studio.recipe(prompt="a dog", seed=5, code=code, guidance=7.5, steps=20),
        studio.recipe(prompt="ein Hund", negative="a red apple", guidance=0.0, steps=1),
    ]


@pytest.fixture(scope="module")
def alone(studio: Studio) -> list[Picture]:
    """Each of the assorted recipes, drawn alone."""
    return [studio.draw_now(recipe) for recipe in assorted(studio)]


def test_one_recipe_one_picture(studio: Studio, alone: list[Picture]) -> None:
    """Guards against pictures that depend on chance, on who asks for them, or on what was drawn before."""
    pipeline = studio._checkpoint.pipeline
    for picture in alone:
        again = [studio.draw([picture.recipe])[0], *pipeline.draw([picture.recipe])]
        assert [p.image.tobytes() for p in again] == [picture.image.tobytes()] * 2


def test_different_recipes_different_pictures(alone: list[Picture]) -> None:
    """Guards against tests of sameness that any picture would pass."""
    pairs = [(a, b) for n, a in enumerate(alone) for b in alone[:n]]
    assert max(alike(a, b) for a, b in pairs) < SAME - 5


def test_alone_or_in_a_batch_the_same(studio: Studio, alone: list[Picture]) -> None:
    """Guards against pictures that see each other: through padding, guidance, or the time of another."""
    together = studio.draw([picture.recipe for picture in alone])
    assert [picture.recipe for picture in together] == [picture.recipe for picture in alone]
    assert min(alike(a, b) for a, b in zip(alone, together, strict=True)) >= SAME


def test_decode_is_the_same_drawing(studio: Studio) -> None:
    """Guards against two ways of sampling that drift apart; a moved code has a way of its own."""
    pipeline = studio._checkpoint.pipeline
    recipes = [r for r in assorted(studio) if r.steps == Recipe.steps and r.code is None]
    drawn = pipeline.draw(recipes)
    decoded = images.to_images(
        pipeline.decode(
            initial_latents(recipes, pipeline.model.config),
            [recipe.prompt for recipe in recipes],
            [recipe.negative for recipe in recipes],
            [recipe.guidance for recipe in recipes],
            steps=Recipe.steps,
        )
    )
    pairs = zip(drawn, map(Picture, decoded, recipes), strict=True)
    assert min(alike(a, b) for a, b in pairs) >= SAME


def test_eight_threads_at_once(studio: Studio, alone: list[Picture]) -> None:
    """Guards against pictures mixed up between visitors, and against a studio that one of them can stop."""
    rng = random.Random(0)

    def visit(seed: int) -> list[tuple[Picture, Picture]]:
        mine = random.Random(seed)
        pairs = []
        for _ in range(4):
            solo = mine.choices(alone, k=mine.choice((1, 3, 8)))
            recipes = [picture.recipe for picture in solo]
            way = mine.choice(("draw", "slide", "stream", "cancel", "close", "error"))
            if way == "draw":
                drawn = studio.draw(recipes)
            elif way == "slide":
                drawn = [studio.draw_now(recipe) for recipe in recipes]
            elif way == "stream":
                *_, last = studio.stream(recipes)
                drawn = last.finished
            elif way == "error":
                with pytest.raises(ValueError):
                    studio.draw([*recipes, dataclasses.replace(recipes[0], size=1000)])
                continue
            else:
                cancel = threading.Event()
                frames = studio.stream(recipes, cancel)
                next(frames)
                cancel.set() if way == "cancel" else frames.close()
                list(frames)  # it may have been done before
                continue
            pairs += zip(solo, drawn, strict=True)
        return pairs

    with ThreadPoolExecutor(8) as pool:
        pairs = [pair for visit in pool.map(visit, rng.sample(range(1000), 16)) for pair in visit]
    assert len(pairs) > 50
    assert all(solo.recipe == drawn.recipe for solo, drawn in pairs)
    assert min(alike(solo, drawn) for solo, drawn in pairs) >= SAME


def test_sliders_at_their_own_values_change_nothing(studio: Studio) -> None:
    """Guards against a picture that jumps when its sliders are first touched."""
    recipe = studio.recipe(prompt="a dog", seed=11)
    code = studio.code_of_recipe(recipe)
    assert len(code) == len(studio.sliders) == 20
    held = dataclasses.replace(recipe, code=code)
    assert studio.draw_now(held).image.tobytes() == studio.draw_now(recipe).image.tobytes()
    assert studio.code_of_recipe(held) == code
    moved = dataclasses.replace(recipe, code=(code[0] + 2, *code[1:]))
    assert alike(studio.draw_now(moved), studio.draw_now(recipe)) < SAME


def test_random_state_is_left_alone(studio: Studio) -> None:
    """Guards against drawing that changes what other parts of the program do next."""
    before = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().tolist()
    *_, last = studio.stream([studio.recipe(prompt="a dog", seed=3)])
    assert last.done
    studio.random_prompt(4)
    after = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().tolist()
    assert before == after


def test_previews_become_the_picture(studio: Studio) -> None:
    """Guards against previews of another picture than the one that comes out."""
    recipes, looks = [studio.recipe(prompt="a red apple", seed=seed, steps=40) for seed in range(3)], []
    drawn = studio._checkpoint.pipeline.draw(recipes, lambda step, steps, preview: looks.append(preview()))
    for early, late, end in zip(looks[9], looks[29], drawn, strict=True):
        assert alike(Picture(early, end.recipe), end) < alike(Picture(late, end.recipe), end)
    *_, last = studio.stream(recipes)
    assert last.done and last.finished == last.pictures
    assert [p.image.tobytes() for p in last.pictures] == [p.image.tobytes() for p in drawn]


def test_a_recipe_gets_what_the_checkpoint_needs(studio: Studio) -> None:
    """Guards against recipes that name no checkpoint, and so draw something else one day."""
    recipe = studio.recipe(prompt="a dog", seed=9)
    assert (recipe.checkpoint, recipe.size) == (studio.digest, 32)
    assert studio.recipe(checkpoint="").checkpoint == ""
    nameless = Recipe("a dog", seed=9, size=32)
    assert studio.draw_now(nameless) == Picture(studio.draw_now(recipe).image, recipe)
    with pytest.raises(ValueError, match="seed"):
        studio.recipe(seed=-1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"checkpoint": "abcdef"}, "abcdef.*in use"),
        ({"size": 64}, "size 32; got 64"),
        ({"edits": ({"kind": "crop"},)}, "edits"),
    ],
)
def test_what_cannot_be_drawn_is_refused(studio: Studio, fields: dict, message: str) -> None:
    """Guards against a picture that is not the one its recipe names."""
    recipe = studio.recipe(**fields)
    for ask in (lambda: studio.draw([recipe]), lambda: next(studio.stream([recipe]))):
        with pytest.raises(ValueError, match=message):
            ask()


# --- edits


def test_edits_are_the_same_among_galleries_as_alone(studio: Studio) -> None:
    """Guards against edits that see what is drawn beside them, or another picture's results."""
    picture = studio.draw_now(studio.recipe(prompt="a red apple", seed=3))
    asked = {
        "vary": [Variation(0.4, seed) for seed in range(3)],
        "change": [PromptEdit("a dog", None, 0.3, 3.0)],
        "enlarge": [Upscale(2, studio.upscaler)],
    }
    editor = studio._checkpoint.editor
    alone = {kind: run(editor.apply(picture, todo)) for kind, todo in asked.items()}
    with ThreadPoolExecutor(4) as pool:
        galleries = [pool.submit(studio.draw, assorted(studio)) for _ in range(2)]
        edited = {
            kind: pool.submit(lambda t=todo: list(studio.edit(picture, t))) for kind, todo in asked.items()
        }
        for kind, made in edited.items():
            *_, last = made.result()
            assert last.done and last.finished == last.pictures
            for one, other in zip(alone[kind], last.pictures, strict=True):
                assert one.recipe == other.recipe and alike(one, other) >= SAME
        assert all(len(gallery.result()) == 8 for gallery in galleries)


def test_a_stopped_edit_ends_without_pictures(studio: Studio) -> None:
    """Guards against a Stop that waits for the end, between stages too."""
    picture = studio.draw_now(studio.recipe(prompt="a dog", seed=3))
    cancel = threading.Event()
    frames = studio.edit(picture, [PromptEdit("a cat", None, 0.1, 3.0)], cancel)
    assert not next(frames).done
    cancel.set()
    assert not any(frame.done for frame in frames)
    assert studio.edit_now(picture, PromptEdit()).image.size == (32, 32)


def test_an_edited_recipe_is_replayed(studio: Studio) -> None:
    """Guards against a link whose picture is another than the one it was copied from."""
    picture = studio.draw_now(studio.recipe(prompt="a dog", seed=3))
    *_, last = studio.edit(picture, [Variation(0.4, 1)])
    *_, again = studio.replay(Recipe.from_query(last.pictures[0].recipe.to_query()))
    assert again.pictures[0].image.tobytes() == last.pictures[0].image.tobytes()
    assert studio.reconstruct(again.pictures[0]).code == studio.code_of_picture(again.pictures[0])
    noise = Image.effect_noise((40, 30), 90)
    file = io.BytesIO()
    noise.save(file, "PNG")
    opened = studio.open_file(file.getvalue(), "a dog")
    *_, last = studio.edit(opened, [Variation(0.4, 1)])
    with pytest.raises(MissingFileError):
        list(studio.replay(last.pictures[0].recipe))


def test_an_upscaler_beside_a_checkpoint_is_used(folder: Path) -> None:
    """Guards against a checkpoint that does not open without an upscaler, or ignores one that is there."""
    with Studio(folder) as studio:
        assert studio.upscaler == "lanczos"
    Upscaler(16, 1).save(folder)
    with Studio(folder) as studio:
        assert studio.upscaler == Upscaler.load(folder).digest
        picture = studio.draw_now(studio.recipe(prompt="a dog", seed=3))
        *_, last = studio.edit(picture, [Upscale(4, studio.upscaler)])
        assert last.pictures[0].image.size == (128, 128)
    (folder / "upscaler.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"upscaler\.safetensors"):
        Studio(folder)


def test_nothing_to_draw_is_an_error(studio: Studio) -> None:
    """Guards against waiting for ever for no pictures."""
    with pytest.raises(ValueError, match="at least one"):
        studio.draw([])


def test_checkpoints_can_be_chosen(home: Path, studio: Studio) -> None:
    """Guards against a picker that offers what is no checkpoint, and pictures of the one before."""
    recipe = studio.recipe(prompt="a dog", seed=1)
    before = studio.draw_now(recipe)
    running = studio.stream([dataclasses.replace(recipe, steps=30)])
    next(running)
    assert (studio.model_name, studio.checkpoints()) == ("tiny", ["other", "tiny"])
    studio.select_checkpoint("other")
    try:
        assert (studio.model_name, studio.card) == ("other", "# A small DALL·E")
        assert studio.digest != recipe.checkpoint
        with pytest.raises(ValueError, match="in use"):
            studio.draw_now(recipe)
        assert alike(studio.draw_now(studio.recipe(prompt="a dog", seed=1)), before) < SAME
        *_, last = running
        assert last.done and last.pictures[0].recipe.checkpoint == recipe.checkpoint
    finally:
        studio.select_checkpoint("tiny")
    assert studio.draw_now(recipe).image.tobytes() == before.image.tobytes()
    for name in ("notes", "../tiny", "readme.txt", ""):
        with pytest.raises(ValueError, match="there are other, tiny"):
            studio.select_checkpoint(name)


def test_a_checkpoint_from_elsewhere(studio: Studio, home: Path, tmp_path: Path) -> None:
    """Guards against a taught checkpoint that is called after its folder, or that hides the others."""
    taught = tiny_checkpoint(tmp_path / "run" / "checkpoint-000300", seed=2)
    studio.load_checkpoint(taught, "a-blorple")
    try:
        assert (studio.model_name, studio.folder) == ("a-blorple", taught)
        assert studio.checkpoints() == ["other", "tiny"]
        assert studio.draw_now(studio.recipe(prompt="a dog")).recipe.checkpoint == studio.digest
        with pytest.raises(CheckpointError):
            studio.load_checkpoint(tmp_path)
        assert studio.model_name == "a-blorple"
    finally:
        studio.select_checkpoint("tiny")


def test_the_card_has_no_front_matter(studio: Studio) -> None:
    """Guards against YAML on the page."""
    assert studio.card == "# Tiny\n\nDraws noise."


def test_help_with_words(studio: Studio) -> None:
    """Guards against flagging every word where it is not known which words are known."""
    assert studio.read("an aple and a zyzzyva").notes == ()
    assert studio.truncated_end(studio.read("a dog")) == ""
    long = "a red apple " * 30
    end = studio.truncated_end(studio.read(long))
    assert long.strip().endswith(end) and len(end) > 100
    with pytest.raises(InputError, match="prompt has 1,001 characters; 1,000 are allowed"):
        studio.read("x" * 1001)
    assert studio.random_prompt(1) == studio.random_prompt(1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint to add files to."""
    monkeypatch.setattr(runtime, "inference_dtype", lambda: torch.float32)
    monkeypatch.setattr(runtime, "device", lambda: torch.device("cpu"))
    return tiny_checkpoint(tmp_path / "mine")


def test_what_stands_beside_a_checkpoint_is_read(folder: Path) -> None:
    """Guards against names, words and prompts that were measured and then ignored."""
    name = {"en": "size", "zh": "大小"}
    slider = {
        "index": 3,
        "name": name,
        "low": {"en": "small", "zh": "小"},
        "high": {"en": "large", "zh": "大"},
    }
    (folder / "sliders.json").write_text(json.dumps([slider]))
    (folder / "labels.json").write_text(json.dumps(["a red apple"]))
    (folder / "words.json").write_text(json.dumps(["apple", "dog", "red"]))
    (folder / "prompts.json").write_text(json.dumps(["a red dog"]))
    with Studio(folder) as studio:
        assert (studio.sliders[0].index, studio.sliders[0].name) == (3, name)
        assert len({slider.index for slider in studio.sliders}) == 20
        assert studio.read("a red appple").text == "a red apple"
        assert studio.random_prompt(5) == "a red dog"


@pytest.mark.parametrize("file", ["sliders.json", "labels.json", "words.json", "prompts.json"])
@pytest.mark.parametrize("text", ["{", "{}", '[{"index": 0}]', "[1]"])
def test_damaged_files_are_named(folder: Path, file: str, text: str) -> None:
    """Guards against a server that starts and fails later, at a visitor's hands."""
    (folder / file).write_text(text)
    if (file, text) == ("sliders.json", "{}"):
        return  # an empty object iterates like an empty list
    threads = threading.active_count()
    with pytest.raises(CheckpointError, match=file):
        Studio(folder)
    assert threading.active_count() == threads


def test_no_thread_outlives_its_studio(folder: Path) -> None:
    """Guards against a program that does not end, and a closed studio that keeps its visitors waiting."""
    threads = threading.active_count()
    with Studio(folder) as studio:
        frames = studio.stream([studio.recipe(prompt="a dog", steps=100)])
        next(frames)
    with pytest.raises(RuntimeError, match="closed"):
        list(frames)
    assert threading.active_count() == threads
