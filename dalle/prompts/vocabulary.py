"""Which words of a prompt a model was never taught, and what it knows instead.

A checkpoint keeps the words of its training captions in words.json: lower-case, English and those used most
first.
"""

import itertools
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache

from torch import Tensor

SUGGESTED = 4096  # the first of them: only they are suggested, so that all their meanings can be compared
SHORTEST = 3  # letters: shorter words, as "is" and "my", draw nothing
ALIKE = 0.75  # of difflib's ratio, from which a word may be a misspelling
MAX_REPORTED = 5  # unknown words at most
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # scripts without spaces

Embed = Callable[[Sequence[str]], Tensor]  # B texts -> unit vectors (B, E)


def split(text: str) -> list[str]:
    """The words of a text, in lower case; text in a script without spaces is a word as far as it goes."""
    letters = ((c, _kind(c)) for c in unicodedata.normalize("NFKC", text).lower())
    runs = itertools.groupby(_marked(letters), key=lambda letter: letter[1])
    words = ("".join(c for c, _ in run) for kind, run in runs if kind)
    return [word for word in words if any(c.isalpha() for c in word)]


def stems(word: str) -> set[str]:
    """What a word may be a plural of; the tokenizer parts plurals too."""
    return {word, word.removesuffix("s"), word.removesuffix("es")}


def unspaced(word: str) -> bool:
    """Whether a word of `split` is in a script without spaces."""
    return any(_kind(c) == "unspaced" for c in word)


def _kind(character: str) -> str:
    category = unicodedata.category(character)[0]
    if category == "M":
        return "mark"
    if category != "L":
        return ""
    return "unspaced" if unicodedata.name(character, "").startswith(UNSPACED) else "spaced"


def _marked(letters: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Accents and vowel signs go with the letter before them."""
    before = ""
    for character, kind in letters:
        before = before if kind == "mark" else kind
        yield character, before


class Vocabulary:
    """The words that a model knows; without any, nothing can be said of others."""

    def __init__(self, known: Sequence[str], embed: Embed):
        self.suggested = list(known[:SUGGESTED])
        self._known = frozenset(itertools.chain.from_iterable(map(split, known)))
        self._characters = frozenset("".join(known))
        self._embed = embed
        self._lock = threading.Lock()
        self._meanings: Tensor | None = None
        self._nearest = lru_cache(1024)(self._search)

    def unknown(self, prompt: str) -> list[tuple[str, str]]:
        """The first few words of the prompt that are unknown, each with the nearest that is known."""
        strange = (word for word in dict.fromkeys(split(prompt)) if self._known and not self._knows(word))
        return [(word, self._nearest(word)) for word in itertools.islice(strange, MAX_REPORTED)]

    def _knows(self, word: str) -> bool:
        if unspaced(word):  # where words cannot be told apart, a character that was never seen counts
            return self._characters.issuperset(word)
        return len(word) < SHORTEST or not stems(word).isdisjoint(self._known)

    def _search(self, word: str) -> str:
        """The nearest by meaning, or by spelling where that is close."""
        with self._lock:
            if self._meanings is None:
                self._meanings = self._embed(self.suggested)
        likeness = self._meanings @ self._embed([word])[0]
        score = dict(zip(self.suggested, likeness.tolist(), strict=True))
        for near in get_close_matches(word, self.suggested, cutoff=ALIKE):
            score[near] += 2 * SequenceMatcher(None, word, near).ratio()
        return max(score, key=score.__getitem__)
