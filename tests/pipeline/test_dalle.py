"""Laws of drawing and of checkpoints."""

import json
import math
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from dalle import images
from dalle.networks.flow import CODE_SWITCH_TIME
from dalle.pipeline.checkpoint import CheckpointError
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Picture, Recipe, save_png
from tests.tiny import CAPTIONS, tiny_checkpoint, tiny_model

SAME = 45  # dB


@pytest.fixture(scope="module")
def model() -> DALLE:
    return tiny_model()


def decibels(a: Image.Image, b: Image.Image) -> float:
    error = np.square(np.asarray(a, np.float64) - np.asarray(b, np.float64)).mean()
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def bytes_of(pictures: list[Picture]) -> list[bytes]:
    return [picture.image.tobytes() for picture in pictures]


# --- drawing


def test_the_same_recipe_gives_the_same_file(model: DALLE, tmp_path: Path) -> None:
    """Guards against pictures that depend on chance or on what was drawn before."""
    for name in ("first.png", "second.png"):
        save_png(model.generate("a red apple", seed=7)[0], tmp_path / name)
        model.generate("something else", count=2)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_alone_or_among_eight(model: DALLE) -> None:
    """Guards against pictures that see each other, as through the padding of a longer prompt."""
    prompts = [*CAPTIONS, "", "a dog " * 20, "!"]
    recipes = [
        Recipe(prompt, seed=n, size=32, guidance=g, negative="a dog" * (n % 2))
        for n, (prompt, g) in enumerate(zip(prompts, [1, 3, 0, 7.5] * 2, strict=True))
    ]
    together, alone = model.draw(recipes), [model.draw([recipe])[0] for recipe in recipes]
    assert [picture.recipe for picture in together] == recipes
    assert min(decibels(a.image, b.image) for a, b in zip(together, alone, strict=True)) >= SAME
    others = [decibels(a.image, b.image) for n, a in enumerate(alone) for b in alone[:n]]
    assert max(others) < SAME - 10  # or the test could not fail


def test_different_steps_in_one_call(model: DALLE) -> None:
    """Guards against recipes that come back in another order than they were given."""
    recipes = [Recipe("a dog", steps=steps, seed=n, size=32) for n, steps in enumerate((3, 5, 3, 3, 1))]
    drawn = model.draw(recipes)
    assert [picture.recipe for picture in drawn] == recipes
    for recipe, picture in zip(recipes, drawn, strict=True):
        assert decibels(picture.image, model.draw([recipe])[0].image) >= SAME


def test_a_recipe_that_would_give_another_picture_is_refused(model: DALLE) -> None:
    """Guards against a picture whose recipe says edits that were not made, or other weights."""
    fine = Recipe("a dog", steps=1, size=32)
    for recipe, message in (
        (replace(fine, edits=({"kind": "cut-out"},)), "has edits .*edit replay"),
        (replace(fine, checkpoint="another"), "for checkpoint another.*load that checkpoint"),
    ):
        with pytest.raises(ValueError, match=message):
            model.draw([fine, recipe])


def test_more_than_a_batch(model: DALLE) -> None:
    """Guards against pictures lost where a gallery is drawn in parts."""
    seeds = [picture.recipe.seed for picture in model.generate("a dog", count=19, seed=5, steps=1)]
    assert seeds == list(range(5, 24))


def test_the_code_of_a_recipe_draws_the_same(model: DALLE) -> None:
    """Guards against sliders that change the picture when they are merely shown."""
    recipe = Recipe("a dog", seed=3, size=32)
    held = replace(recipe, code=model.codes([recipe])[0])
    assert model.codes([held]) == model.codes([recipe])
    assert bytes_of(model.draw([held])) == bytes_of(model.draw([recipe]))
    moved = replace(held, code=(held.code[0] + 2, *held.code[1:]))
    assert bytes_of(model.draw([moved])) != bytes_of(model.draw([recipe]))


def test_the_global_random_state_is_untouched(model: DALLE, tmp_path: Path) -> None:
    """Guards against a library that disturbs the caller's own random numbers."""
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    model.generate("a dog", count=2)
    model.save_pretrained(tmp_path / "checkpoint")
    DALLE.from_pretrained(tmp_path / "checkpoint").draw([Recipe("a dog", seed=1, size=32)])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_seeds_end_and_begin_anew(model: DALLE) -> None:
    """Guards against a gallery whose last pictures have no valid recipe, and seeds that are bent silently."""
    seeds = [picture.recipe.seed for picture in model.generate("", count=3, seed=2**32 - 2, steps=1)]
    assert seeds == [2**32 - 2, 2**32 - 1, 0]
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match=f"seed must be .* got {seed}"):
            model.generate("", seed=seed)


def test_ranking_puts_the_fitting_picture_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against an order that is upside down, or that goes by another picture's prompt."""
    model = tiny_model()
    colours = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
    axes = {prompt: torch.eye(3)[n] for n, prompt in enumerate(colours)}
    told = model.read([""])
    monkeypatch.setattr(
        model, "read", lambda texts: told._replace(embedding=torch.stack([axes[text] for text in texts]))
    )
    monkeypatch.setattr(model.tower, "forward", lambda images: images.mean((2, 3)))
    pictures = [
        Picture(Image.new("RGB", (32, 32), colours[shown]), Recipe(asked, seed=n, size=32))
        for n, (shown, asked) in enumerate([("red", "blue"), ("green", "green"), ("blue", "red")])
    ]
    assert model.ranked(pictures) == [pictures[1], pictures[0], pictures[2]]


@pytest.mark.parametrize("count", [0, -3])
def test_no_pictures_is_a_mistake(model: DALLE, count: int) -> None:
    """Guards against an empty gallery that looks like a failure."""
    with pytest.raises(ValueError, match=f"count must be at least 1; got {count}"):
        model.generate("a dog", count=count)


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
def test_any_prompt_is_drawn_or_refused_clearly(model: DALLE, prompt: str, message: str | None) -> None:
    """Guards against prompts that crash."""
    if message is None:
        assert model.generate(prompt, seed=1)[0].image.size == (32, 32)
    else:
        with pytest.raises(ValueError, match=message):
            model.generate(prompt)


def test_previews_end_in_the_picture(model: DALLE) -> None:
    """Guards against previews of another picture, and steps that are not counted."""
    seen: list[tuple[int, int, list[Image.Image]]] = []
    drawn = model.generate("a dog", 2, 1, lambda step, steps, look: seen.append((step, steps, look())))
    assert [(step, steps) for step, steps, _ in seen] == [
        (step, Recipe.steps) for step in range(1, Recipe.steps + 1)
    ]
    distances = [decibels(pictures[0], drawn[0].image) for _, _, pictures in seen]
    assert distances[-1] > distances[0]


def test_a_mean_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a crowd that pays for everybody's mean again whenever somebody comes or goes."""
    model, asked = tiny_model(), []
    velocity = model.normalizer.velocity
    given = velocity.given

    def counted(caption, code, mean=None, own=None):
        asked.append((len(code), mean is not None))
        return given(caption, code, mean, own)

    monkeypatch.setattr(velocity, "given", counted)
    recipes = [Recipe("a dog", seed=1, size=32), Recipe("a dog", guidance=1, seed=2, size=32)]
    first, second = (model.begin(recipe) for recipe in recipes)
    model.field([first])
    means = first.means
    field = model.field([first, second])
    assert asked == [(2, False), (2, True), (1, False), (3, True)]
    assert first.means is means and (len(first.means), len(second.means)) == (2, 1)
    x, time = torch.stack([first.walk.x, second.walk.x]), torch.ones(2)
    towards, away = means
    wanted = away + Recipe().guidance * (towards - away)
    assert torch.allclose(field(x, time), x - torch.stack([wanted, *second.means]), atol=1e-5)
    model.field([second, first])
    assert asked[4:] == [(3, True)]


def test_a_code_that_was_not_moved_is_its_own() -> None:
    """Guards against pictures that change as soon as a slider is touched."""
    model, recipe = tiny_model(), Recipe("a dog", seed=3, size=32)
    (code,) = model.codes([recipe])
    plain, named = model.draw([recipe, replace(recipe, code=code)])
    assert plain.image.tobytes() == named.image.tobytes()


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_a_moved_code_counts_for_the_mean_at_once_and_for_the_rest_later(guidance: float) -> None:
    """Guards against sliders that make pictures jump from one drawing to another."""
    model, recipe = tiny_model(), Recipe("a dog", seed=3, size=32, guidance=guidance)
    (code,) = model.codes([recipe])
    drawings = [model.begin(replace(recipe, code=(value, *code[1:]))) for value in (2.0, code[0])]
    moved, still = (model.field([drawing]) for drawing in drawings)
    by = drawings[0].moved
    assert by.abs().max() > 1e-3 and not drawings[1].moved.any()
    x = torch.randn(1, *by.shape, generator=torch.Generator().manual_seed(0))
    for time in (CODE_SWITCH_TIME + 0.01, 0.7, 0.99):
        at = torch.tensor([time])
        assert torch.allclose(moved(x + (1 - time) * by, at), still(x, at) - by, atol=1e-5)
    drawings[0].own, drawings[0].own_means = None, ()
    plain = model.field(drawings[:1])
    for time in (0.05, CODE_SWITCH_TIME, 1.0):
        at = torch.tensor([time])
        assert torch.allclose(moved(x, at), plain(x, at), atol=1e-5)
    assert not torch.allclose(moved(x, torch.tensor([0.7])), plain(x, torch.tensor([0.7])), atol=1e-4)


@pytest.mark.parametrize(("dtype", "least"), [(torch.float32, 40), (torch.bfloat16, 20)])
def test_encode_and_decode(tmp_path: Path, dtype: torch.dtype, least: float) -> None:
    """Guards against arrows that part: what the autoencoder holds of a picture comes back, in any dtype."""
    model = DALLE.from_pretrained(tiny_checkpoint(tmp_path), dtype)
    pictures = images.from_images([picture.image for picture in model.generate("a dog", 3, seed=1)])
    captions = ["a dog", "", "something else, and longer"]
    there = model.encode(pictures, captions, steps=50)
    assert there.code.shape == (3, 20)
    assert there.noise.shape == (3, model.config.tokens, model.config.channels)
    held = model.generator(model.extractor(pictures.to(dtype)).to(dtype)).float()
    assert images.psnr(model.decode(there, captions, steps=50), held).min() > least


# --- checkpoints


def test_a_checkpoint_is_exact(model: DALLE, tmp_path: Path) -> None:
    """Guards against keys that are left out, renamed or rounded twice on the way to the disk and back."""
    digest = model.save_pretrained(tmp_path / "one", card="# A card\n")
    again = DALLE.from_pretrained(tmp_path / "one")
    assert again.digest == digest and again.config == model.config
    state, expected = again.state_dict(), model.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name].bfloat16().float()) for name in expected)
    assert torch.equal(again.tokenizer(CAPTIONS), model.tokenizer(CAPTIONS))
    assert again.save_pretrained(tmp_path / "two") == digest
    assert (tmp_path / "one/README.md").read_text() == "# A card\n"
    files = {path.name: path.suffix for path in (tmp_path / "one").iterdir()}
    assert sorted(files) == ["README.md", "config.json", "model.safetensors", "tokenizer.json"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_digest_names_the_weights(tmp_path: Path) -> None:
    """Guards against links that open with other weights than they were made with."""
    model = tiny_model()
    first = model.save_pretrained(tmp_path / "a")
    assert model.save_pretrained(tmp_path / "b", card="another card") == first
    model.tower.temperature += 0.1
    assert model.save_pretrained(tmp_path / "b") != first
    assert (
        DALLE.from_pretrained(tmp_path / "b").digest != first == DALLE.from_pretrained(tmp_path / "a").digest
    )


def test_a_save_that_fails_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a full disk that takes the last good weights with it."""
    model = tiny_model()
    digest = model.save_pretrained(tmp_path / "checkpoint")
    model.tower.temperature += 1

    def full(state: dict, path: Path, header: dict) -> None:
        path.write_bytes(b"half")
        raise safetensors.SafetensorError("No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.raises(CheckpointError, match=r"could not be .*No space"),
    ):
        patch.setattr(safetensors.torch, "save_file", full)
        model.save_pretrained(tmp_path / "checkpoint")
    with monkeypatch.context() as patch, pytest.raises(CheckpointError, match="could not be written"):
        patch.setattr(model.tokenizer, "save", lambda path: path.joinpath("no/such").write_text(""))
        model.save_pretrained(tmp_path / "checkpoint")
    assert DALLE.from_pretrained(tmp_path / "checkpoint").digest == digest
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_checkpoint_is_on_the_disk_before_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a power cut that leaves neither."""
    folder, settled, at_deletion, rmtree = tmp_path / "checkpoint", set(), [], shutil.rmtree
    tiny_model().save_pretrained(folder)

    def delete(path: Path, **options: object) -> None:
        at_deletion.append((path.name.endswith("-old"), set(settled)))
        rmtree(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda opened: settled.add(os.fstat(opened).st_ino))
        patch.setattr(shutil, "rmtree", delete)
        tiny_model().save_pretrained(folder)
    assert at_deletion[0][0]
    assert {path.stat().st_ino for path in (*folder.iterdir(), folder, tmp_path)} <= at_deletion[0][1]


def test_a_folder_of_other_things_is_not_replaced(model: DALLE, tmp_path: Path) -> None:
    """Guards against somebody's documents, deleted because a checkpoint was saved there."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match="holds other things than a checkpoint"):
        model.save_pretrained(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def missing(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))


def torch_saved(folder: Path) -> None:
    torch.save({"weights": torch.ones(3)}, folder / "model.safetensors")


def of_another_program(folder: Path) -> None:
    safetensors.torch.save_file({"unet.conv_in.weight": torch.ones(3, 3)}, folder / "model.safetensors")


def one_key_less(folder: Path) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    del state["tower.temperature"]
    safetensors.torch.save_file(state, folder / "model.safetensors")


def one_key_more(folder: Path) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file(state | {"more": torch.ones(1)}, folder / "model.safetensors")


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def unknown_key(folder: Path) -> None:
    change_config(folder, sampler="euler")


def of_other_sizes(folder: Path) -> None:
    change_config(folder, image_size=64)


def of_odd_sizes(folder: Path) -> None:
    change_config(folder, text={"heads": 0})


def no_json(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\x80\x04\xff")


def foreign_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("<start>", "[CLS]"))


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')


DAMAGES = [
    missing,
    truncated,
    empty,
    pickled,
    torch_saved,
    of_another_program,
    one_key_less,
    one_key_more,
    unknown_key,
    of_other_sizes,
    of_odd_sizes,
    no_json,
    foreign_tokenizer,
    no_tokenizer,
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("model") / "checkpoint")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_checkpoint_is_refused(
    checkpoint: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Guards against a checkpoint that half loads, runs a pickle, or fails with somebody else's words."""
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    DALLE.from_pretrained(folder)
    damage(folder)
    with pytest.raises(CheckpointError, match=r"/copy (is no checkpoint: .*|cannot be read .*)") as error:
        DALLE.from_pretrained(folder)
    assert len(str(error.value)) < 700


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Guards against a traceback where a name was mistyped."""
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        DALLE.from_pretrained(tmp_path / "emojy")
