"""What the reader knows: the words of the training captions, English, and the tables of a checkpoint.

A checkpoint without a table has an empty one: its prompts are read by the stages that need none.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import NUMBER_WORDS, Noun, parse_noun
from dalle.prompts.pieces import cut, plain_quotes

ARTICLE = re.compile(r"^(?:an?|the) ", re.IGNORECASE)
ENGLISH_FILE = "english.txt"  # the single words of WordNet 3.1
THESAURUS_FILE = "thesaurus.tsv"  # noun, labels parted by "|", source
NAMES_FILE = "names.tsv"  # language, name, label
MAX_ROWS = 100_000  # of a table
MAX_FIELD = 200  # characters, as a mean of a row
MAX_SENSES = 3
UMLAUTS = str.maketrans("äöüё", "aouе")
MAX_NAME_PIECES = 12  # longer names of things are only known as whole prompts
MAX_REMEMBERED = 256  # texts: stages ask for the names in one text at every word
STEM = 3  # letters by which names are found whose ending is another


class NamedThing(NamedTuple):
    """Pieces first to last - 1 are the noun of a label, without its article."""

    first: int
    last: int
    noun: Noun
    plural: bool


class NameFinder:
    """Finds names in texts; remembers the last ones. Thread-safe."""

    def __init__(self, names: Mapping[tuple[str, ...], tuple[Noun, bool]]):
        """names: the pieces of each name in lower case -> its noun, and whether it is the plural."""
        self._names = {pieces: noun for pieces, noun in names.items() if 0 < len(pieces) <= MAX_NAME_PIECES}
        self._longest: dict[str, int] = {}  # first piece -> pieces of the longest name that begins with it
        for pieces in self._names:
            self._longest[pieces[0]] = max(self._longest.get(pieces[0], 0), len(pieces))
        self.find = lru_cache(MAX_REMEMBERED)(self._find)

    def _find(self, words: tuple[str, ...]) -> tuple[NamedThing, ...]:
        """words in lower case -> the names from left to right, the longest at each place."""
        plain = tuple(map(plain_quotes, words))
        things, at = list[NamedThing](), 0
        while at < len(plain):
            thing = self._longest_at(plain, at)
            if thing:
                things.append(thing)
            at = thing.last if thing else at + 1
        return tuple(things)

    def _longest_at(self, words: tuple[str, ...], first: int) -> NamedThing | None:
        most = self._longest.get(words[first], 0)
        for last in range(min(len(words), first + most), first, -1):
            if found := self._names.get(words[first:last]):
                return NamedThing(first, last, *found)
        return None


class Near(NamedTuple):
    """An entry of the thesaurus: the labels that come nearest to a noun, the best first, and who says so."""

    labels: tuple[str, ...]  # of `Lexicon.labels`; at most three, one for each sense; () if nothing is near
    source: str  # a WordNet synset ("hawk.n.01"), "embedding" or "hand"


@dataclass(frozen=True)
class Lexicon:
    """labels: captions of one thing each ("a red apple"), as training has them.

    words: of all training captions in lower case, English ones first, then by frequency
    names: language code, or "emoji" -> name in lower case -> label
    thesaurus: English noun in the singular, in lower case, that is in no label -> the nearest labels
    """

    labels: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    thesaurus: Mapping[str, Near] = field(default_factory=dict)

    @cached_property
    def nouns(self) -> dict[str, Noun]:
        """The grammar of each label, by its bare noun in lower case: "red apple"."""
        parsed = [parse_noun(ARTICLE.sub("", label)) for label in self.labels]
        return {noun.bare.lower(): noun for noun in reversed(parsed)}

    @cached_property
    def plurals(self) -> dict[str, str]:
        """Plurals of `nouns` in lower case -> the bare noun in lower case."""
        return {noun.plural_noun.lower(): bare for bare, noun in self.nouns.items() if noun.plural_noun}

    @cached_property
    def pieces(self) -> dict[tuple[str, ...], tuple[Noun, bool]]:
        """The pieces of each label's noun, singular and plural, in lower case -> noun, whether plural."""
        found = {cut(plain_quotes(text)): (self.nouns[bare], True) for text, bare in self.plurals.items()}
        return found | {cut(plain_quotes(text)): (noun, False) for text, noun in self.nouns.items()}

    @cached_property
    def name_finder(self) -> NameFinder:
        """Finds the labels' nouns in texts."""
        return NameFinder(self.pieces)

    @cached_property
    def label_words(self) -> frozenset[str]:
        """All words of the labels' nouns, singular and plural, in lower case."""
        return frozenset(itertools.chain.from_iterable(self.pieces))

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """Words that a slip of the hand may have meant: those of labels, and of captions around them."""
        label_words = {word for word in self.label_words if word.isalpha() and len(word) > 2}
        keywords = {word for word in self.names.get("en", {}) if word.isalpha() and len(word) > 3}
        around = {*COLOURS, *NUMBER_WORDS.values(), "background", "style"}
        return tuple(sorted((label_words | keywords | around) - {"the", "and", "for", "with"}))

    @cached_property
    def _stems(self) -> dict[str, dict[str, list[str]]]:
        stems: dict[str, dict[str, list[str]]] = {}
        for language, names in self.names.items():
            by_stem = stems.setdefault(language, {})
            for name in names:
                by_stem.setdefault(without_umlauts(name[:STEM]), []).append(name)
        return stems

    def names_by_stem(self, language: str) -> Mapping[str, list[str]]:
        """The first letters of a language's names, STEM of them -> the names."""
        return self._stems.get(language, {})

    @cached_property
    def known_words(self) -> frozenset[str]:
        """`words`, as a set."""
        return frozenset(self.words)

    @cached_property
    def rank(self) -> dict[str, int]:
        """The place of each word in `words`."""
        return dict(zip(reversed(self.words), range(len(self.words) - 1, -1, -1), strict=True))


@cache
def english_words() -> frozenset[str]:
    """The single words of WordNet, lower-case, without inflections."""
    text = resources.files("dalle.prompts").joinpath(ENGLISH_FILE).read_text(encoding="utf-8")
    return frozenset(text.split())


def without_umlauts(word: str) -> str:
    """For comparing inflected forms: "Äpfel" with "Apfel"."""
    return word.translate(UMLAUTS)


# --- the tables of a checkpoint


def load_names(folder: Path, labels: Iterable[str]) -> dict[str, dict[str, str]]:
    """The names in other languages of a checkpoint's labels; {} without the file. Raises ValueError."""
    names: dict[str, dict[str, str]] = {}
    known = set(labels)
    for language, name, label in _rows(folder / NAMES_FILE):
        if label in known:
            names.setdefault(language, {})[name] = label
    return names


def load_thesaurus(folder: Path, labels: Iterable[str]) -> dict[str, Near]:
    """A checkpoint's thesaurus; {} without the file. Raises ValueError."""
    known = set(labels)
    return {
        noun: Near(tuple(label for label in near.split("|") if label in known)[:MAX_SENSES], source)
        for noun, near, source in _rows(folder / THESAURUS_FILE)
    }


def save_names(folder: Path, names: Mapping[str, Mapping[str, str]]) -> None:
    """Write a file that `load_names` reads; none without names."""
    rows = [(language, *item) for language, found in sorted(names.items()) for item in sorted(found.items())]
    _write(folder / NAMES_FILE, rows)


def save_thesaurus(folder: Path, thesaurus: Mapping[str, Near]) -> None:
    """Write a file that `load_thesaurus` reads; none without entries."""
    rows = [(noun, "|".join(near.labels), near.source) for noun, near in sorted(thesaurus.items())]
    _write(folder / THESAURUS_FILE, rows)


def _write(path: Path, rows: list[tuple[str, str, str]]) -> None:
    if rows:
        path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")


def _rows(path: Path) -> Iterator[list[str]]:
    """Rows of three fields of a table; none without the file. Raises ValueError."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        if number > MAX_ROWS or line.count("\t") != 2 or len(line) > 3 * MAX_FIELD:
            raise ValueError(
                f"{path.name}, line {number}: at most {MAX_ROWS} lines of three fields parted by tabs, of "
                f"at most {3 * MAX_FIELD} characters; delete the file, or copy the checkpoint again"
            )
        yield line.split("\t")
