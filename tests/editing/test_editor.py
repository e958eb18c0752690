"""Tests of dalle/editing/editor.py and edit_methods.py, on untrained networks that sample in milliseconds."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image

from dalle import edits, images
from dalle.editing.editor import Editor, MissingFileError
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
)
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sampler import run
from dalle.recipe import Picture, Recipe, save_png
from tests.tiny import tiny_pipeline

SIZE = 32


@pytest.fixture(scope="module")
def editor() -> Editor:
    pipeline = tiny_pipeline()
    pipeline.model.digest = "tiny"
    upscaler = Upscaler(16, 2)
    upscaler.digest = "fedcba987654"
    return Editor(pipeline.make_sampler(), upscaler.eval().requires_grad_(False))


@pytest.fixture(scope="module")
def apple(editor: Editor) -> Picture:
    return DALLE(editor.model).generate("a red apple", seed=3)[0]


def decibels(a: Image.Image, b: Image.Image) -> float:
    pair = images.from_images([images.flatten_alpha(a), images.flatten_alpha(b)])
    return images.psnr(pair[:1], pair[1:]).item()


def apply(editor: Editor, picture: Picture, *edit_list: Edit) -> list[Picture]:
    return run(editor.apply(picture, edit_list))


def png(picture: Picture) -> bytes:
    file = io.BytesIO()
    save_png(picture, file)
    return file.getvalue()


def square(left: int, top: int, side: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def some_edits(editor: Editor, other: Recipe) -> list[Edit]:
    """One of every kind that can be applied to a picture with a background that is not flat."""
    code = (0.5,) * 20
    return [
        Variation(0.4, 7),
        PromptEdit("a dog", code, 0.3, 3.0),
        Inpaint(edits.pack_mask(square(4, 4, 9)), "a dog", 5),
        Outpaint(0.25, 0, 1, "a red apple", 6),
        Interpolate(other.to_dict(), 0.5),
        Upscale(2, editor.upscaler_id),
        Upscale(2),
    ]


def test_the_same_edit_gives_the_same_picture(editor: Editor, apple: Picture) -> None:
    """Guards against edits that depend on the global random state, or on cached results of another edit."""
    fresh = Editor(editor.sampler, editor.upscaler.network)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for edit in some_edits(editor, Recipe("a dog", seed=1, checkpoint="tiny", size=SIZE)):
        (first,), (second,) = apply(editor, apple, edit), apply(fresh, apple, edit)
        assert first.image.tobytes() == second.image.tobytes(), edit
        assert first.recipe == edits.with_edit(apple.recipe, edit)
    assert torch.equal(before, torch.get_rng_state())


def test_every_edit_changes_the_picture(editor: Editor, apple: Picture) -> None:
    """Guards against edits that do nothing, which would pass the test above."""
    for edit in some_edits(editor, Recipe("a dog", seed=1, checkpoint="tiny", size=SIZE))[:5]:
        (result,) = apply(editor, apple, edit)
        assert decibels(result.image, apple.image) < 40, edit


def test_a_chain_of_edits_is_replayed_from_its_recipe(editor: Editor, apple: Picture) -> None:
    """Guards against a link or a PNG file that gives another picture than the one it was saved from."""
    picture = apple
    for edit in some_edits(editor, Recipe("a dog", seed=1, checkpoint="tiny", size=SIZE)):
        (picture,) = apply(editor, picture, edit)
    replayed = run(editor.replay(Recipe.from_query(picture.recipe.to_query())))
    assert replayed.recipe == picture.recipe
    assert replayed.image.tobytes() == picture.image.tobytes()


def test_an_edit_gives_the_same_alone_and_in_a_batch(editor: Editor, apple: Picture) -> None:
    """Guards against samples of one batch that influence each other."""
    edit_list = [PromptEdit("a dog", keep=keep, guidance=3.0) for keep in (0.0, 0.3, 0.6, 0.9)]
    together = apply(editor, apple, *edit_list)
    for edit, picture in zip(edit_list, together, strict=True):
        assert decibels(picture.image, apply(editor, apple, edit)[0].image) > 45


def test_strength_parameters_are_monotone_between_their_ends(editor: Editor, apple: Picture) -> None:
    """Guards against `amount` or `keep` with the wrong sign."""
    reconstruction = run(editor.reconstruct(apple)).picture.image
    little, much = apply(editor, apple, Variation(0.02, 1), Variation(1.0, 1))
    assert decibels(little.image, reconstruction) > decibels(much.image, reconstruction)
    much, little = apply(editor, apple, PromptEdit("a dog", keep=0.0), PromptEdit("a dog", keep=0.98))
    assert decibels(little.image, reconstruction) > decibels(much.image, reconstruction)


def test_a_slider_at_its_own_value_changes_nothing(editor: Editor, apple: Picture) -> None:
    """Guards against a picture that jumps when its sliders are first touched."""
    reconstructed = run(editor.reconstruct(apple))
    (unmoved,) = apply(editor, apple, PromptEdit(code=reconstructed.code))
    assert decibels(unmoved.image, reconstructed.picture.image) > 45
    assert reconstructed.psnr == pytest.approx(
        decibels(reconstructed.model_input, reconstructed.picture.image)
    )
    (moved,) = apply(editor, apple, PromptEdit(code=(reconstructed.code[0] + 2, *reconstructed.code[1:])))
    assert decibels(moved.image, reconstructed.picture.image) < 45


# --- inpainting and outpainting


@pytest.mark.parametrize("mask", [square(4, 4, 9), square(0, 0, 1), square(20, 9, 30), square(0, 0, SIZE)])
def test_pixels_outside_the_mask_stay(editor: Editor, apple: Picture, mask: np.ndarray) -> None:
    """Guards against inpainting that changes unmasked pixels."""
    (result,) = apply(editor, apple, Inpaint(edits.pack_mask(mask), "a dog", 5))
    changed = (np.asarray(result.image) != np.asarray(apple.image)).any(-1)
    assert changed.any() and not (changed & ~mask).any()


def test_an_empty_mask_is_refused(editor: Editor, apple: Picture) -> None:
    with pytest.raises(ValueError, match="the mask is empty"):
        apply(editor, apple, Inpaint(edits.pack_mask(square(0, 0, 0)), "a dog", 5))


def test_a_moved_frame_keeps_its_pixels(editor: Editor, apple: Picture) -> None:
    """Guards against outpainting that regenerates or shifts the existing pixels."""
    left, up = apply(editor, apple, Outpaint(0.25, 0, 1, "a dog", 5), Outpaint(0, -0.5, 1, "a dog", 5))
    pixels = np.asarray(apple.image)
    assert (np.asarray(left.image)[:, 8:] == pixels[:, :-8]).all()
    assert (np.asarray(up.image)[:16] == pixels[16:]).all()
    (out,) = apply(editor, apple, Outpaint(0.25, 0.25, 0.5, "a dog", 5))
    small = apple.image.resize((16, 16), Image.Resampling.LANCZOS)
    assert (np.asarray(out.image)[8:24, 8:24] == np.asarray(small)).all()


@pytest.mark.parametrize("frame", [(0, 0, 1), (-0.75, 0.5, 0.25)])
def test_a_frame_without_new_or_without_old_pixels_is_refused(
    editor: Editor, apple: Picture, frame: Sequence[float]
) -> None:
    with pytest.raises(ValueError, match="the frame must move"):
        apply(editor, apple, Outpaint(*frame, "a dog", 5))


# --- interpolation


def test_the_ends_of_an_interpolation_are_its_inputs(editor: Editor, apple: Picture) -> None:
    """Guards against an interpolation that starts or ends with other pictures than its inputs."""
    dog = DALLE(editor.model).generate("a dog", seed=8)[0]
    strip = apply(
        editor, apple, *[Interpolate(dog.recipe.to_dict(), weight) for weight in (0, 0.25, 0.75, 1)]
    )
    assert strip[0].image.tobytes() == apple.image.tobytes()
    assert strip[3].image.tobytes() == dog.image.tobytes()
    assert decibels(strip[1].image, strip[2].image) < 45


# --- files


def test_a_file_is_named_by_its_digest(editor: Editor) -> None:
    """Guards against a link that seems to contain a picture which only its owner has."""
    file = io.BytesIO()
    Image.effect_noise((40, 20), 90).save(file, "JPEG")
    picture = run(editor.open_file(file.getvalue(), "a dog"))
    assert picture.image.size == (40, 20) and picture.recipe.prompt == "a dog"
    digest = images.digest(file.getvalue())
    assert edits.parse_edits(picture.recipe) == [FromFile(digest)]
    (varied,) = apply(editor, picture, Variation(0.5, 1))
    with pytest.raises(MissingFileError, match=digest) as raised:
        run(editor.replay(varied.recipe))
    replayed = run(editor.replay(varied.recipe, {raised.value.digest: picture.image}))
    assert replayed.image.tobytes() == varied.image.tobytes()


def test_a_saved_picture_keeps_its_recipe_when_opened(editor: Editor, apple: Picture) -> None:
    """Guards against a chain of edits that is lost by saving the picture and opening it again."""
    (varied,) = apply(editor, apple, Variation(0.4, 7))
    for picture in (apple, varied):
        opened = run(editor.open_file(png(picture)))
        assert opened.recipe == picture.recipe and opened.image.tobytes() == picture.image.tobytes()


def test_a_wrong_recipe_in_a_file_is_ignored(editor: Editor, apple: Picture) -> None:
    """Guards against the old recipe on a picture that was changed in another program."""
    changed = Picture(Image.new("RGB", (SIZE, SIZE), "blue"), apple.recipe)
    other = Picture(apple.image, Recipe("x", checkpoint="another", size=SIZE))
    for picture in (changed, other):
        opened = run(editor.open_file(png(picture)))
        assert edits.required_files(opened.recipe) == [images.digest(png(picture))]


def test_a_recipe_of_another_checkpoint_is_refused(editor: Editor) -> None:
    with pytest.raises(ValueError, match="in use is tiny"):
        run(editor.replay(Recipe("a dog", checkpoint="another", size=SIZE)))
    with pytest.raises(ValueError, match="in use is tiny"):
        other = Picture(Image.new("RGB", (SIZE, SIZE)), Recipe(checkpoint="another"))
        apply(editor, other, Variation(0.5, 1))
    with pytest.raises(ValueError, match="at size 64"):
        run(editor.replay(Recipe("a dog", size=64)))


# --- sizes and transparency


def test_any_picture_can_be_edited(editor: Editor) -> None:
    """Guards against edits that only take opaque squares of the model's size."""
    for image in (
        Image.new("RGB", (1, 1), "red"),
        Image.new("RGB", (300, 2), "red"),
        Image.new("RGBA", (50, 60), (9, 9, 9, 90)),
    ):
        picture = Picture(image, Recipe("a dog", checkpoint="tiny", size=SIZE))
        (result,) = apply(editor, picture, Variation(0.5, 1))
        assert result.image.size == (SIZE, SIZE)


def test_an_upscaled_picture_keeps_its_transparency(editor: Editor) -> None:
    """Guards against a removed background that is opaque again after upscaling."""
    image = Image.new("RGB", (SIZE, SIZE), "white")
    image.paste("red", (8, 8, 24, 24))
    (cut_out,) = apply(editor, Picture(image, Recipe(size=SIZE)), RemoveBackground())
    for by in (edits.LANCZOS, editor.upscaler_id):
        (large,) = apply(editor, cut_out, Upscale(2, by))
        assert large.image.mode == "RGBA" and large.image.size == (64, 64)
        assert large.image.getpixel((1, 1))[3] == 0 and large.image.getpixel((32, 32))[3] == 255


def test_a_missing_upscaler_is_named(editor: Editor, apple: Picture) -> None:
    """Guards against a link that gives another upscaler's picture."""
    with pytest.raises(ValueError, match="abcdef"):
        apply(editor, apple, Upscale(2, "abcdef"))
    assert Editor(editor.sampler).upscaler_id == edits.LANCZOS


def test_a_batch_has_edits_of_one_kind() -> None:
    editor = Editor(tiny_pipeline().make_sampler())
    picture = Picture(Image.new("RGB", (SIZE, SIZE)), Recipe(size=SIZE))
    for edit_list in ([], [Variation(0.5, 1)] * 17, [Variation(0.5, 1), RemoveBackground()]):
        with pytest.raises(ValueError, match="edits of one kind"):
            apply(editor, picture, *edit_list)
    with pytest.raises(ValueError, match="opened first"):
        apply(editor, picture, FromFile("0" * 16))
