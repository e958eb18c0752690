"""Phrases of interactions, and the facts that they state.

Each phrase names its relation; in `Phrase.text` {a} does something, {b} is what it does it with.
"""

import random
from functools import cache
from typing import NamedTuple

from dalle.data.scenes.english import Noun, parse_noun
from dalle.data.scenes.facts import Fact, HasConcept, Relation
from dalle.data.sprite_scenes.cast import Cast
from dalle.data.sprite_scenes.roles import Player
from dalle.data.sprite_scenes.sampling import Weighted, pick


class Phrase(NamedTuple):
    """A template, and the relation of {a} to {b} that it states; of {b} to {a} if `swapped`."""

    text: str
    relation: str
    swapped: bool = False


_ON_HEAD = Phrase("{a} with {b} on {its} head", "wearing")
_WEARING, _WITH = Phrase("{a} wearing {b}", "wearing"), Phrase("{a} with {b}", "with")
PHRASES: dict[str, Weighted[Phrase]] = {
    "hat": Weighted({_WEARING: 5, Phrase("{a} in {b}", "wearing"): 1.5, _ON_HEAD: 2, _WITH: 1}),
    "eyewear": Weighted({_WEARING: 5, Phrase("{a} in {b}", "wearing"): 2, _WITH: 1.5}),
    "ears": Weighted({_WEARING: 4, _WITH: 1}),
    "bow": Weighted({_ON_HEAD: 2, _WEARING: 2, _WITH: 1}),
    "neck": Weighted({_WEARING: 4, _WITH: 1}),
    "held": Weighted({Phrase("{a} holding {b}", "holding"): 4, _WITH: 1.5}),
    "mount": Weighted({Phrase("{a} riding {b}", "riding"): 4, Phrase("{a} on {b}", "on"): 2}),
    "vehicle": Weighted({Phrase("{a} driving {b}", "driving"): 4, Phrase("{a} in {b}", "in"): 2}),
    "boat": Weighted({Phrase("{a} in {b}", "in"): 3, Phrase("{a} on {b}", "in"): 1}),
    "vessel": Weighted(
        {
            Phrase("{a} in {b}", "in"): 4,
            Phrase("{a} inside {b}", "in"): 2,
            Phrase("{b} with {a} in it", "in"): 0.7,
        }
    ),
    "cover": Weighted({Phrase("{a} under {b}", "under"): 4, Phrase("{a} underneath {b}", "under"): 1}),
    "sky": Weighted(
        {
            Phrase("{a} under {b}", "under"): 3,
            Phrase("{a} below {b}", "under"): 1,
            Phrase("{b} above {a}", "above", True): 2,
        }
    ),
    "behind": Weighted(
        {Phrase("{a} behind {b}", "behind"): 1, Phrase("{b} in front of {a}", "in-front-of", True): 1}
    ),
}
TRUE: dict[str, tuple[Phrase, ...]] = {  # whatever the phrase
    **dict.fromkeys(("hat", "eyewear", "ears", "bow", "neck"), (_WEARING, _WITH)),
    "held": (Phrase("", "holding"), _WITH),
    "mount": (Phrase("", "riding"), Phrase("", "on")),
    "vehicle": (Phrase("", "driving"), Phrase("", "in")),
    "boat": (Phrase("", "in"),),
    "vessel": (Phrase("", "in"),),
    "cover": (Phrase("", "under"),),
    "sky": (Phrase("", "under"), Phrase("", "above", True)),
    "behind": (Phrase("", "behind"), Phrase("", "in-front-of", True)),
}
_MALE, _FEMALE, _NEUTRAL = ("man", "boy"), ("woman", "girl"), ("person", "child")


def noun_of(rng: random.Random, cast: Cast, player: Player) -> Noun:
    """The grammar of what a caption calls a player: its label, or one of its own names."""
    return _parse(pick(rng, player.names)) if player.names else cast.names.nouns[player.concept]


def describe(
    rng: random.Random, cast: Cast, kind: str, first: Player, second: Player
) -> tuple[str, set[Fact], set[Fact]]:
    """A caption of two players, by a key of PHRASES; what it states, and all that is true of what they do."""
    phrase = PHRASES[kind].draw(rng)
    slugs = cast.names.slugs[first.concept], cast.names.slugs[second.concept]
    texts = (noun_of(rng, cast, player).singular() for player in (first, second))
    text = phrase.text.format(**dict(zip("ab", texts, strict=True)), its=possessive(slugs[0]))
    stated: set[Fact] = {HasConcept(slugs[0]), HasConcept(slugs[1]), _relation(phrase, *slugs)}
    return text, stated, stated.union(_relation(other, *slugs) for other in TRUE[kind])


def possessive(slug: str) -> str:
    """ "its", "his", "her" or "their", by the concept."""
    last = slug.split("-")[-1]
    for words, pronoun in ((_MALE, "his"), (_FEMALE, "her"), (_NEUTRAL, "their")):
        if last in words:
            return pronoun
    return "its"


def _relation(phrase: Phrase, first: str, second: str) -> Relation:
    if phrase.swapped:
        first, second = second, first
    return Relation(first, phrase.relation, second)


@cache
def _parse(name: str) -> Noun:
    return parse_noun(name)
