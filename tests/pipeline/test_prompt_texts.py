"""Laws of prompts on their way to the model: all that draws reads them alike."""

from dataclasses import replace

import pytest
import torch

from dalle.errors import InputError
from dalle.networks.flow import Latent
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.prompt_texts import prompt_texts
from dalle.prompts.lexicon import Lexicon
from dalle.recipe import Recipe
from tests.tiny import TOLD_CONFIG, tiny_model

LEXICON = Lexicon(("a cat", "a hat", "a dog"), ("a", "cat", "hat", "dog", "grey"))
LONG = "x" * 1001
TOO_LONG = "prompt has 1,001 characters; 1,000 are allowed"


@pytest.fixture(scope="module")
def pipeline() -> DALLE:
    return DALLE(tiny_model(), lexicon=LEXICON)


@pytest.mark.parametrize(
    ("prompt", "negative", "expected"),
    [
        ("a cat", "", ("a cat", "")),
        ("a cat, no hat", "", ("a cat", "a hat")),
        ("a cat, no hat", "a dog", ("a cat", "a dog, a hat")),
        ("a cat, no hat", "a hat", ("a cat", "a hat")),
        ("a cat", "no hat", ("a cat", "a hat")),
    ],
)
def test_what_is_not_wanted(pipeline: DALLE, prompt: str, negative: str, expected: tuple[str, str]) -> None:
    """Guards against a hat that is drawn since it was named, or said twice."""
    assert prompt_texts(pipeline.reader, prompt, negative) == expected


def test_a_negation_is_a_negative_prompt(pipeline: DALLE) -> None:
    """Guards against a negation that one way of drawing takes and another does not."""
    said = Recipe("a cat, no hat", seed=1, size=32)
    stated = replace(said, prompt="a cat", negative="a hat")
    drawn = [picture.image.tobytes() for picture in pipeline.draw([said])]
    assert drawn == [picture.image.tobytes() for picture in pipeline.draw([stated])]
    assert drawn != [picture.image.tobytes() for picture in pipeline.draw([replace(stated, negative="")])]
    config = pipeline.model.config
    latent = Latent(torch.zeros(1, config.flow.code), torch.zeros(1, config.tokens, config.channels))
    decoded = pipeline.decode(latent, [said.prompt], guidance=2.5, steps=2)
    assert torch.equal(decoded, pipeline.decode(latent, ["a cat"], ["a hat"], 2.5, steps=2))


@pytest.mark.parametrize(
    "prompt", ["  a \r\n\t gray cat ", "a\u00a0grey cat,", "please draw a grey cat", "ａ grey cat"]
)
def test_prompts_that_read_alike_draw_alike(pipeline: DALLE, prompt: str) -> None:
    """Guards against another picture for one more space."""
    expected = pipeline.encode_prompts(["a grey cat"])
    assert torch.equal(pipeline.encode_prompts([prompt]).states, expected.states)


def test_recipes_keep_what_was_typed(pipeline: DALLE) -> None:
    (picture,) = pipeline.generate("please draw a cat, no hat", seed=1, steps=1, negative="a  dog")
    assert (picture.recipe.prompt, picture.recipe.negative) == ("please draw a cat, no hat", "a  dog")


def test_a_text_that_is_too_long_is_refused(pipeline: DALLE) -> None:
    """Guards against one way in that takes what the others refuse."""
    for use in (pipeline.reader.read, pipeline.generate, lambda text: pipeline.encode_prompts([text])):
        with pytest.raises(InputError, match=TOO_LONG):
            use(LONG)


@pytest.mark.parametrize("prompt", ["three  dogs", "ｔｈｒｅｅ dogs", "drei Hunde"])
def test_codes_are_those_of_what_the_prompt_says(prompt: str) -> None:
    """Guards against a camera that cuts several things where they are named in another way."""
    lexicon = replace(LEXICON, names={"de": {"hund": "a dog"}})
    pipeline = DALLE(tiny_model(config=TOLD_CONFIG), lexicon=lexicon)
    assert pipeline.reader.read(prompt).text == "three dogs"
    ours, theirs = (pipeline.slide(Recipe(text, seed=1), {}).code for text in (prompt, "three dogs"))
    assert ours == theirs != pipeline.slide(Recipe("a dog", seed=1), {}).code
    drawn = [pipeline.draw([Recipe(text, seed=1, size=32, steps=1)])[0] for text in (prompt, "three dogs")]
    assert drawn[0].image.tobytes() == drawn[1].image.tobytes()
