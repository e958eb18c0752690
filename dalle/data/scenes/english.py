"""English for captions: a label such as "red apple" becomes "a red apple" and "three red apples".

The labels are Unicode's names of emoji (CLDR), and the exceptions below are the ones that this list needs.
"""

import re
from dataclasses import dataclass

import numpy as np

SHORTEST = 5  # letters of a word that may be misspelt
NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(text.split()).split(", "))


IRREGULAR = {
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
# Things that can be drawn but not counted: no article, no plural.
UNCOUNTED = _phrases(
    """american football, badminton, bacon, baguette bread, bowling, bread, broccoli, bubble tea, butter,
    candy, canned food, confetti, cooked rice, coral, curry rice, custard, dna, field hockey, fire,
    flatbread, fog, fondue, garlic, ginger root, high voltage, ice, ice hockey, lacrosse, light rail,
    luggage, mate, meat on bone, money with wings, mount fuji, Mrs. Claus, Mx Claus, nail polish, oden,
    ping pong, popcorn, pouring liquid, rugby football, sake, salt, Santa Claus, shaved ice, soap, soft
    ice cream, spaghetti, stuffed flatbread, sushi, tennis, thread, Tokyo tower, wood, yarn"""
)
# The only one of its kind.
UNIQUE = _phrases("kaaba, milky way, Statue of Liberty")
# Labels that name no thing: they stand alone in a caption and in no sentence.
NO_THING = _phrases(
    """breast-feeding, building construction, call me hand, camping, construction, cooking, dashing away,
    dizzy, foggy, head shaking horizontally, head shaking vertically, horse racing, index pointing at the
    viewer, locked, locked with key, locked with pen, palms up together, rolling on the floor laughing,
    star-struck, thumbs down, thumbs up, unlocked, ZZZ"""
)
# Where a phrase goes on after its head: "pot | of food", "leaf | fluttering in wind", "person | walking".
AFTER_HEAD = re.compile(
    r" (?:at|behind|blowing|decreasing|done|facing|fluttering|holding|in|increasing|mountain biking|not|of|on"
    r"|over|pointed|pointing|showing|tilted|to|with|without|(?:low|medium|high) volume)\b"
    r"|(?<=man|men|son|ple|ace) \w+ing\b"
)
# Times, and labels whose direction would blur one that a caption tells.
ALONE = re.compile(r"o.clock$|-thirty$|\b(?:left|right)\b")
SAID_WITH_A = re.compile(r"e[uw]|one\b|uni[cfv]|ufo|use")
SAID_WITH_AN = re.compile(r"[aeiou]|hour|honest|herb|x-ray|(?:ATM|NG|SOS)\b")


@dataclass(frozen=True)
class Noun:
    """What a label names. `thing`: it can be put into a sentence; `article`: "a", "the" or none."""

    bare: str
    many: str | None  # "red apples"; None if it cannot be counted
    article: str
    thing: bool = True

    def one(self, adjective: str = "") -> str:
        """ "a red apple", "an owl", "scissors"; with an adjective "a blue owl"."""
        words = f"{adjective} {self.bare}".strip()
        return f"{article(words) if self.article == 'a' else self.article} {words}".strip()

    def several(self, count: int, adjective: str = "", in_digits: bool = False) -> str:
        """ "three owls", "3 blue owls"; ValueError for what cannot be counted."""
        if self.many is None:
            raise ValueError(f"{self.bare!r} cannot be counted; check `noun.many` first")
        return " ".join(f"{count if in_digits else NUMBERS[count]} {adjective} {self.many}".split())


def article(words: str) -> str:
    """ "a" or "an", by how the first word sounds."""
    if SAID_WITH_AN.match(words) or (words[0] in "AEIOU" and not words.startswith("U.")):
        return "a" if SAID_WITH_A.match(words) else "an"
    return "a"


def plural(word: str) -> str:
    """The plural of one word."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("fish"):
        return word
    if re.search(r"(?:s|x|z|ch|sh)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


def plain_label(label: str) -> str:
    """CLDR's colons told in words: "person: red hair" -> "person with red hair"."""
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


def noun(label: str) -> Noun:
    """What an English label names, and how to say it."""
    bare = plain_label(label)
    if bare in NO_THING or ALONE.search(bare):
        return Noun(bare, None, "", thing=False)
    if bare in UNCOUNTED or bare in UNIQUE:
        return Noun(bare, None, "the" if bare in UNIQUE else "")
    after = AFTER_HEAD.search(bare)
    head, tail = (bare[: after.start()], bare[after.start() :]) if after else (bare, "")
    *before, last = head.split(" ")
    if last not in IRREGULAR and (last in IRREGULAR.values() or re.search(r"[^siu]s$", last)):
        return Noun(bare, None, "")
    if "and" in before:
        return Noun(bare, None, "a")
    return Noun(bare, " ".join([*before, plural(last)]) + tail, "a")


def with_typo(text: str, rng: np.random.Generator) -> str:
    """The text with a slip in its longest word: two letters exchanged, one left out or one doubled.

    A word's first letter stays, and so does a word that is too short.
    """
    word = max(text.split(), key=len)
    if len(word) < SHORTEST:
        return text
    at = int(rng.integers(1, len(word) - 1))
    before, letter, after = word[:at], word[at], word[at + 1 :]
    slips = (before + after[0] + letter + after[1:], before + after, before + letter + letter + after)
    return text.replace(word, slips[rng.integers(len(slips))], 1)
