"""Which emoji a name means: emojibase's tables, and the ways that icon sets spell them.

An emoji goes by its key: lower-case hexadecimal code points without the variation selector:
"1f3c3-200d-2642".
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

LETTER_SUBGROUPS = frozenset({"alphanum", "keycap"})
LETTERED = frozenset(  # the other signs that consist of letters
    {
        "atm sign",
        "back arrow",
        "copyright",
        "end arrow",
        "on! arrow",
        "registered",
        "soon arrow",
        "top arrow",
        "trade mark",
        "water closet",
    }
)
FREE_FLAGS = "flag"  # the subgroup of flags that are no nation's: chequered, rainbow, pirate


class Match(NamedTuple):
    """What a name means, and how indirect the way was: 0 for CLDR's own label."""

    rank: int
    emoji: str


def read(file: Path) -> Any:
    """The contents of a JSON file."""
    return json.loads(file.read_text(encoding="utf-8"))


def codepoint_key(hexcode: str) -> str:
    """ "1F3C3-200D-2642-FE0F" -> "1f3c3-200d-2642"."""
    return hexcode.lower().replace("-fe0f", "")


def slugify(label: str) -> str:
    """ "Piñata, 3 o’clock" -> "pinata-3-oclock"."""
    plain = unicodedata.normalize("NFKD", label).casefold().replace("’", "").replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")


def normalize_name(name: str) -> str:
    """A name as the least careful set would spell it: "Alarm clock" -> "alarmclock"."""
    return slugify(name).replace("-", "")


class EmojiNames:
    """Every emoji of the package emojibase-data, by key (`entries`) and by name (`find`).

    `wanted` lists the keys that belong in the set, in Unicode's order: neither skin tones nor national flags
    nor letters. `tones` are the keys of the skin tones. `tables` are icon sets' own hexcode -> name.
    """

    def __init__(self, package: Path, tables: Iterable[dict[str, str]] = ()):
        english = package / "en"
        self.entries = {
            codepoint_key(e["hexcode"]): e for e in sorted(read(english / "data.json"), key=_order)
        }
        self.tones = {codepoint_key(s["hexcode"]) for e in self.entries.values() for s in e.get("skins", ())}
        messages = read(english / "messages.json")
        self._groups = {group["order"]: group["message"] for group in messages["groups"]}
        self._subgroups = {subgroup["order"]: subgroup["key"] for subgroup in messages["subgroups"]}
        self.wanted = [emoji for emoji in self.entries if self._wanted(emoji)]
        shortcodes = [read(file) for file in sorted((english / "shortcodes").glob("*.json"))]
        self._by_name = [self._table(pairs) for pairs in self._spellings(tables, shortcodes)]

    def find(self, name: str) -> Match | None:
        """The emoji that a name means, by the most direct way there is."""
        squashed = normalize_name(name)
        for rank, table in enumerate(self._by_name):
            if squashed in table:
                return Match(rank, table[squashed])
        return None

    def group(self, emoji: str) -> tuple[str, str]:
        """Group and subgroup; both empty for the letters that flags are coded with."""
        entry = self.entries[emoji]
        return self._groups.get(entry.get("group"), ""), self._subgroups.get(entry.get("subgroup"), "")

    def base(self, emoji: str) -> str:
        """The emoji that this one nearly repeats: a man's, a woman's, a family's, a right-facing variant."""
        if "-" not in emoji:
            return emoji
        kind = self.entries[emoji]["label"].partition(":")[0]
        if kind in ("family", "kiss", "couple with heart"):
            return self._by_name[0][normalize_name(kind)]
        neutral = re.sub(r"-200d-(2640|2642|27a1)", "", emoji)  # female sign, male sign, right arrow
        neutral = re.sub(r"^(1f468|1f469)(?=-)", "1f9d1", neutral)  # man, woman -> person
        return neutral if neutral in self.entries else emoji

    def _wanted(self, emoji: str) -> bool:
        group, subgroup = self.group(emoji)
        if group == "flags":
            return subgroup == FREE_FLAGS
        lettered = subgroup in LETTER_SUBGROUPS or self.entries[emoji]["label"].casefold() in LETTERED
        return group not in ("", "components") and not lettered

    def _spellings(
        self, tables: Iterable[dict], shortcodes: Iterable[dict]
    ) -> Iterator[list[tuple[str, str]]]:
        """(name, hexcode) by how far it can be trusted: CLDR, icon sets, Unicode, chat programs."""
        yield [(entry["label"], emoji) for emoji, entry in self.entries.items()]
        yield [(name, hexcode) for table in tables for hexcode, name in table.items()]
        yield [
            (unicodedata.name(chr(int(emoji, 16)), ""), emoji) for emoji in self.entries if "-" not in emoji
        ]
        said = [(hexcode, names) for table in shortcodes for hexcode, names in table.items()]
        yield [
            (name, hexcode)
            for hexcode, names in said
            for name in ([names] if isinstance(names, str) else names)
        ]

    def _table(self, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Squashed name -> emoji. A name that two emoji share says nothing."""
        found: dict[str, set[str]] = defaultdict(set)
        for name, hexcode in pairs:
            if codepoint_key(hexcode) in self.entries:
                found[normalize_name(name)].add(codepoint_key(hexcode))
        return {name: emoji for name, (emoji, *others) in found.items() if name and not others}


def _order(entry: dict) -> int:
    return entry.get("order", -1)
