"""Tests of dalle/edits.py: edits survive recipes, links and files, and invalid ones are refused."""

import base64
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from dalle import edits
from dalle.edits import (
    FromFile,
    Inpaint,
    Interpolate,
    Outpaint,
    PromptEdit,
    RemoveBackground,
    Upscale,
    Variation,
)
from dalle.recipe import CODE_SIZE, Picture, Recipe, load_png, save_png

MASK = edits.pack_mask(np.eye(16, dtype=bool))
ALL_KINDS = [
    FromFile("0123456789abcdef"),
    Variation(0.4, 7),
    PromptEdit("a dog", tuple(n / 7 for n in range(CODE_SIZE)), 0.5, 3.0),
    PromptEdit(code=(0.25,) * CODE_SIZE),
    Inpaint(MASK, "a hat", 2**32 - 1),
    Outpaint(0.25, -0.1, 0.5, "a field", 3),
    Interpolate(Recipe("a cat", seed=4, edits=({"kind": "open", "file": "f" * 16},)).to_dict(), 0.3),
    Upscale(4, "0123456789ab"),
    RemoveBackground(),
]


def test_every_edit_survives_a_dict_a_link_and_a_file() -> None:
    """Guards against a link or a file that gives another picture than the one it was saved from."""
    recipe = Recipe("a red apple", seed=1)
    for edit in ALL_KINDS:
        assert edits.from_dict(edits.to_dict(edit)) == edit
        recipe = edits.with_edit(recipe, edit)
    assert {type(edit) for edit in ALL_KINDS} == set(edits.EDIT_TYPES.values())
    assert edits.parse_edits(recipe) == ALL_KINDS
    assert Recipe.from_query(recipe.to_query()) == recipe
    file = io.BytesIO()
    save_png(Picture(Image.new("RGB", (8, 8)), recipe), file)
    assert load_png(file.getvalue()) == recipe


def test_the_current_prompt_follows_the_edits() -> None:
    """Guards against an edit under the prompt from before the last edit."""
    recipe = Recipe("a red apple")
    assert edits.current_prompt(recipe) == "a red apple"
    for edit, prompt in (
        (Variation(0.4, 7), "a red apple"),
        (ALL_KINDS[2], "a dog"),
        (ALL_KINDS[3], "a dog"),
    ):
        recipe = edits.with_edit(recipe, edit)
        assert edits.current_prompt(recipe) == prompt


def test_the_number_of_sampling_steps_is_bounded() -> None:
    """Guards against a short link that keeps the machine busy for hours, and against saving such a recipe."""
    variation = edits.to_dict(Variation(0.4, 7))
    longest = Recipe(steps=60, edits=(variation,) * 32)
    assert len(edits.parse_edits(longest)) == 32
    with pytest.raises(ValueError, match="takes 2,013 sampling steps"):
        edits.parse_edits(Recipe(steps=61, edits=(variation,) * 32))
    other = Recipe(steps=12, edits=(variation,) * 30).to_dict()
    interpolations = [Interpolate(other, 0.5)] * 4
    recipe = Recipe(steps=12)
    for edit in interpolations:
        recipe = edits.with_edit(recipe, edit)
    with pytest.raises(ValueError, match="2,092 sampling steps"):
        edits.with_edit(recipe, interpolations[0])


def test_required_files_are_listed() -> None:
    """Guards against a missing file of a recipe, or of the other picture of an interpolation."""
    recipe = edits.with_edit(Recipe(), ALL_KINDS[0])
    assert edits.required_files(edits.with_edit(recipe, ALL_KINDS[6])) == ["0123456789abcdef", "f" * 16]
    assert edits.required_files(Recipe("a dog")) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "kind must be one of open, vary"),
        ({"kind": ["vary"]}, "kind must be one of"),
        ({"kind": "vary", "amount": 0.5}, "needs 'seed'"),
        ({"kind": "vary", "amount": 0.5, "seed": 1, "hat": 1}, "does not have 'hat'"),
        ({"kind": "vary", "amount": 0, "seed": 1}, "amount must be a number from 0.02 to 1"),
        ({"kind": "vary", "amount": float("nan"), "seed": 1}, "amount"),
        ({"kind": "vary", "amount": True, "seed": 1}, "amount"),
        ({"kind": "vary", "amount": 0.5, "seed": -1}, "seed"),
        ({"kind": "open", "file": "../../etc/passwd"}, "a digest, 16 letters"),
        ({"kind": "open", "file": 7}, "digest"),
        ({"kind": "change", "keep": 1}, "keep"),
        ({"kind": "change", "code": [0.5]}, "code must be 20 numbers"),
        ({"kind": "change", "code": ["x"] * 20}, "code must be a number"),
        ({"kind": "change", "prompt": "a\x1b"}, "control character"),
        ({"kind": "change", "guidance": 1e9}, "guidance"),
        ({"kind": "paint", "mask": 3, "prompt": "", "seed": 0}, "mask must be text"),
        ({"kind": "extend", "left": 9, "top": 0, "side": 1, "prompt": "", "seed": 0}, "left"),
        ({"kind": "enlarge", "factor": 4.0}, "factor must be one of 2, 4"),
        ({"kind": "enlarge", "factor": 8}, "factor must be one of 2, 4"),
        ({"kind": "enlarge", "factor": 2, "by": "<script>"}, "by must be"),
        ({"kind": "blend", "other": {"hat": 1}, "weight": 0.5}, "unknown fields"),
        ({"kind": "blend", "other": Recipe().to_dict(), "weight": 2}, "weight"),
        ({"kind": "cut-out", "x": 1}, "its fields are none"),
        ("vary", "JSON object"),
    ],
)
def test_an_invalid_edit_is_refused(values: object, message: str) -> None:
    """Guards against unchecked values of a link that reach the networks, the disk or the page."""
    with pytest.raises(ValueError, match=message):
        edits.from_dict(values)


def test_nested_interpolations_are_refused() -> None:
    """Guards against a short link that asks for hours of work."""
    interpolated = edits.with_edit(Recipe(), ALL_KINDS[6])
    with pytest.raises(ValueError, match="cannot be a blend itself"):
        Interpolate(interpolated.to_dict(), 0.5)


def test_only_the_first_edit_may_open_a_file() -> None:
    with pytest.raises(ValueError, match="only a recipe's first edit"):
        edits.parse_edits(edits.with_edit(edits.with_edit(Recipe(), ALL_KINDS[1]), ALL_KINDS[0]))


def test_masks_survive_packing() -> None:
    """Guards against a mask that is shifted, mirrored or lost in a link."""
    mask = np.random.default_rng(0).random((128, 128)) < 0.5
    assert (edits.unpack_mask(edits.pack_mask(mask), 128) == mask).all()
    disc = np.hypot(*np.mgrid[-64:64, -64:64]) < 30
    assert len(edits.pack_mask(disc)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!!",
        "苹果",
        MASK[:-4],
        edits.pack_mask(np.ones((64, 64), bool)),
        base64.urlsafe_b64encode(zlib.compress(bytes(10**7))).decode(),
    ],
    ids=["empty", "no base64", "chinese", "cut short", "another size", "bomb"],
)
def test_an_invalid_mask_is_refused(text: str) -> None:
    """Guards against a traceback, and against a decompression bomb."""
    with pytest.raises(ValueError, match="paint it again"):
        edits.unpack_mask(text, 16)
