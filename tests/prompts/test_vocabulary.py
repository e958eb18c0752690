"""Tests of dalle/prompts/vocabulary.py: unknown words of a prompt, and the nearest known ones."""

from collections.abc import Sequence

import pytest
import torch

from dalle.prompts.vocabulary import Vocabulary, is_unspaced, split_words

KNOWN = ["a", "red", "apple", "apples", "car", "leaf", "hund", "苹果", "树叶", "แอปเปิล", "फूल"]
SYNONYMS = {"automobile": "car", "foliage": "leaf", "chien": "hund"}


def embed(texts: Sequence[str]) -> torch.Tensor:
    """Unit vectors, one axis for each known word; other texts are equally far from all of them."""
    vectors = torch.full((len(texts), len(KNOWN)), len(KNOWN) ** -0.5)
    for row, text in enumerate(texts):
        if (meaning := SYNONYMS.get(text, text)) in KNOWN:
            vectors[row] = torch.eye(len(KNOWN))[KNOWN.index(meaning)]
    return vectors


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(KNOWN, embed)


@pytest.mark.parametrize(
    "prompt",
    ["a red apple", "A RED Apple!", "two reds, 3 cars", "ein Hund", "is it my ox?", "", "🍎 ☕ 42", "फूल"],
)
def test_known_words_are_not_reported(prompt: str) -> None:
    """Guards against warnings about case, plurals, numbers, emoji and short function words."""
    vocabulary = Vocabulary([*KNOWN, "two", "ein"], embed)
    assert vocabulary.out_of_vocabulary(prompt) == []


def test_suggestions_are_near_in_meaning_or_in_spelling(vocabulary: Vocabulary) -> None:
    """Guards against suggestions that look similar but mean something else, and the other way round."""
    assert vocabulary.out_of_vocabulary("an automobile") == [("automobile", "car")]
    assert vocabulary.out_of_vocabulary("red foliage, aple") == [("foliage", "leaf"), ("aple", "apple")]
    assert vocabulary.out_of_vocabulary("appple foliage appple") == [("appple", "apple"), ("foliage", "leaf")]


def test_scripts_without_spaces(vocabulary: Vocabulary) -> None:
    """Guards against a whole sentence that is reported as one unknown word."""
    assert (
        vocabulary.out_of_vocabulary("苹果树叶")
        == vocabulary.out_of_vocabulary("红red苹果"[1:])
        == vocabulary.out_of_vocabulary("แอปเปิล")
        == []
    )
    assert [word for word, _ in vocabulary.out_of_vocabulary("龘 red")] == ["龘"]


def test_without_known_words_nothing_is_reported() -> None:
    """Guards against reporting every word for a checkpoint without words.json."""

    def fail(texts: Sequence[str]) -> torch.Tensor:
        raise AssertionError("nothing to compare")

    assert Vocabulary([], fail).out_of_vocabulary("zyzzyva 龘") == []


def test_the_number_of_reported_words_is_bounded(vocabulary: Vocabulary) -> None:
    """Guards against a thousand searches for one prompt, and a warning longer than the page."""
    prompt = " ".join(f"zz{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(200))
    assert len(vocabulary.out_of_vocabulary(prompt)) == 5


def test_embeddings_are_computed_once() -> None:
    """Guards against embedding the whole vocabulary again for every prompt."""
    batch_sizes = []
    vocabulary = Vocabulary(KNOWN, lambda texts: batch_sizes.append(len(texts)) or embed(texts))
    for _ in range(3):
        vocabulary.out_of_vocabulary("automobile")
    assert batch_sizes == [len(KNOWN), 1]


def test_split_words() -> None:
    """Guards against words that are split at accents and vowel signs."""
    assert split_words("Crème brûlée, t-shirt & हिन्दी!") == ["crème", "brûlée", "t", "shirt", "हिन्दी"]
    assert split_words("ＡＢＣ e\u0301te\u0301") == ["abc", "été"]
    assert split_words("red苹果car") == ["red", "苹果", "car"]
    assert split_words("\u0301 ❤️ 👩‍🚀 123") == []
    assert (
        is_unspaced("苹果") and is_unspaced("りんご") and not is_unspaced("사과") and not is_unspaced("apple")
    )
