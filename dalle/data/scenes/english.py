"""English grammar of captions: the label "red apple" becomes "a red apple" and "three red apples".

Labels are the names of emoji in Unicode's CLDR. The tables below hold the exceptions that these names need.
"""

import re
from dataclasses import dataclass

import numpy as np

MIN_TYPO_LENGTH = 5  # letters; shorter words are never misspelt
NUMBER_WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


def _phrases(text: str) -> frozenset[str]:
    """Phrases from a text that parts them by commas."""
    return frozenset(" ".join(text.split()).split(", "))


IRREGULAR_PLURALS = {
    "cactus": "cacti",
    "child": "children",
    "die": "dice",
    "foot": "feet",
    "goose": "geese",
    "man": "men",
    "mango": "mangoes",
    "merman": "mermen",
    "merperson": "merpeople",
    "mouse": "mice",
    "ox": "oxen",
    "person": "people",
    "potato": "potatoes",
    "rhinoceros": "rhinoceroses",
    "sheaf": "sheaves",
    "ski": "skis",
    "snowman": "snowmen",
    "superhero": "superheroes",
    "tomato": "tomatoes",
    "tooth": "teeth",
    "tornado": "tornadoes",
    "volcano": "volcanoes",
    "woman": "women",
    **{same: same for same in ("bison", "buffalo", "deer", "moose", "sheep", "shrimp", "squid")},
    **{stem + "f": stem + "ves" for stem in ("el", "lea", "loa", "scar", "shel", "wol")},
    **{stem + "fe": stem + "ves" for stem in ("kni", "li", "wi")},
}
# Objects that cannot be counted: no article, no plural.
UNCOUNTED = _phrases(
    """american football, badminton, bacon, baguette bread, bowling, bread, broccoli, bubble tea, butter,
    candy, canned food, confetti, cooked rice, coral, curry rice, custard, dna, field hockey, fire,
    flatbread, fog, fondue, garlic, ginger root, high voltage, ice, ice hockey, lacrosse, light rail,
    luggage, mate, meat on bone, money with wings, mount fuji, Mrs. Claus, Mx Claus, nail polish, oden,
    ping pong, popcorn, pouring liquid, rugby football, sake, salt, Santa Claus, shaved ice, soap, soft
    ice cream, spaghetti, stuffed flatbread, sushi, tennis, thread, Tokyo tower, wood, yarn"""
)
# Objects of which there is only one: the definite article, no plural.
UNIQUE = _phrases("kaaba, milky way, Statue of Liberty")
# Labels that name no object: such a label is a whole caption, and never part of a sentence.
NOT_OBJECTS = _phrases(
    """breast-feeding, building construction, call me hand, camping, construction, cooking, dashing away,
    dizzy, foggy, head shaking horizontally, head shaking vertically, horse racing, index pointing at the
    viewer, locked, locked with key, locked with pen, palms up together, rolling on the floor laughing,
    star-struck, thumbs down, thumbs up, unlocked, ZZZ"""
)
# What follows the noun of a label: "pot | of food", "leaf | fluttering in wind", "person | walking".
AFTER_HEAD = re.compile(
    r" (?:at|behind|blowing|decreasing|done|facing|fluttering|holding|in|increasing|mountain biking|not|of|on"
    r"|over|pointed|pointing|showing|tilted|to|with|without|(?:low|medium|high) volume)\b"
    r"|(?<=man|men|son|ple|ace) \w+ing\b"
)
# Times of day, and labels with a side of their own, which could be mistaken for a side that a caption states.
NOT_OBJECT_PATTERN = re.compile(r"o.clock$|-thirty$|\b(?:left|right)\b")
A_SOUNDS = re.compile(r"e[uw]|one\b|uni[cfv]|ufo|use")
AN_SOUNDS = re.compile(r"[aeiou]|hour|honest|herb|x-ray|(?:ATM|NG|SOS)\b")
PLURAL_ENDING = re.compile(r"[^siu]s$")  # of a label that is a plural already


@dataclass(frozen=True)
class Noun:
    """The grammar of a label."""

    bare: str  # without an article: "red apple"
    plural_noun: str | None  # "red apples"; None if it cannot be counted
    article: str  # "a" (which becomes "an" where needed), "the" or ""
    is_object: bool = True  # else it fits into no sentence

    def singular(self, adjective: str = "") -> str:
        """ "a red apple", "an owl", "scissors"; with an adjective "a blue owl"."""
        words = f"{adjective} {self.bare}".strip()
        return f"{article(words) if self.article == 'a' else self.article} {words}".strip()

    def plural(self, count: int, adjective: str = "", in_digits: bool = False) -> str:
        """ "three owls", "3 blue owls", for counts of `NUMBER_WORDS`; ValueError if `plural_noun` is None."""
        if self.plural_noun is None:
            raise ValueError(f"{self.bare!r} cannot be counted; check `noun.plural_noun` first")
        number = count if in_digits else NUMBER_WORDS[count]
        return " ".join(f"{number} {adjective} {self.plural_noun}".split())


def article(words: str) -> str:
    """ "a" or "an", by the sound of the first word."""
    if AN_SOUNDS.match(words) or (words[0] in "AEIOU" and not words.startswith("U.")):
        return "a" if A_SOUNDS.match(words) else "an"
    return "a"


def pluralize(word: str) -> str:
    """The plural of one word."""
    if word in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[word]
    if word.endswith("fish"):
        return word
    if re.search(r"(?:s|x|z|ch|sh)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


def plain_label(label: str) -> str:
    """A CLDR label without its colon: "person: red hair" -> "person with red hair"."""
    head, colon, rest = label.partition(": ")
    if not colon:
        return label
    if head in ("family", "kiss"):
        first, comma, last = rest.rpartition(", ")
        return f"{head} of {first} and {last}" if comma else f"{head} of {last}"
    if head.startswith("couple"):
        return " and ".join(rest.split(", ")) + head.removeprefix("couple")
    if head == "flag":
        return f"flag of {rest}"
    if rest == "bald":
        return f"{rest} {head}"
    if rest.endswith(("hair", "beard")):
        return f"{head} with {'a ' * (rest == 'beard')}{rest}"
    return f"{head} {rest}"


def parse_noun(label: str) -> Noun:
    """The grammar of an English label."""
    bare = plain_label(label)
    if bare in NOT_OBJECTS or NOT_OBJECT_PATTERN.search(bare):
        return Noun(bare, None, "", is_object=False)
    if bare in UNCOUNTED or bare in UNIQUE:
        return Noun(bare, None, "the" if bare in UNIQUE else "")
    after = AFTER_HEAD.search(bare)
    head, tail = (bare[: after.start()], bare[after.start() :]) if after else (bare, "")
    *modifiers, last = head.split(" ")
    is_plural = last in IRREGULAR_PLURALS.values() or PLURAL_ENDING.search(last)
    if is_plural and last not in IRREGULAR_PLURALS:
        return Noun(bare, None, "")
    if "and" in modifiers:
        return Noun(bare, None, "a")
    return Noun(bare, " ".join([*modifiers, pluralize(last)]) + tail, "a")


def with_typo(text: str, rng: np.random.Generator) -> str:
    """The text with one typo in its longest word: two letters exchanged, one left out, or one doubled.

    The word's first letter stays; a text without a word of MIN_TYPO_LENGTH stays as it is.
    """
    word = max(text.split(), key=len)
    if len(word) < MIN_TYPO_LENGTH:
        return text
    position = int(rng.integers(1, len(word) - 1))
    before, letter, after = word[:position], word[position], word[position + 1 :]
    typos = (before + after[0] + letter + after[1:], before + after, before + letter + letter + after)
    return text.replace(word, typos[rng.integers(len(typos))], 1)
