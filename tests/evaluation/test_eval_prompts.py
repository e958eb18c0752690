"""Tests of the evaluation prompts: valid, balanced, and of compositions held out from training."""

from collections.abc import Sequence

import numpy as np
import pytest

from dalle.data.emoji.emoji_set import EMOJI_FOLDER, STYLES, EmojiSet
from dalle.data.scenes.english import with_typo
from dalle.data.scenes.facts import HasColour, HasConcept, HasStyle, HasWord, Relation, facts_of_type
from dalle.data.scenes.scene import held_out_colour, held_out_pair
from dalle.evaluation.eval_prompts import (
    COMPOSITION_CATEGORIES,
    EVAL_LANGUAGES,
    UNSEEN_WORDS,
    WORD_CATEGORIES,
    EvalPrompt,
    common_concepts,
    common_labels,
    composition_scenes,
    evenly_spaced,
    style_prompts,
    word_prompts,
)
from dalle.recipe import Recipe
from tests.fakes import fake_emoji


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return fake_emoji()


@pytest.fixture(scope="module")
def real() -> EmojiSet:
    try:
        return EmojiSet.load(EMOJI_FOLDER)
    except FileNotFoundError as error:
        pytest.skip(str(error))


def in_category(prompts: Sequence[EvalPrompt], category: str) -> list[EvalPrompt]:
    return [each for each in prompts if each.category == category]


def test_evenly_spaced() -> None:
    """Guards against taking the first ones, and items taken twice."""
    assert evenly_spaced("abcdef", 3) == ["a", "c", "e"]
    assert evenly_spaced("abc", 9) == ["a", "b", "c"]


def test_style_prompts_use_each_concept_and_all_styles(emoji: EmojiSet) -> None:
    """Guards against prompts of near-identical concepts, of one style only, and a wrong icon."""
    prompts = style_prompts(emoji, 99, 2)
    assert len(prompts) == 2 * 14 and len({each.seed for each in prompts}) == len(prompts)
    for each in prompts:
        icon = emoji.icons[each.icon]
        concept = emoji.concepts[icon.concept]
        assert each.targets == {concept.canonical} and each.category == icon.style
        assert concept.labels["en"] in each.text and STYLES[icon.style] in each.text
    assert {len(in_category(prompts, style)) for style in ("noto", "twemoji")} == {14}
    assert {each.category for each in prompts if each.targets == {"dog"}} == {"noto", "twemoji"}


def test_every_concept_of_a_name_is_a_target(emoji: EmojiSet) -> None:
    """Guards against calling a cat wrong for the prompt "pet"."""
    prompts = word_prompts(emoji, 99)
    keywords, spanish, unseen = (in_category(prompts, category) for category in ("keywords", "es", "outside"))
    cats = {"cat", "cat-face"}
    assert {each.text: each.targets for each in keywords}.get("kitten", cats) == cats
    assert {each.text: each.targets for each in spanish}["gato"] == cats
    assert all(each.targets for each in prompts)
    assert len({each.seed for each in prompts}) == len(prompts)
    assert all(each.targets <= {c.canonical for c in emoji.concepts} for each in unseen)


def test_a_typo_is_small_and_changes_the_word() -> None:
    """Guards against typos that nobody makes, or that are none."""
    rng = np.random.default_rng(0)
    typos = {with_typo("strawberry", rng) for _ in range(300)}
    assert len(typos) > 15
    for typo in typos:
        assert typo[0] == "s" and abs(len(typo) - len("strawberry")) <= 1


@pytest.mark.parametrize("category", COMPOSITION_CATEGORIES)
def test_scenes_are_held_out_from_training(category: str, emoji: EmojiSet) -> None:
    """Guards against prompting for compositions of the training data."""
    prompts = composition_scenes(emoji, category, 12, 32)
    assert len(prompts) == len({scene.caption for scene in prompts}) >= 8
    for scene in prompts:
        assert scene.caption_facts <= scene.facts | set(facts_of_type(scene.caption_facts, HasWord))
        slugs = [fact.concept for fact in facts_of_type(scene.caption_facts, HasConcept)]
        assert len(slugs) == (2 if category in ("two", "position", "attribution") else 1)
        assert len(slugs) == 1 or held_out_pair(*slugs)
        assert not facts_of_type(scene.caption_facts, HasStyle)
        for relation in facts_of_type(scene.caption_facts, Relation):
            assert relation.relation not in ("on", "beside")
        for fact in facts_of_type(scene.caption_facts, HasColour):
            assert held_out_colour(fact.concept, fact.colour)


def test_an_unknown_category_is_refused(emoji: EmojiSet) -> None:
    """Guards against a KeyError that does not name the categories."""
    with pytest.raises(ValueError, match="attribution"):
        composition_scenes(emoji, "texture", 1, 32)


def test_the_real_set_has_enough(real: EmojiSet) -> None:
    """Guards against a data set that shrank: metrics are of so many prompts."""
    assert len({each.targets for each in style_prompts(real, 500, 2)}) == 500
    assert len(common_concepts(real)) >= 500 and len(set(common_labels(real, 200))) == 200
    prompts = word_prompts(real, 100)
    for category in (*WORD_CATEGORIES, *EVAL_LANGUAGES):
        least = 60 if category in ("outside", "misspellings") else 95
        assert len(in_category(prompts, category)) >= least, category
    for each in prompts:
        Recipe(each.text, seed=each.seed)  # must be valid


def test_unseen_words_are_not_in_the_data(real: EmojiSet) -> None:
    """Guards against testing a word of the training captions, and targets that are no concepts."""
    labels = (c.labels.get(language, "") for c in real.concepts for language in ("en", "en-gb"))
    keywords = (
        w for c in real.concepts for language in ("en", "en-gb") for w in c.keywords.get(language, ())
    )
    known = {word for text in (*labels, *keywords) for word in text.casefold().replace("-", " ").split()}
    assert [word for word in UNSEEN_WORDS if word in known] == []
    slugs = {concept.slug for concept in real.concepts}
    assert {slug for targets in UNSEEN_WORDS.values() for slug in targets.split()} <= slugs


def test_the_real_set_has_enough_scenes(real: EmojiSet) -> None:
    """Guards against a category with fewer prompts than its score claims."""
    assert {
        category: len(composition_scenes(real, category, 100, 128)) for category in COMPOSITION_CATEGORIES
    } == dict.fromkeys(COMPOSITION_CATEGORIES, 100)
