"""The tab-separated tables beside this module: reviewed by hand, read here and nowhere else."""

import csv
from collections.abc import Mapping
from pathlib import Path

TABLES = Path(__file__).parent


def rows(name: str, folder: Path = TABLES) -> list[dict[str, str]]:
    """The rows of the table `name`.tsv, each by column name; lines that start with # are comments."""
    with (folder / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def mapping(name: str, folder: Path = TABLES) -> Mapping[str, str]:
    """First column -> second column of the table `name`.tsv. Raises ValueError where a key comes twice."""
    found: dict[str, str] = {}
    for row in rows(name, folder):
        first, second, *_ = row.values()
        if first in found:
            raise ValueError(f"{name}.tsv has two rows for {first!r}")
        found[first] = second
    return found
