"""The reader's own tables: text files of this package."""

from functools import cache
from importlib import resources


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The lines of a table, cut at tabs, without empty ones and those that begin with "#"."""
    text = resources.files("dalle.prompts").joinpath(name).read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")) for line in text.splitlines() if line and not line.startswith("#"))


@cache
def phrases(name: str) -> tuple[str, ...]:
    """The first fields of a table's lines."""
    return tuple(row[0] for row in rows(name))
