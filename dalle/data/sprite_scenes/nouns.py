"""The grammar of the concepts of sprites: what english.py and its tables for emoji do not know.

Compositions get their articles: "person riding horse" becomes "a person riding a horse".
"""

import re
from dataclasses import replace

from dalle.data.scenes.english import Noun, parse_noun
from dalle.data.sprites.sprite_set import Concept

NUMBER_WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def _phrases(text: str) -> frozenset[str]:
    """Phrases from a text that parts them by commas."""
    return frozenset(" ".join(text.split()).split(", "))


# Things that cannot be counted, and names: no article, no plural.
_UNCOUNTED = _phrases(
    """ammo, anubis, armor, asparagus, bacteria, bamboo, barbed wire, barley, beef, blood, body armor,
    bok choy, bowling, braille, chain mail, chocolate, cinnamon, cola, cotton candy, detergent, dew, dim sum,
    dynamite,
    face powder, flax, flour, foam, gauze, grass, ham, hemp, holy water, honey, horus, icarus, iced coffee,
    incense, insecticide, jelly, juice, ketchup, lasagna, lemonade, lightning, liqueur, liquor, mascara,
    meat, milk, ore, perfume, pesticide, petrol, pottery, shampoo, slime, smoke, soup, soy sauce,
    stained glass, sugar cane, toast, underwear, wheat, wine, yogurt, red punch, sweat, froth, sauce,
    toothpaste, water, bread, fire, money, dna"""
)
# Things of which there is only one: the definite article, no plural.
_UNIQUE = _phrases(
    """colosseum, earth, eiffel tower, great pyramid, grim reaper, leaning tower of Pisa, solar system,
    sydney opera house, taj mahal, tower bridge"""
)
_PLURALS = {
    "biceps": "biceps",
    "fork": "forks",
    "papyrus": "papyri",
    "sarcophagus": "sarcophagi",
    "stomach": "stomachs",
    "tumulus": "tumuli",
}
_LINK = re.compile(
    r" (and|with|in|on|under|beside|behind|above|wearing|holding|riding|standing holding|standing wearing"
    r"|standing with|walking holding|walking on|walking with|climbing on) "
)
_NO_ARTICLE = _phrases("one riser, tongue out, dna")  # in a composition


def noun_of(concept: Concept) -> Noun:
    """The grammar of a concept's English label; a symbol or a composition fits into no longer sentence."""
    label = concept.label
    if concept.group == "symbols":
        return Noun(label, None, "", is_object=False)
    if concept.kind == "composition":
        return Noun(_composition(label), None, "", is_object=False)
    if concept.kind == "noun" and label in _UNCOUNTED:
        return Noun(label, None, "")
    if concept.kind == "noun" and label in _UNIQUE:
        return Noun(label, None, "the")
    noun = parse_noun(label)
    if concept.kind == "noun" and label in _PLURALS:
        return replace(noun, plural_noun=_PLURALS[label])
    return noun


def plural(noun: Noun, count: int, adjective: str = "", in_digits: bool = False) -> str:
    """ "six owls", "6 blue owls", for counts of NUMBER_WORDS of a noun that has a plural."""
    number = str(count) if in_digits else NUMBER_WORDS[count]
    return " ".join(f"{number} {adjective} {noun.plural_noun}".split())


def _composition(label: str) -> str:
    """A label of several things, with their articles."""
    parts = _LINK.split(label)
    things, links = parts[::2], parts[1::2]
    words = [_thing(things[0])]
    for link, thing in zip(links, things[1:], strict=True):
        words += [link, _thing(thing)]
    return " ".join(words)


def _thing(label: str) -> str:
    if label in _NO_ARTICLE or label in _UNCOUNTED:
        return label
    return parse_noun(label).singular()
