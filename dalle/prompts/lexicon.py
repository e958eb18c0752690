"""What the reader knows: the words of the training captions and the tables of a checkpoint.

A checkpoint without a table has an empty one: its prompts are read by the stages that need none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dalle.data.scenes.english import Noun, parse_noun

ARTICLE = re.compile(r"^(?:an?|the) ", re.IGNORECASE)


@dataclass(frozen=True)
class Near:
    """An entry of the thesaurus: the labels that come nearest to a noun, the best first, and who says so."""

    labels: tuple[str, ...]  # of `Lexicon.labels`; at most three, one for each sense; () if nothing is near
    source: str  # a WordNet synset ("hawk.n.01"), "embedding" or "hand"


@dataclass(frozen=True)
class Lexicon:
    """labels: captions of one thing each ("a red apple"), as training has them.

    words: of all training captions in lower case, English ones first, then by frequency
    names: language code -> name in lower case -> label
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
    def known_words(self) -> frozenset[str]:
        """`words`, as a set."""
        return frozenset(self.words)
