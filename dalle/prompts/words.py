"""The words of texts in any script, for counting and comparing."""

import itertools
import unicodedata
from collections.abc import Iterable, Iterator

# Scripts without spaces, by the first words of their characters' Unicode names.
UNSPACED_SCRIPTS = tuple("CJK HIRAGANA KATAKANA THAI LAO KHMER MYANMAR".split())


def split_words(text: str) -> list[str]:
    """The words of a text in lower case; an unbroken run of a script without spaces is one word."""
    letters = ((c, _letter_class(c)) for c in unicodedata.normalize("NFKC", text).lower())
    runs = itertools.groupby(_join_marks(letters), key=lambda letter: letter[1])
    words = ("".join(c for c, _ in run) for letter_class, run in runs if letter_class)
    return [word for word in words if any(c.isalpha() for c in word)]


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
