"""Laws of editing, on networks that draw in milliseconds: what stays, what changes, what comes back."""

import io
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image

from dalle import edits, images
from dalle.editing import inpainting
from dalle.editing.editor import Editor, NeedsFile
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
from dalle.pipeline.batches import run
from dalle.pipeline.sampler import Sampler
from dalle.recipe import Picture, Recipe, save_png
from tests.tiny import tiny_model

SIZE = 32


@pytest.fixture(scope="module")
def editor() -> Editor:
    model = tiny_model()
    model.digest = "tiny"
    upscaler = Upscaler(16, 2)
    upscaler.digest = "fedcba987654"
    return Editor(Sampler(model), upscaler.eval().requires_grad_(False))


@pytest.fixture(scope="module")
def apple(editor: Editor) -> Picture:
    return editor.model.generate("a red apple", seed=3)[0]


def decibels(a: Image.Image, b: Image.Image) -> float:
    pair = images.from_images([images.flattened(a), images.flattened(b)])
    return images.psnr(pair[:1], pair[1:]).item()


def make(editor: Editor, picture: Picture, *asked: Edit) -> list[Picture]:
    return run(editor.edited(picture, asked))


def png(picture: Picture) -> bytes:
    file = io.BytesIO()
    save_png(picture, file)
    return file.getvalue()


def square(left: int, top: int, side: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def some_edits(editor: Editor, other: Recipe) -> list[Edit]:
    """One of every kind that follows a picture."""
    code = (0.5,) * 20
    return [
        Variation(0.4, 7),
        PromptEdit("a dog", code, 0.3, 3.0),
        Inpaint(edits.pack_mask(square(4, 4, 9)), "a dog", 5),
        Outpaint(0.25, 0, 1, "a red apple", 6),
        Interpolate(other.to_dict(), 0.5),
        Upscale(2, editor.enlarged_by),
        Upscale(2),
    ]


def test_the_same_edit_gives_the_same_picture(editor: Editor, apple: Picture) -> None:
    """Guards against edits that depend on chance, or on what was remembered of another."""
    other = Editor(editor.painter, editor.enlarger.upscaler)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for edit in some_edits(editor, Recipe("a dog", seed=1, checkpoint="tiny", size=SIZE)):
        (first,), (second,) = make(editor, apple, edit), make(other, apple, edit)
        assert first.image.tobytes() == second.image.tobytes(), edit
        assert first.recipe == edits.with_edit(apple.recipe, edit)
    assert torch.equal(before, torch.get_rng_state())


def test_every_edit_does_something(editor: Editor, apple: Picture) -> None:
    """Guards against a law of sameness that a do-nothing would pass."""
    for edit in some_edits(editor, Recipe("a dog", seed=1, checkpoint="tiny", size=SIZE))[:5]:
        (made,) = make(editor, apple, edit)
        assert decibels(made.image, apple.image) < 40, edit


def test_a_chain_is_replayed_from_its_recipe(editor: Editor, apple: Picture) -> None:
    """Guards against a link or a PNG file that does not give the picture it was made for."""
    picture = apple
    for edit in some_edits(editor, Recipe("a dog", seed=1, checkpoint="tiny", size=SIZE)):
        (picture,) = make(editor, picture, edit)
    again = run(editor.replayed(Recipe.from_query(picture.recipe.to_query())))
    assert again.recipe == picture.recipe
    assert again.image.tobytes() == picture.image.tobytes()


def test_in_a_batch_or_alone_the_same(editor: Editor, apple: Picture) -> None:
    """Guards against results of one gallery that see each other."""
    asked = [PromptEdit("a dog", keep=keep, guidance=3.0) for keep in (0.0, 0.3, 0.6, 0.9)]
    together = make(editor, apple, *asked)
    for edit, picture in zip(asked, together, strict=True):
        assert decibels(picture.image, make(editor, apple, edit)[0].image) > 45


def test_the_dials_are_monotone_at_their_ends(editor: Editor, apple: Picture) -> None:
    """Guards against a dial that is turned the wrong way."""
    seen = run(editor.seen(apple)).again.image
    little, much = make(editor, apple, Variation(0.02, 1), Variation(1.0, 1))
    assert decibels(little.image, seen) > decibels(much.image, seen)
    much, little = make(editor, apple, PromptEdit("a dog", keep=0.0), PromptEdit("a dog", keep=0.98))
    assert decibels(little.image, seen) > decibels(much.image, seen)


def test_a_slider_at_its_own_value_changes_nothing(editor: Editor, apple: Picture) -> None:
    """Guards against a picture that jumps when its sliders are first touched."""
    seen = run(editor.seen(apple))
    (held,) = make(editor, apple, PromptEdit(code=seen.code))
    assert decibels(held.image, seen.again.image) > 45
    assert seen.psnr == pytest.approx(decibels(seen.fitted, seen.again.image))
    moved = (seen.code[0] + 2, *seen.code[1:])
    assert decibels(make(editor, apple, PromptEdit(code=moved))[0].image, seen.again.image) < 45


# --- painting


@pytest.mark.parametrize("mask", [square(4, 4, 9), square(0, 0, 1), square(20, 9, 30), square(0, 0, SIZE)])
def test_outside_the_mask_every_pixel_stays(editor: Editor, apple: Picture, mask: np.ndarray) -> None:
    """Guards against an inpainting that touches what it was told to leave."""
    (made,) = make(editor, apple, Inpaint(edits.pack_mask(mask), "a dog", 5))
    changed = (np.asarray(made.image) != np.asarray(apple.image)).any(-1)
    assert changed.any() and not (changed & ~mask).any()


def test_the_new_is_toned_to_meet_the_old() -> None:
    """Guards against a step at the rim that a fade alone leaves, and a seam at the picture's own edge."""
    known, new = Image.new("RGB", (SIZE, SIZE), "black"), Image.new("RGB", (SIZE, SIZE), "gray")
    row = np.asarray(inpainting.blend(known, new, square(0, 0, 20)))[1, :, 0].astype(int)
    assert row[20:].tolist() == [0] * 12
    steps = -np.diff(row)
    assert steps.min() >= 0 and steps.max() <= math.ceil(128 / (inpainting.FEATHER + 1))
    assert 0 < steps[19] <= 128 / (inpainting.FEATHER + 1) / 3


def test_a_tone_stays_near_the_rim() -> None:
    """Guards against a thing that is tinted as a whole because another thing meets it at the rim."""
    known, new = Image.new("RGB", (SIZE, SIZE), "black"), Image.new("RGB", (SIZE, SIZE), "gray")
    row = np.asarray(inpainting.blend(known, new, square(0, 0, 30)))[1, :, 0].astype(int)
    assert row[:10].min() >= 125


@pytest.mark.parametrize("seed", range(4))
def test_any_seam_is_exact_outside_and_the_same_twice(seed: int) -> None:
    """Guards against a correction that leaves the mask, or never ends, on pictures that nobody would draw."""
    random = np.random.default_rng(seed)
    known, new = (Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)) for _ in range(2))
    mask = random.random((SIZE, SIZE)) < (0, 0.3, 0.9, 1)[seed]
    first, second = (np.asarray(inpainting.blend(known, new, mask)) for _ in range(2))
    assert (first == second).all()
    assert (first == np.asarray(known))[~mask].all()


def test_an_empty_mask_is_refused(editor: Editor, apple: Picture) -> None:
    with pytest.raises(ValueError, match="the mask is empty"):
        make(editor, apple, Inpaint(edits.pack_mask(square(0, 0, 0)), "a dog", 5))


def test_a_moved_frame_keeps_its_pixels(editor: Editor, apple: Picture) -> None:
    """Guards against an outpainting that redraws, or shifts, what was there."""
    left, up = make(editor, apple, Outpaint(0.25, 0, 1, "a dog", 5), Outpaint(0, -0.5, 1, "a dog", 5))
    pixels = np.asarray(apple.image)
    assert (np.asarray(left.image)[:, 8:] == pixels[:, :-8]).all()
    assert (np.asarray(up.image)[:16] == pixels[16:]).all()
    (out,) = make(editor, apple, Outpaint(0.25, 0.25, 0.5, "a dog", 5))
    small = apple.image.resize((16, 16), Image.Resampling.LANCZOS)
    assert (np.asarray(out.image)[8:24, 8:24] == np.asarray(small)).all()


@pytest.mark.parametrize("frame", [(0, 0, 1), (-0.75, 0.5, 0.25)])
def test_a_frame_that_shows_nothing_new_or_nothing_old(
    editor: Editor, apple: Picture, frame: Sequence[float]
) -> None:
    with pytest.raises(ValueError, match="the frame must move"):
        make(editor, apple, Outpaint(*frame, "a dog", 5))


# --- blending


def test_the_ends_of_a_blend_are_its_inputs(editor: Editor, apple: Picture) -> None:
    """Guards against a strip that begins or ends with another picture than the one it was given."""
    dog = editor.model.generate("a dog", seed=8)[0]
    strip = make(editor, apple, *[Interpolate(dog.recipe.to_dict(), weight) for weight in (0, 0.25, 0.75, 1)])
    assert strip[0].image.tobytes() == apple.image.tobytes()
    assert strip[3].image.tobytes() == dog.image.tobytes()
    assert decibels(strip[1].image, strip[2].image) < 45


# --- files


def test_a_file_is_named_by_its_digest(editor: Editor) -> None:
    """Guards against a link that pretends to hold a picture which only its owner has."""
    file = io.BytesIO()
    Image.effect_noise((40, 20), 90).save(file, "JPEG")
    picture = run(editor.opened(file.getvalue(), "a dog"))
    assert picture.image.size == (40, 20) and picture.recipe.prompt == "a dog"
    digest = images.digest(file.getvalue())
    assert edits.read_all(picture.recipe) == [FromFile(digest)]
    (varied,) = make(editor, picture, Variation(0.5, 1))
    with pytest.raises(NeedsFile, match=digest) as needs:
        run(editor.replayed(varied.recipe))
    again = run(editor.replayed(varied.recipe, {needs.value.file: picture.image}))
    assert again.image.tobytes() == varied.image.tobytes()


def test_a_picture_made_here_keeps_its_recipe(editor: Editor, apple: Picture) -> None:
    """Guards against a chain that is broken by saving the picture and opening it again."""
    (varied,) = make(editor, apple, Variation(0.4, 7))
    for picture in (apple, varied):
        opened = run(editor.opened(png(picture)))
        assert opened.recipe == picture.recipe and opened.image.tobytes() == picture.image.tobytes()


def test_a_recipe_that_lies_is_not_believed(editor: Editor, apple: Picture) -> None:
    """Guards against a picture changed elsewhere, whose recipe would still be that of the old one."""
    changed = Picture(Image.new("RGB", (SIZE, SIZE), "blue"), apple.recipe)
    other = Picture(apple.image, Recipe("x", checkpoint="another", size=SIZE))
    for picture in (changed, other):
        assert edits.files(run(editor.opened(png(picture))).recipe) == [images.digest(png(picture))]


def test_a_recipe_of_another_checkpoint_is_refused(editor: Editor) -> None:
    with pytest.raises(ValueError, match="in use is tiny"):
        run(editor.replayed(Recipe("a dog", checkpoint="another", size=SIZE)))
    with pytest.raises(ValueError, match="in use is tiny"):
        make(editor, Picture(Image.new("RGB", (SIZE, SIZE)), Recipe(checkpoint="another")), Variation(0.5, 1))
    with pytest.raises(ValueError, match="at size 64"):
        run(editor.replayed(Recipe("a dog", size=64)))


# --- other sizes, other depths


def test_any_picture_can_be_edited(editor: Editor) -> None:
    """Guards against edits that only take squares of the model's own size, opaque ones."""
    for image in (
        Image.new("RGB", (1, 1), "red"),
        Image.new("RGB", (300, 2), "red"),
        Image.new("RGBA", (50, 60), (9, 9, 9, 90)),
    ):
        picture = Picture(image, Recipe("a dog", checkpoint="tiny", size=SIZE))
        (made,) = make(editor, picture, Variation(0.5, 1))
        assert made.image.size == (SIZE, SIZE)


def test_an_enlarged_picture_keeps_its_transparency(editor: Editor) -> None:
    """Guards against a cut-out that is opaque again once it is enlarged."""
    image = Image.new("RGB", (SIZE, SIZE), "white")
    image.paste("red", (8, 8, 24, 24))
    (cut,) = make(editor, Picture(image, Recipe(size=SIZE)), RemoveBackground())
    for by in (edits.LANCZOS, editor.enlarged_by):
        (large,) = make(editor, cut, Upscale(2, by))
        assert large.image.mode == "RGBA" and large.image.size == (64, 64)
        assert large.image.getpixel((1, 1))[3] == 0 and large.image.getpixel((32, 32))[3] == 255


def test_an_upscaler_that_is_not_here_is_named(editor: Editor, apple: Picture) -> None:
    """Guards against another upscaler's picture under the same link."""
    with pytest.raises(ValueError, match="abcdef"):
        make(editor, apple, Upscale(2, "abcdef"))
    assert Editor(editor.painter).enlarged_by == edits.LANCZOS


def test_what_goes_together() -> None:
    editor = Editor(Sampler(tiny_model()))
    picture = Picture(Image.new("RGB", (SIZE, SIZE)), Recipe(size=SIZE))
    for asked in ([], [Variation(0.5, 1)] * 17, [Variation(0.5, 1), RemoveBackground()]):
        with pytest.raises(ValueError, match="edits of one kind"):
            make(editor, picture, *asked)
    with pytest.raises(ValueError, match="opened first"):
        make(editor, picture, FromFile("0" * 16))
