"""Stage 8: names of colours: some hundred, and hex codes, each to the nearest that the model was taught."""

import re
from functools import cache

import numpy as np

from dalle.data.scenes.colours import COLOURS, nearest_colour
from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.phrases import PREPOSITIONS, named_things
from dalle.prompts.tables import rows

HEX = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})")
MAX_WORDS = 3  # of a colour's name
# After these, and at the end, a word such as "rose" is the flower, and "a cat on navy" the colour.
GROUND_WORDS = frozenset("background backdrop wall ground bg".split())
COLOURED = frozenset("coloured colored color colour hued tinted".split())
SHADES = frozenset("light dark pale bright deep pastel soft vivid neon hot dusty".split())


def colour_names(draft: Draft, lexicon: Lexicon) -> Draft:
    """Each name of a colour as captions say it; a name that is a thing here is left."""
    at = 0
    while at < len(draft.pieces):
        found = _colour_at(draft, lexicon, at)
        if found is None:
            at += 1
            continue
        last, name = found
        words = draft.words
        spelt_alike = " ".join(words[at:last]) in (name, "gray")
        draft = draft.replace(at, last, name, None if spelt_alike else Kind.COLOUR)
        draft = _with_right_article(draft, at)
        at += 1
    return draft


def _colour_at(draft: Draft, lexicon: Lexicon, at: int) -> tuple[int, str] | None:
    """The end of the name of a colour at a place, and the taught colour; None where there is none."""
    words = draft.words
    if HEX.fullmatch(words[at]):
        return _with_suffix(words, at + 1), _of_hex(words[at])
    for last in range(min(len(words), at + MAX_WORDS), at, -1):
        text = " ".join(words[at:last]).replace("-", " ")
        known = colour_table().get(text)
        if known is None or _cuts_a_name(draft, lexicon, at, last):
            continue
        name, is_thing = known
        end = _with_suffix(words, last)
        if text in COLOURS and end == last:
            return None
        if _is_part_of_a_name(draft, lexicon, at, last):
            return None
        if is_thing and not _colours_something(words, at, last, end):
            return None
        return end, name
    return None


def _with_suffix(words: tuple[str, ...], last: int) -> int:
    """Past "coloured" and the like."""
    return last + 1 if last < len(words) and words[last] in COLOURED else last


def _cuts_a_name(draft: Draft, lexicon: Lexicon, first: int, last: int) -> bool:
    """Whether a name begins among the words and goes on: "green yellow" of "a green yellow square"."""
    return any(first < thing.first < last < thing.last for thing in named_things(draft, lexicon))


def _is_part_of_a_name(draft: Draft, lexicon: Lexicon, first: int, last: int) -> bool:
    """Whether the words belong to a longer name of a thing, such as "orange" of "orange heart"."""
    things = named_things(draft, lexicon)
    return any(
        thing.first <= first and thing.last >= last and (thing.first, thing.last) != (first, last)
        for thing in things
    )


def _colours_something(words: tuple[str, ...], first: int, last: int, end: int) -> bool:
    """Whether a word that is a thing as well, such as "rose", is a colour here."""
    if end > last or words[first] in SHADES:
        return True
    following = words[last] if last < len(words) else ""
    return following in GROUND_WORDS or (following.isalpha() and following not in _not_coloured())


@cache
def _not_coloured() -> frozenset[str]:
    """Words before which a fruit or flower is itself: "a chocolate cake", "a rose and", "a peach on"."""
    foods = (
        "cake cakes pie pies juice tea bar bars ice cream milk bread soup sauce tree trees leaf "
        "leaves garden bush flower flowers oil pudding jam smoothie cookie cookies muffin tart "
        "salad roll sandwich chip chips field petal petals seed seeds farm orchard slice slices "
        "shake drink egg eggs mousse candy coin coins medal bullion fish fillet sushi "
    )
    return frozenset(foods.split()) | PREPOSITIONS | {"and", "or", "is", "are", "style", "emoji", "icon"}


def _with_right_article(draft: Draft, at: int) -> Draft:
    """ "an emerald car" -> "a green car"."""
    if at == 0 or draft.words[at - 1] not in ("a", "an"):
        return draft
    article = "an" if draft.words[at] == "orange" else "a"
    return draft if draft.words[at - 1] == article else draft.replace(at - 1, at, article)


@cache
def colour_table() -> dict[str, tuple[str, bool]]:
    """The name of a colour -> the nearest taught colour, and whether it is also the name of a thing."""
    table = {name: (name, False) for name in COLOURS} | {"gray": ("grey", False)}
    for name, code, *more in rows("colours.tsv"):
        taught = more[0] if more and more[0] in COLOURS else _of_hex(code)
        table[name] = (taught, "thing" in more)
    return table


@cache
def _of_hex(code: str) -> str:
    digits = code.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = np.frombuffer(bytes.fromhex(digits), np.uint8).tolist()
    return nearest_colour((red, green, blue))
