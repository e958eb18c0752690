"""Laws of prompts in edits: they are read as those of drawings are, negations too."""

import json

import numpy as np
import pytest

from dalle import edits
from dalle.editing.editor import Editor
from dalle.edits import Edit, Inpaint, Interpolate, PromptEdit, Variation
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sampler import run
from dalle.prompts.lexicon import Lexicon
from dalle.recipe import Picture, Recipe
from tests.tiny import tiny_model

LEXICON = Lexicon(("a cat", "a hat", "a dog"), ("a", "cat", "hat", "dog"))
SAID = {"prompt": "please draw a cat, no hat"}
STATED = {"prompt": "a cat", "negative": "a hat"}


@pytest.fixture(scope="module")
def pipeline() -> DALLE:
    return DALLE(tiny_model(), lexicon=LEXICON)


def edited(pipeline: DALLE, edit: Edit, prompt: str, negative: str = "") -> bytes:
    """The picture after one edit of the drawing of "a dog", which counts as one of the prompts."""
    image = pipeline.draw([Recipe("a dog", seed=1, size=32)])[0].image
    picture = Picture(image, Recipe(prompt, negative, seed=1, size=32))
    (result,) = run(Editor(pipeline.make_sampler()).apply(picture, [edit]))
    return result.image.tobytes()


@pytest.mark.parametrize("edit", [Variation(0.6, 2), PromptEdit(guidance=2.0), PromptEdit()])
def test_an_edit_of_what_is_drawn(pipeline: DALLE, edit: Edit) -> None:
    """Guards against an edit that puts the hat on after all."""
    assert edited(pipeline, edit, **SAID) == edited(pipeline, edit, **STATED)


def test_an_edit_with_a_prompt_of_its_own(pipeline: DALLE) -> None:
    """Guards against prompts of edits that are taken word by word."""
    mask = edits.pack_mask(np.eye(32, dtype=bool))
    said = Inpaint(mask, SAID["prompt"], 3), PromptEdit(SAID["prompt"], guidance=2.0)
    stated = Inpaint(mask, "a cat", 3), PromptEdit("a cat", guidance=2.0)
    for ours, theirs in zip(said, stated, strict=True):
        assert edited(pipeline, ours, "a dog") == edited(pipeline, theirs, "a dog", "a hat")
        assert edited(pipeline, ours, "a dog") != edited(pipeline, theirs, "a dog")


def test_a_blend_goes_between_what_is_wanted(pipeline: DALLE) -> None:
    """Guards against a hat mixed into the other end, where a blend has its negative prompt."""
    said, plain = (
        Interpolate(json.loads(json.dumps(Recipe(prompt, seed=2, size=32, guidance=1.0).to_dict())), 0.5)
        for prompt in ("please draw a cat, no hat", "a cat")
    )
    assert edited(pipeline, said, "a dog, no hat") == edited(pipeline, plain, "a dog")
