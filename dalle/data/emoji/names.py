"""Which emoji a name means: the tables of emojibase-data, and the names that icon sets and chat programs use.

An emoji is identified by its key: its code points in lower-case hexadecimal, without the variation selector,
such as "1f3c3-200d-2642".
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

LETTER_SUBGROUPS = frozenset({"alphanum", "keycap"})
LETTER_LABELS = frozenset(  # CLDR labels of other signs that consist of letters
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
OTHER_FLAGS = "flag"  # subgroup of the flags of no country: chequered, rainbow, pirate


class Match(NamedTuple):
    """The emoji that a name means."""

    rank: int  # of the table that has the name: 0 for CLDR's labels, more for less reliable tables
    emoji: str  # key


def read_json(file: Path) -> Any:
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
    """A name without case, accents and separators: "Alarm clock" -> "alarmclock"."""
    return slugify(name).replace("-", "")


class EmojiNames:
    """Every emoji of the package emojibase-data, by key (`entries`) and by name (`find`).

    `tables`: names that icon sets give to emoji, as hexcode -> name. `wanted`: keys of the emoji that belong
    in the set, in Unicode's order: no skin tones, national flags, letters. `skin_tones`: keys of emoji with a
    skin tone.
    """

    def __init__(self, package: Path, tables: Iterable[dict[str, str]] = ()):
        english = package / "en"
        self.entries = {
            codepoint_key(e["hexcode"]): e
            for e in sorted(read_json(english / "data.json"), key=_unicode_order)
        }
        self.skin_tones = {
            codepoint_key(s["hexcode"]) for e in self.entries.values() for s in e.get("skins", ())
        }
        messages = read_json(english / "messages.json")
        self._groups = {group["order"]: group["message"] for group in messages["groups"]}
        self._subgroups = {subgroup["order"]: subgroup["key"] for subgroup in messages["subgroups"]}
        self.wanted = [emoji for emoji in self.entries if self._is_wanted(emoji)]
        shortcodes = [read_json(file) for file in sorted((english / "shortcodes").glob("*.json"))]
        self._by_name = [self._table(pairs) for pairs in self._name_lists(tables, shortcodes)]

    def find(self, name: str) -> Match | None:
        """The emoji that a name means, by the most reliable table that has it; None if no table has it."""
        normalized = normalize_name(name)
        for rank, table in enumerate(self._by_name):
            if normalized in table:
                return Match(rank, table[normalized])
        return None

    def group(self, emoji: str) -> tuple[str, str]:
        """Group and subgroup of a key; both are empty for regional indicator letters, which make up flags."""
        entry = self.entries[emoji]
        return self._groups.get(entry.get("group"), ""), self._subgroups.get(entry.get("subgroup"), "")

    def canonical(self, emoji: str) -> str:
        """The key of which this one is a man's, woman's, family's or right-facing variant, or itself."""
        if "-" not in emoji:
            return emoji
        kind = self.entries[emoji]["label"].partition(":")[0]
        if kind in ("family", "kiss", "couple with heart"):
            return self._by_name[0][normalize_name(kind)]
        neutral = re.sub(r"-200d-(2640|2642|27a1)", "", emoji)  # female sign, male sign, right arrow
        neutral = re.sub(r"^(1f468|1f469)(?=-)", "1f9d1", neutral)  # man, woman -> person
        return neutral if neutral in self.entries else emoji

    def _is_wanted(self, emoji: str) -> bool:
        group, subgroup = self.group(emoji)
        if group == "flags":
            return subgroup == OTHER_FLAGS
        has_letters = subgroup in LETTER_SUBGROUPS or self.entries[emoji]["label"].casefold() in LETTER_LABELS
        return group not in ("", "components") and not has_letters

    def _name_lists(
        self, tables: Iterable[dict[str, str]], shortcodes: Iterable[dict[str, str | list[str]]]
    ) -> Iterator[list[tuple[str, str]]]:
        """Lists of (name, hexcode), the most reliable first: CLDR, icon sets, Unicode, chat programs."""
        yield [(entry["label"], emoji) for emoji, entry in self.entries.items()]
        yield [(name, hexcode) for table in tables for hexcode, name in table.items()]
        yield [
            (unicodedata.name(chr(int(emoji, 16)), ""), emoji) for emoji in self.entries if "-" not in emoji
        ]
        coded = [(hexcode, names) for table in shortcodes for hexcode, names in table.items()]
        yield [
            (name, hexcode)
            for hexcode, names in coded
            for name in ([names] if isinstance(names, str) else names)
        ]

    def _table(self, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Normalised name -> emoji, without the names that two emoji share."""
        emoji_of: dict[str, set[str]] = defaultdict(set)
        for name, hexcode in pairs:
            if codepoint_key(hexcode) in self.entries:
                emoji_of[normalize_name(name)].add(codepoint_key(hexcode))
        return {name: emoji for name, (emoji, *others) in emoji_of.items() if name and not others}


def _unicode_order(entry: dict) -> int:
    return entry.get("order", -1)
