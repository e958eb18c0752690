"""Laws of known and unknown words."""

from collections.abc import Sequence

import pytest
import torch

from dalle.prompts.vocabulary import Vocabulary, split, unspaced

KNOWN = ["a", "red", "apple", "apples", "car", "leaf", "hund", "苹果", "树叶", "แอปเปิล", "फूल"]
MEANINGS = {"automobile": "car", "foliage": "leaf", "chien": "hund"}  # what means the same


def embed(texts: Sequence[str]) -> torch.Tensor:
    """Unit vectors, one axis a meaning; texts that mean nothing known lie between all of them."""
    vectors = torch.full((len(texts), len(KNOWN)), len(KNOWN) ** -0.5)
    for row, text in enumerate(texts):
        if (meant := MEANINGS.get(text, text)) in KNOWN:
            vectors[row] = torch.eye(len(KNOWN))[KNOWN.index(meant)]
    return vectors


@pytest.fixture
def words() -> Vocabulary:
    return Vocabulary(KNOWN, embed)


@pytest.mark.parametrize(
    "prompt",
    ["a red apple", "A RED Apple!", "two reds, 3 cars", "ein Hund", "is it my ox?", "", "🍎 ☕ 42", "फूल"],
)
def test_known_words_are_not_flagged(words: Vocabulary, prompt: str) -> None:
    """Guards against warnings about case, plurals, numbers, emoji, and words that draw nothing."""
    known = Vocabulary([*KNOWN, "two", "ein"], embed)
    assert known.unknown(prompt) == []


def test_the_nearest_by_meaning_and_by_spelling(words: Vocabulary) -> None:
    """Guards against suggestions that look alike and mean something else, and the other way round."""
    assert words.unknown("an automobile") == [("automobile", "car")]
    assert words.unknown("red foliage, aple") == [("foliage", "leaf"), ("aple", "apple")]
    assert words.unknown("appple foliage appple") == [("appple", "apple"), ("foliage", "leaf")]


def test_languages_without_spaces(words: Vocabulary) -> None:
    """Guards against a whole sentence flagged as one word that nobody knows."""
    assert words.unknown("苹果树叶") == words.unknown("红red苹果"[1:]) == words.unknown("แอปเปิล") == []
    assert [word for word, _ in words.unknown("龘 red")] == ["龘"]


def test_without_a_list_nothing_is_flagged() -> None:
    """Guards against flagging everything for a checkpoint that came without its words."""

    def refuse(texts: Sequence[str]) -> torch.Tensor:
        raise AssertionError("nothing to compare")

    assert Vocabulary([], refuse).unknown("zyzzyva 龘") == []


def test_a_hostile_prompt_is_answered_briefly(words: Vocabulary) -> None:
    """Guards against a thousand searches for one prompt, and a warning longer than the page."""
    strange = " ".join(f"zz{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(200))
    assert len(words.unknown(strange)) == 5


def test_meanings_are_read_once() -> None:
    """Guards against reading the whole vocabulary again for every prompt."""
    read = []
    words = Vocabulary(KNOWN, lambda texts: read.append(len(texts)) or embed(texts))
    for _ in range(3):
        words.unknown("automobile")
    assert read == [len(KNOWN), 1]


def test_split() -> None:
    """Guards against words torn apart at accents and vowel signs."""
    assert split("Crème brûlée, t-shirt & हिन्दी!") == ["crème", "brûlée", "t", "shirt", "हिन्दी"]
    assert split("ＡＢＣ e\u0301te\u0301") == ["abc", "été"]
    assert split("red苹果car") == ["red", "苹果", "car"]
    assert split("\u0301 ❤️ 👩‍🚀 123") == []
    assert unspaced("苹果") and unspaced("りんご") and not unspaced("사과") and not unspaced("apple")
