"""What a drawing shows, from what its source calls it: a phrase becomes a concept, or nothing.

    "automobile", "car" -> the emoji's label "automobile"        (Unicode's names, WordNet's synonyms)
    "couch", "sofa"     -> "couch", a new concept                (one meaning of WordNet's)
    "switch", "merge"   -> None                                  (no thing, or a word of user interfaces)

Two names are one concept only where the first, most frequent meaning of both is the same, or where Unicode
lists the one among the emoji's keywords and WordNet has a meaning that both share. What these rules get
wrong stands in the table phrases.tsv.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from dalle.data.emoji.names import EmojiNames, normalize_name
from dalle.data.sprites.wordnet import WordNet

MAX_RANK = 3  # of an emoji's names: Unicode's label, icon sets' names, Unicode's old names, short codes
COUNTED = frozenset(
    "abstract double triple twin half two six seven new top back on all over inverted".split()
)
RELATION = re.compile(r"(.+) (?:on|in|under|beside|behind|above|wearing|holding|riding|and|with) (.+)")
SIGNS = re.compile(  # what map icons put beside a thing to say what is done with it
    r"question mark|greek cross|in circle|on square|rectangle|droplet|outstretched|checkmark|paw ?print|curb"
    r"|\btag|under (?:key|wrench|roof)|megaphone|shield|square academic|genitalia|shopping bag with"
    r"|vending machine with|briefcase with|coffin with|medal ribbon with|capital star|\bmale"
)
SENSES = 3  # meanings of a word that may be shared with an emoji whose keyword it is


class Vocabulary:
    """Phrases to labels of concepts. `emoji` maps the labels of the emoji in use to their keys."""

    def __init__(self, names: EmojiNames, wordnet: WordNet, emoji: Iterable[str], table: Mapping[str, str]):
        self._names, self._wordnet, self._table = names, wordnet, table
        self.emoji = {names.entries[key]["label"]: key for key in emoji}
        self._by_sense: dict[int, str] = {}
        self._by_keyword: dict[str, list[str]] = defaultdict(list)
        self._squashed = {normalize_name(label): label for label in self.emoji}
        for label, key in self.emoji.items():
            sense = wordnet.concrete(label.casefold())
            if sense is not None:
                self._by_sense.setdefault(sense, label)
            for word in names.entries[key].get("tags", ()):
                self._by_keyword[word.casefold()].append(label)
        self._new: dict[int, str] = {}

    def find(self, phrase: str) -> str | None:
        """The label of the concept that a phrase names; None where it names none."""
        if phrase in self._table:
            return self._told(phrase)
        return self.find_emoji(phrase) or self.find_noun(phrase)

    def _told(self, phrase: str) -> str | None:
        """What the table says of a phrase, and of the phrase that it is sent to; an emoji's label stands."""
        label = self._table[phrase]
        while label not in self.emoji and self._table.get(label, label) != label:
            label = self._table[label]
        return label or None

    def prime(self, counts: Mapping[str, int]) -> None:
        """Let new concepts be called by the most frequent of their names; `counts` is of phrases."""
        for phrase in sorted(counts, key=lambda phrase: (-counts[phrase], phrase)):
            self.find(phrase)

    def merged(self, label: str) -> list[str]:
        """The other phrases of the table that mean a concept, of those that are words and no icons' names."""
        return [
            phrase for phrase, meant in self._table.items() if meant == label and self._wordnet.senses(phrase)
        ]

    def is_noun(self, phrase: str) -> bool:
        """Whether WordNet has a phrase, so that people may say it."""
        return bool(self._wordnet.senses(phrase))

    def decided(self, phrase: str) -> bool:
        """Whether the table says what a phrase means, or that it means nothing."""
        return phrase in self._table

    def find_emoji(self, phrase: str) -> str | None:
        """The emoji that a phrase names, by Unicode's names or by WordNet's meanings."""
        if normalize_name(phrase) in self._squashed:
            return self._squashed[normalize_name(phrase)]
        found = self._names.find(phrase)
        if found and found.rank <= MAX_RANK:
            label = self._names.entries[found.emoji]["label"]
            if label in self.emoji:
                return label
        return self._shared(phrase) or self._by_sense.get(self._wordnet.concrete(phrase) or -1)

    def _shared(self, phrase: str) -> str | None:
        """The one emoji that has a phrase among its keywords and a meaning in common with it."""
        meanings = set(self._wordnet.senses(phrase)[:SENSES])
        shared = [
            label
            for label in self._by_keyword.get(phrase, ())
            if meanings & set(self._wordnet.senses(label.casefold())[:SENSES])
        ]
        return shared[0] if len(shared) == 1 else None

    def find_described(self, phrase: str) -> str | None:
        """The concept of a described thing: "spiked snail" -> "snail"; None where more or less is told."""
        words = phrase.split()
        for start in range(1, len(words)):
            described = words[:start]
            plain = COUNTED.isdisjoint(described) and "".join(described).isalpha()
            if plain and all(map(self._wordnet.is_adjective, described)):
                found = self.find(" ".join(words[start:]))
                if found:
                    return found
        return None

    def find_composition(self, phrase: str) -> str | None:
        """The phrase itself, where it tells two known things and how they stand: "bear on ball"."""
        found = RELATION.fullmatch(phrase)
        if not found or SIGNS.search(phrase):
            return None
        known = [self.find(part) or self.find_described(part) for part in found.groups()]
        return phrase if all(known) else None

    def find_noun(self, phrase: str) -> str | None:
        """A new concept: the first phrase that was asked for with this meaning names it."""
        sense = self._wordnet.concrete(phrase)
        return None if sense is None else self._new.setdefault(sense, phrase)
