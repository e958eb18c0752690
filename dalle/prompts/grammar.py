"""The grammar of short phrases in one language: a file of dalle/prompts/languages."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, NamedTuple


class Term(NamedTuple):
    """What a word of a grammar means: `kind` and, of colours, numbers, sizes and relations, which one."""

    kind: (
        str  # "colour", "number", "size", "relation", "interaction", "background", "negation", "and", "skip"
    )
    value: str = ""


@dataclass(frozen=True)
class Grammar:
    """The words of a grammar, and the order in which they stand."""

    language: str
    terms: Mapping[str, Term]
    spaced: bool  # whether words are parted by spaces
    colour_follows: bool  # whether a colour stands after its thing
    relation_between: bool  # whether a relation stands between its things, else after them
    negation_follows: bool  # whether "without" stands after what is unwanted
    particles: tuple[str, ...]  # at the end of a word, the longest first
    longest: int  # characters, or words where they are parted by spaces, of a term


KINDS = {"colours": "colour", "numbers": "number", "sizes": "size", "relations": "relation"}
KINDS |= {"interactions": "interaction"}


@cache
def grammars() -> dict[str, Grammar]:
    """Language code -> its grammar."""
    folder = resources.files("dalle.prompts").joinpath("languages")
    files = sorted(
        (each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name
    )
    return {
        name: _grammar(name, tomllib.loads(each.read_text(encoding="utf-8")))
        for each in files
        for name in [each.name.removesuffix(".toml")]
    }


def _grammar(language: str, tables: dict[str, Any]) -> Grammar:
    terms: dict[str, Term] = {}
    for table, kind in KINDS.items():  # the first meaning of a word counts
        for value, words in tables.get(table, {}).items():
            for word in words:
                terms.setdefault(word.casefold(), Term(kind, value))
    for kind in ("background", "negation", "and", "skip"):
        for word in tables[kind]:
            terms.setdefault(word.casefold(), Term(kind))
    spaced = tables["spaced"]
    return Grammar(
        language=language,
        terms=terms,
        spaced=spaced,
        colour_follows=tables["colour_follows"],
        relation_between=tables["relation_between"],
        negation_follows=tables["negation_follows"],
        particles=tuple(sorted(tables.get("particles", ()), key=len, reverse=True)),
        longest=max(len(term.split()) if spaced else len(term) for term in terms),
    )
