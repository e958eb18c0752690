"""Trademarks: names of brands, taken from packages of logos, that no drawing may be called by."""

import re
from collections.abc import Iterable
from pathlib import Path

from dalle.data.emoji.names import normalize_name, read_json
from dalle.data.sprites.tables import rows

LOGO_PACKAGES = ("@iconify-json/simple-icons", "@iconify-json/logos", "@iconify-json/fa7-brands")
_MARKED = re.compile(r"(?:^|[- ])(?:logos?|brands?|icon)(?=$|[- ])")


class Brands:
    """The names of brands, less those that are also plain nouns (table nouns.tsv, looked at by hand)."""

    def __init__(self, packages: Iterable[Path]):
        nouns = {normalize_name(row["noun"]) for row in rows("nouns")}
        slugs = {normalize_name(_MARKED.sub("", name)) for package in packages for name in _names(package)}
        self._slugs = slugs - nouns - {""}

    def __contains__(self, phrase: str) -> bool:
        """Whether a phrase, or an icon's name, is a brand's or says that it is a logo."""
        return normalize_name(phrase) in self._slugs or bool(_MARKED.search(phrase))


def _names(package: Path) -> list[str]:
    icons = read_json(package / "icons.json")
    return [*icons["icons"], *icons.get("aliases", {})]
