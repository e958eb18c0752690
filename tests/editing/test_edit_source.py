"""Laws of edits where codes have told numbers: what keeps view and light, what acts on the pixels seen."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image

from dalle import edits, images
from dalle.config import CAMERA_NUMBERS, PRESETS, VIEW_NUMBERS
from dalle.editing.edit_source import PLAIN_VIEW, plain_recipe, told_numbers
from dalle.editing.editor import Editor
from dalle.edits import (
    Edit,
    FromFile,
    Inpaint,
    Interpolate,
    Outpaint,
    PromptEdit,
    RemoveBackground,
    Upscale,
    Variation,
    with_edit,
)
from dalle.networks import camera, colour
from dalle.pipeline.latents import initial_codes
from dalle.pipeline.sampler import run
from dalle.recipe import Picture, Recipe
from tests.tiny import TOLD_CONFIG, tiny_pipeline

SIZE, TOLD = 32, TOLD_CONFIG.flow.told
VIEW = (1.0, -0.5, 0.25, -1.0, 0.5, 1.5, 0.5, -1.0, 1.5, 0.0)
LIGHT = (-0.25, 1.0)
MOVED = (-1.0, 0.5, 0.5, 1.0, -0.5, -1.0, 1.0, 0.5, -1.0, 0.5, *LIGHT, *(0.25,) * 8)
RECIPE = Recipe("a red apple", seed=3, checkpoint="told", size=SIZE, code=(*VIEW, *LIGHT, *(0.5,) * 8))
OTHER = Recipe("a dog", seed=8, checkpoint="told", size=SIZE, variety="much")
MASK = np.zeros((SIZE, SIZE), bool)
MASK[4:13, 4:13] = True
ANEW: dict[str, Edit] = {
    "vary": Variation(0.4, 7),
    "words": PromptEdit("a dog", None, 0.3, 3.0),
    "code": PromptEdit(None, MOVED),
    "blend": Interpolate(OTHER.to_dict(), 0.25),
}
PIXELS: dict[str, Edit] = {
    "paint": Inpaint(edits.pack_mask(MASK), "a dog", 5),
    "extend": Outpaint(0.25, 0, 1, "a red apple", 6),
    "enlarge": Upscale(2),
}


@pytest.fixture(scope="module")
def editor() -> Editor:
    pipeline = tiny_pipeline(config=TOLD_CONFIG)
    pipeline.model.digest = "told"
    return Editor(pipeline.make_sampler())


@pytest.fixture(scope="module")
def apple(editor: Editor) -> Picture:
    return run(editor.replay(RECIPE))


def apply(editor: Editor, picture: Picture, *edit_list: Edit) -> list[Picture]:
    return run(editor.apply(picture, edit_list))


def seen(image: Image.Image, numbers: tuple[float, ...]) -> Image.Image:
    """An image in the colours and by the camera of a code."""
    view = torch.tensor([numbers[:VIEW_NUMBERS]])
    coloured = colour.render(images.from_images([image]), view[:, CAMERA_NUMBERS:])
    view = camera.render(coloured, view[:, :CAMERA_NUMBERS])
    return images.to_images(view)[0]


def decibels(a: Image.Image, b: Image.Image) -> float:
    pair = images.from_images([a, b])
    return images.psnr(pair[:1], pair[1:]).item()


def other_told() -> tuple[float, ...]:
    return initial_codes([OTHER], TOLD_CONFIG)[0][:TOLD]


# --- what a recipe says


def test_the_told_numbers_of_a_recipe() -> None:
    """Guards against a camera that a later edit forgets, or one that goes on where pixels were edited."""
    ours, theirs = RECIPE.code[:TOLD], MOVED[:TOLD]
    between = pytest.approx([0.75 * a + 0.25 * b for a, b in zip(ours, other_told(), strict=True)])

    def told(*edit_list: Edit) -> tuple[float, ...]:
        recipe = RECIPE
        for edit in edit_list:
            recipe = with_edit(recipe, edit)
        return told_numbers(recipe, TOLD_CONFIG)

    assert told() == told(ANEW["vary"]) == told(ANEW["words"], ANEW["vary"]) == ours
    assert told(ANEW["code"]) == told(ANEW["code"], ANEW["words"]) == theirs
    assert told(ANEW["blend"]) == between
    for edit in (*PIXELS.values(), RemoveBackground()):
        assert told(edit) == told(ANEW["code"], edit) == told(edit, ANEW["words"]) == ()
        assert told(edit, ANEW["blend"]) == ()
        assert told(edit, ANEW["code"]) == theirs
    seeded = dataclasses.replace(RECIPE, code=None)
    assert told_numbers(seeded, TOLD_CONFIG) == initial_codes([seeded], TOLD_CONFIG)[0][:TOLD]
    opened = with_edit(with_edit(RECIPE, FromFile("0" * 16)), ANEW["code"])
    assert told_numbers(opened, TOLD_CONFIG) == told_numbers(RECIPE, PRESETS["tiny"]) == ()


@pytest.mark.parametrize(
    "chain", ["", "vary", "code", "blend", "paint code", "code vary words", "paint code vary"]
)
def test_the_plain_recipe_is_the_picture_before_its_camera(editor: Editor, chain: str) -> None:
    """Guards against a drawing that another camera changes, and one that is warped twice."""
    recipe = RECIPE
    for name in chain.split():
        recipe = with_edit(recipe, (ANEW | PIXELS)[name])
    told = told_numbers(recipe, TOLD_CONFIG)
    plain = run(editor.replay(plain_recipe(recipe, TOLD_CONFIG)))
    assert told_numbers(plain.recipe, TOLD_CONFIG)[:VIEW_NUMBERS] == PLAIN_VIEW
    assert told_numbers(plain.recipe, TOLD_CONFIG)[VIEW_NUMBERS:] == told[VIEW_NUMBERS:]
    picture = run(editor.replay(recipe))
    assert decibels(picture.image, seen(plain.image, told)) > 40  # one is rounded to bytes before the camera
    assert decibels(picture.image, plain.image) < 30


# --- edits that draw anew


@pytest.mark.parametrize("kind", ANEW)
def test_an_edit_that_draws_anew_does_not_depend_on_the_camera(
    editor: Editor, apple: Picture, kind: str
) -> None:
    """Guards against an edit that redraws the warped picture, and then warps it once more."""
    plain_apple = run(editor.replay(plain_recipe(RECIPE, TOLD_CONFIG)))
    (result,), (plain,) = (apply(editor, each, ANEW[kind]) for each in (apple, plain_apple))
    told = told_numbers(result.recipe, TOLD_CONFIG)
    undone = told_numbers(plain.recipe, TOLD_CONFIG)
    if kind == "code":
        assert result.image.tobytes() == plain.image.tobytes()
    else:
        base = run(editor.replay(plain_recipe(plain.recipe, TOLD_CONFIG)))
        assert decibels(result.image, seen(base.image, told)) > 40
        assert undone != told


def test_an_edit_that_changes_nothing_keeps_camera_and_light(editor: Editor, apple: Picture) -> None:
    """Guards against sliders that jump when a picture is opened in the Edit tab."""
    result = run(editor.reconstruct(apple))
    assert result.code[:TOLD] == pytest.approx(RECIPE.code[:TOLD])
    assert result.model_input.tobytes() == apple.image.tobytes()
    (unmoved,) = apply(editor, apple, PromptEdit(code=result.code))
    assert decibels(unmoved.image, apple.image) > 45


def test_a_camera_moves_a_picture_with_its_own_pixels(editor: Editor, apple: Picture) -> None:
    """Guards against an uploaded picture that is redrawn, and changed, when it is only moved."""
    upload = Picture(apple.image, with_edit(Recipe("a red apple", checkpoint="told"), FromFile("0" * 16)))
    upload = dataclasses.replace(upload, recipe=dataclasses.replace(upload.recipe, size=SIZE))
    code = run(editor.infer_code(upload))
    assert code[:VIEW_NUMBERS] == PLAIN_VIEW
    moved_code = (*VIEW, *code[VIEW_NUMBERS:])
    recoloured_code = (*code[:VIEW_NUMBERS], 2.0, *code[VIEW_NUMBERS + 1 :])
    moves = [PromptEdit(code=moved_code), PromptEdit(code=recoloured_code)]
    moved, recoloured = apply(editor, upload, *moves)
    assert moved.image.tobytes() == seen(apple.image, VIEW).tobytes()
    (alone,) = apply(editor, upload, moves[1])
    assert decibels(recoloured.image, alone.image) > 40


def test_the_way_another_picture_is_drawn_brings_no_camera(editor: Editor, apple: Picture) -> None:
    """Guards against a restyled picture that is also moved, turned and lit as the other one."""
    other = run(editor.replay(OTHER))
    ours, theirs, mixed = (
        run(work)
        for work in (editor.infer_code(apple), editor.infer_code(other), editor.transfer_code(apple, other))
    )
    assert mixed == ours[:TOLD] + theirs[TOLD:]
    assert ours[:TOLD] != theirs[:TOLD] and ours[TOLD:] != theirs[TOLD:]


def test_a_blend_moves_the_camera_evenly(editor: Editor, apple: Picture) -> None:
    """Guards against a film that jumps at its ends, and a camera that is mixed as noise is."""
    weights = (0, 0.5, 1)
    strip = apply(editor, apple, *[Interpolate(OTHER.to_dict(), weight) for weight in weights])
    assert strip[0].image.tobytes() == apple.image.tobytes()
    assert strip[2].image.tobytes() == run(editor.replay(OTHER)).image.tobytes()
    told = told_numbers(strip[1].recipe, TOLD_CONFIG)
    assert told == pytest.approx([(a + b) / 2 for a, b in zip(RECIPE.code, other_told(), strict=False)])


# --- edits of pixels


def test_an_edit_of_pixels_acts_on_what_is_seen(editor: Editor, apple: Picture) -> None:
    """Guards against inpainting that moves the pixels outside the mask, or warps what it generates."""
    (painted,), (extended,) = (apply(editor, apple, PIXELS[kind]) for kind in ("paint", "extend"))
    changed = (np.asarray(painted.image) != np.asarray(apple.image)).any(-1)
    assert changed.any() and not (changed & ~MASK).any()
    assert (np.asarray(extended.image)[:, 8:] == np.asarray(apple.image)[:, :-8]).all()
    (enlarged,) = apply(editor, apple, PIXELS["enlarge"])
    expected = apple.image.resize((2 * SIZE, 2 * SIZE), Image.Resampling.LANCZOS)
    assert enlarged.image.tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", PIXELS)
def test_sliders_go_on_from_an_edit_of_pixels(editor: Editor, apple: Picture, kind: str) -> None:
    """Guards against a camera that acts twice once pixels were edited."""
    (edited,) = apply(editor, apple, PIXELS[kind])
    code = run(editor.infer_code(edited))
    assert code[:VIEW_NUMBERS] == PLAIN_VIEW
    (moved,) = apply(editor, edited, PromptEdit(code=(*VIEW, *code[VIEW_NUMBERS:])))
    (still,) = apply(editor, edited, PromptEdit(code=code))
    assert decibels(moved.image, seen(still.image, VIEW)) > 40


def test_a_file_has_no_camera(editor: Editor) -> None:
    """Guards against an upload that is warped by the camera of seed 0."""
    file = io.BytesIO()
    Image.effect_noise((SIZE, SIZE), 90).convert("RGB").save(file, "PNG")
    opened = run(editor.open_file(file.getvalue(), "a dog"))
    result = run(editor.reconstruct(opened))
    assert result.code[:VIEW_NUMBERS] == PLAIN_VIEW and all(result.code[VIEW_NUMBERS:TOLD])
    model = editor.model
    features = model.extract(images.from_images([opened.image]))
    estimate = model.normalizer.reader(features, editor.sampler.encode_text("a dog")).mean[0]
    assert result.code == pytest.approx(estimate.tolist())


# --- recipes


def test_a_chain_of_edits_is_replayed_from_its_recipe(editor: Editor, apple: Picture) -> None:
    """Guards against a link that gives another picture than the one it was saved from."""
    picture = apple
    for edit in (ANEW["vary"], ANEW["code"], ANEW["words"], PIXELS["paint"], ANEW["blend"], ANEW["code"]):
        (picture,) = apply(editor, picture, edit)
        fresh = Editor(tiny_pipeline(config=TOLD_CONFIG).make_sampler())
        fresh.model.digest = "told"
        replayed = run(fresh.replay(Recipe.from_query(picture.recipe.to_query())))
        assert replayed.recipe == picture.recipe
        assert replayed.image.tobytes() == picture.image.tobytes()
