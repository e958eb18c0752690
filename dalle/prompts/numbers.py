"""Stage 10: numbers of things, as training captions have them: "a dozen eggs", "3x cat", "cats"."""

import re
from collections.abc import Sequence

from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import NUMBER_WORDS, parse_noun
from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import Lexicon, NamedThing
from dalle.prompts.phrases import FUNCTION_WORDS, named_things, singulars

MOST = max(NUMBER_WORDS)  # that training captions count to
SEVERAL = 3  # drawn for "several", and for a plural without a number
WORDS = {word: number for number, word in NUMBER_WORDS.items()}
WORDS |= {
    word: number
    for number, word in enumerate("six seven eight nine ten eleven twelve thirteen fourteen".split(), 6)
}
WORDS |= {"fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100, "thousand": 1000}
VAGUE: dict[str, int] = dict.fromkeys("several some few multiple trio".split(), SEVERAL)
VAGUE |= dict.fromkeys("many lots numerous bunch".split(), MOST)
VAGUE |= {
    "couple": 2,
    "pair": 2,
    "both": 2,
    "twin": 2,
    "twins": 2,
    "double": 2,
    "triple": 3,
    "dozen": 12,
    "dozens": 24,
}
TIMES = re.compile(r"(?:(\d+) ?[x×]|[x×] ?(\d+))")
DIGITS = re.compile(r"\d+")
FILLERS = frozenset({"of", "the", "a", "an", "whole", "different", "identical", "single", "big"})
MAX_ADJECTIVES = 3  # between a number and its thing


def numbers(draft: Draft, lexicon: Lexicon) -> Draft:
    """Each number before a thing as captions say it; too large ones as the largest that is drawn."""
    for thing in reversed(_things(draft, lexicon)):
        draft = _numbered(draft, thing)
    return _without_number(draft, named_things(draft, lexicon))


def _things(draft: Draft, lexicon: Lexicon) -> list[NamedThing]:
    """The things named, by labels or by keywords, which captions count as well: "cars" for automobiles."""
    things, keywords = [*named_things(draft, lexicon)], lexicon.names.get("en", {})
    for at, word in enumerate(draft.words):
        *plurals, _ = singulars(word)
        single = next((one for one in plurals if one in keywords), None)
        is_thing = single and _number(word) is None and word not in COLOURS
        if single and is_thing and not any(t.first <= at < t.last for t in things):
            things.append(NamedThing(at, at + 1, parse_noun(single), plural=True))
    return sorted(things, key=lambda thing: thing.first)


def _without_number(draft: Draft, things: Sequence[NamedThing]) -> Draft:
    """ "cats" -> "three cats", where nothing else is named: captions have no plural without a number."""
    if len(things) != 1 or not things[0].plural or any(_number(word) for word in draft.words):
        return draft
    first = things[0].first
    while first and draft.words[first - 1].isalpha() and draft.words[first - 1] not in FUNCTION_WORDS:
        first -= 1
    if first and draft.words[first - 1] != ",":
        return draft
    text = " ".join(piece.text for piece in draft.pieces[first : things[0].last])
    return draft.replace(first, things[0].last, f"{NUMBER_WORDS[SEVERAL]} {text}", Kind.NUMBER)


def _numbered(draft: Draft, thing: NamedThing) -> Draft:
    """The number that stands before a thing, at most MAX_ADJECTIVES words away, put right."""
    words = draft.words
    if thing.last < len(words) and (found := TIMES.fullmatch(words[thing.last])):  # "cat x3"
        draft = draft.drop(thing.last, thing.last + 1)
        return _put(draft, thing, thing.first, thing.first, int(found[1] or found[2]), "")
    last = thing.first
    for first in range(thing.first - 1, max(-1, thing.first - 2 - MAX_ADJECTIVES), -1):
        word = words[first]
        if word in ",.;:" or word in ("and", "with", "on", "in"):
            return draft
        if word in FILLERS:
            if word == "of" or first == last - 1:
                last = first if word != "of" or last == first + 1 else last
            continue
        number = _number(word)
        if number is None:
            last = first
            continue
        start = first
        while start and (words[start - 1] in ("a", "one", "the") or _number(words[start - 1])):
            start -= 1
            number *= _number(words[start]) or 1
        if start and words[start - 1] == "half" and number > 1:  # "a half dozen"
            start, number = start - 1 - (words[start - 2] in ("a", "one") if start > 1 else 0), number // 2
        rest = [each for each in words[first + 1 : thing.first] if each not in FILLERS and each not in VAGUE]
        return _put(draft, thing, start, thing.first, number, " ".join(rest))
    return draft


def _number(word: str) -> int | None:
    if found := TIMES.fullmatch(word):
        return int(found[1] or found[2])
    if DIGITS.fullmatch(word):
        return int(word)
    return WORDS.get(word) or VAGUE.get(word)


def _put(draft: Draft, thing: NamedThing, first: int, last: int, number: int, adjectives: str) -> Draft:
    """`number` and `adjectives` in the place of pieces first to last - 1, and the thing in that number."""
    drawn = min(number, MOST)
    before = " ".join(draft.words[first:last])
    noun = draft.pieces[thing.first : thing.last]
    name = " ".join(piece.text for piece in noun)
    if drawn > 1 and not thing.plural:
        if thing.noun.plural_noun is None:
            return draft  # "two water" has no plural
        name = thing.noun.plural_noun
    in_digits = draft.words[first].isdigit() and number <= MOST
    said = str(drawn) if in_digits else NUMBER_WORDS.get(drawn, "")
    if drawn < 1 or (drawn == 1 and thing.plural):
        return draft
    text = f"{said} {adjectives} {name}".replace("  ", " ")
    if text == f"{before} {' '.join(piece.text for piece in noun)}":
        return draft
    return draft.replace(first, thing.last, text, Kind.NUMBER)
