"""Words of a prompt that the training captions did not contain, each with the nearest known word.

A checkpoint keeps the words of its training captions in words.json: lower-case, English ones first, then by
frequency.
"""

import itertools
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache

from torch import Tensor

MAX_SUGGESTIONS = 4096  # only the first words are suggested: a search compares the meanings of all of them
MIN_WORD_LENGTH = 3  # letters: shorter words, as "is" and "my", do not show in a picture
MIN_WORD_SPELLING = 0.75  # ratio of difflib, from which a word may be a misspelling
MAX_REPORTED = 5  # words a prompt
# Scripts without spaces, by the first words of their characters' Unicode names.
UNSPACED_SCRIPTS = tuple("CJK HIRAGANA KATAKANA THAI LAO KHMER MYANMAR".split())

EmbedTexts = Callable[[Sequence[str]], Tensor]  # B texts -> unit vectors (B, E)


def split_words(text: str) -> list[str]:
    """The words of a text in lower case; an unbroken run of a script without spaces is one word."""
    letters = ((c, _letter_class(c)) for c in unicodedata.normalize("NFKC", text).lower())
    runs = itertools.groupby(_join_marks(letters), key=lambda letter: letter[1])
    words = ("".join(c for c, _ in run) for letter_class, run in runs if letter_class)
    return [word for word in words if any(c.isalpha() for c in word)]


def possible_singulars(word: str) -> set[str]:
    """The word, and what it may be the English plural of."""
    return {word, word.removesuffix("s"), word.removesuffix("es")}


def is_unspaced(word: str) -> bool:
    """Whether a word of `split_words` is in a script without spaces."""
    return any(_letter_class(c) == "unspaced" for c in word)


def _letter_class(character: str) -> str:
    """ "mark", "spaced" or "unspaced" for marks and letters, by their script; empty for all else."""
    category = unicodedata.category(character)[0]
    if category == "M":
        return "mark"
    if category != "L":
        return ""
    return "unspaced" if unicodedata.name(character, "").startswith(UNSPACED_SCRIPTS) else "spaced"


def _join_marks(letters: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Give accents and vowel signs the class of the letter before them."""
    current = ""
    for character, letter_class in letters:
        current = current if letter_class == "mark" else letter_class
        yield character, current


class Vocabulary:
    """The words that a model knows. Without any, no word counts as unknown. Thread-safe."""

    def __init__(self, words: Sequence[str], embed: EmbedTexts):
        self.suggestions = list(words[:MAX_SUGGESTIONS])
        self._known_words = frozenset(itertools.chain.from_iterable(map(split_words, words)))
        self._known_characters = frozenset("".join(words))
        self._embed = embed
        self._lock = threading.Lock()
        self._embeddings: Tensor | None = None  # (suggestions, E), at first use
        self._nearest_cached = lru_cache(1024)(self._nearest)

    def out_of_vocabulary(self, prompt: str) -> list[tuple[str, str]]:
        """The first MAX_REPORTED unknown words of a prompt, each with the nearest known word."""
        if not self._known_words:
            return []
        unknown = (word for word in dict.fromkeys(split_words(prompt)) if not self._is_known(word))
        return [(word, self._nearest_cached(word)) for word in itertools.islice(unknown, MAX_REPORTED)]

    def _is_known(self, word: str) -> bool:
        if is_unspaced(word):  # may be a whole sentence: known if every character is
            return self._known_characters.issuperset(word)
        return len(word) < MIN_WORD_LENGTH or not possible_singulars(word).isdisjoint(self._known_words)

    def _nearest(self, word: str) -> str:
        """The suggestion with the nearest meaning, or with a close spelling, which outweighs any cosine."""
        with self._lock:
            if self._embeddings is None:
                self._embeddings = self._embed(self.suggestions)
        cosines = self._embeddings @ self._embed([word])[0]
        scores = dict(zip(self.suggestions, cosines.tolist(), strict=True))
        for match in get_close_matches(word, self.suggestions, cutoff=MIN_WORD_SPELLING):
            scores[match] += 2 * SequenceMatcher(None, word, match).ratio()
        return max(scores, key=scores.__getitem__)
