"""Laws of the questions: fixed, fair, and about what training kept from the checkpoint."""

import numpy as np
import pytest

from dalle.data.emoji.emoji_set import DEFAULT_FOLDER, STYLES, EmojiSet
from dalle.data.scenes.english import with_typo
from dalle.data.scenes.scene import held_out_colour, held_out_pair
from dalle.evaluation.eval_prompts import (
    CATEGORIES,
    KINDS,
    LANGUAGES,
    OUTSIDE,
    EvalPrompt,
    by_style,
    common_concepts,
    common_labels,
    evenly_spaced,
    scenes,
    words,
)
from dalle.recipe import Recipe
from tests.fakes import fake_emoji


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return fake_emoji()


@pytest.fixture(scope="module")
def real() -> EmojiSet:
    try:
        return EmojiSet.load(DEFAULT_FOLDER)
    except FileNotFoundError as error:
        pytest.skip(str(error))


def of(asked: list[EvalPrompt], topic: str) -> list[EvalPrompt]:
    return [question for question in asked if question.topic == topic]


def test_spread() -> None:
    """Guards against the first so many, and against items asked twice."""
    assert evenly_spaced("abcdef", 3) == ["a", "c", "e"]
    assert evenly_spaced("abc", 9) == ["a", "b", "c"]


def test_recognition_asks_each_concept_in_turn(emoji: EmojiSet) -> None:
    """Guards against near-identical concepts asked thrice, one style asked always, and a wrong drawing."""
    asked = by_style(emoji, 99, 2)
    assert len(asked) == 2 * 14 and len({q.seed for q in asked}) == len(asked)
    for question in asked:
        icon = emoji.icons[question.icon]
        concept = emoji.concepts[icon.concept]
        assert question.right == {concept.base} and question.topic == icon.style
        assert concept.labels["en"] in question.prompt and STYLES[icon.style] in question.prompt
    assert {len(of(asked, style)) for style in ("noto", "twemoji")} == {14}
    assert {q.topic for q in asked if q.right == {"dog"}} == {"noto", "twemoji"}


def test_whatever_a_word_may_mean_is_right(emoji: EmojiSet) -> None:
    """Guards against calling a cat wrong where "pet" was asked for."""
    asked = words(emoji, 99)
    assert {q.prompt: q.right for q in of(asked, "keywords")}.get("kitten", {"cat", "cat-face"}) == {
        "cat",
        "cat-face",
    }
    assert {q.prompt: q.right for q in of(asked, "es")}["gato"] == {"cat", "cat-face"}
    assert all(q.right for q in asked)
    assert len({q.seed for q in asked}) == len(asked)
    assert all(q.right <= {c.base for c in emoji.concepts} for q in of(asked, "outside"))


def test_a_slip_is_small_and_changes_the_word() -> None:
    """Guards against misspellings nobody makes, or that are none."""
    rng = np.random.default_rng(0)
    slips = {with_typo("strawberry", rng) for _ in range(300)}
    assert len(slips) > 15
    for slip in slips:
        assert slip[0] == "s" and abs(len(slip) - len("strawberry")) <= 1


@pytest.mark.parametrize("category", CATEGORIES)
def test_scenes_were_kept_from_training(category: str, emoji: EmojiSet) -> None:
    """Guards against asking for what was learnt by heart."""
    asked = scenes(emoji, category, 12, 32)
    assert len(asked) == len({scene.caption for scene in asked}) >= 8
    for scene in asked:
        assert scene.says <= scene.has | {fact for fact in scene.says if fact.startswith("word:")}
        slugs = [fact.split(":")[1] for fact in scene.says if fact.startswith("concept:")]
        assert len(slugs) == (2 if category in ("two", "position", "attribution") else 1)
        assert len(slugs) == 1 or held_out_pair(*slugs)
        for fact in scene.says:
            kind, *values = fact.split(":")
            assert kind not in ("on", "beside", "style")
            assert kind != "colour" or held_out_colour(*values)


def test_an_unknown_category_is_told(emoji: EmojiSet) -> None:
    """Guards against a KeyError that names no choice."""
    with pytest.raises(ValueError, match="attribution"):
        scenes(emoji, "texture", 1, 32)


def test_the_real_set_has_enough(real: EmojiSet) -> None:
    """Guards against a data set that shrank: the figures are of so many prompts."""
    assert len({q.right for q in by_style(real, 500, 2)}) == 500
    assert len(common_concepts(real)) >= 500 and len(set(common_labels(real, 200))) == 200
    asked = words(real, 100)
    for topic in (*KINDS, *LANGUAGES):
        assert len(of(asked, topic)) >= (60 if topic in ("outside", "misspellings") else 95), topic
    for question in asked:
        Recipe(question.prompt, seed=question.seed)  # a valid one


def test_words_outside_are_outside(real: EmojiSet) -> None:
    """Guards against testing a word that training said, and answers that are no concepts."""
    labels = (c.labels.get(language, "") for c in real.concepts for language in ("en", "en-gb"))
    keywords = (
        w for c in real.concepts for language in ("en", "en-gb") for w in c.keywords.get(language, ())
    )
    said = {word for text in (*labels, *keywords) for word in text.casefold().replace("-", " ").split()}
    assert [word for word in OUTSIDE if word in said] == []
    slugs = {concept.slug for concept in real.concepts}
    assert {slug for right in OUTSIDE.values() for slug in right.split()} <= slugs


def test_real_scenes_are_many(real: EmojiSet) -> None:
    """Guards against a category of fewer prompts than its score stands for."""
    assert {category: len(scenes(real, category, 100, 128)) for category in CATEGORIES} == dict.fromkeys(
        CATEGORIES, 100
    )
