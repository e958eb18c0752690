"""What a prompt asks for, written down by hand, and whether a reading says it.

    "3 red/brown:owl + ?tree | rel above | on blue | style noto | not hat/cap | gone please"

The first part names things parted by "+": an optional count, accepted colours, accepted nouns; "?" marks a
thing that may be left out. Then, in any order: "rel" the accepted relations of the first thing to the second
("*": any), "on" the background's colour, "style" the accepted styles ("?": any, or a note that it is
unknown), "not" unwanted things parted by "&", "gone" words that the text must no longer have.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import NUMBER_WORDS, Noun, parse_noun
from dalle.prompts.draft import Draft, Kind, Reading

Pieces = tuple[str, ...]

RELATIONS = {  # words between two things -> how the first stands to the second; the first match counts
    r"on the left and|left of": "left-of",
    r"on the right and|right of": "right-of",
    r"at the top and|above|over": "above",
    r"at the bottom and|below|under|beneath": "below",
    r"on|on top of|standing on": "on",
    r"next to|beside|by": "beside",
    r"and|with|,": "and",
}
OPPOSITES = {"left-of": "right-of", "right-of": "left-of", "above": "below", "below": "above"}
NUMBERS = {word: number for number, word in NUMBER_WORDS.items()} | {"a": 1, "an": 1}
BOUNDARY = frozenset("the , . ; and with on of by to in over above below under beside".split())
BACKGROUND = re.compile(
    rf"(?:,|\bon(?: an?| the)?|\bwith(?: an?| the)?) ({'|'.join(COLOURS)}) background\b"
    rf"|\bon ({'|'.join(COLOURS)})(?=$|[,.])"
)


@dataclass(frozen=True)
class Thing:
    """A thing that the text must name, or, if optional, may name."""

    nouns: tuple[str, ...]  # accepted, without articles
    count: int | None = None  # None: one, or none said
    colours: tuple[str, ...] = ()  # accepted; () if the text must not give it any
    optional: bool = False


@dataclass(frozen=True)
class Answer:
    """What a reading must say."""

    things: tuple[Thing, ...]
    relations: tuple[str, ...] = ("*",)
    background: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    unwanted: tuple[tuple[str, ...], ...] = ()  # nouns accepted for each
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mention:
    """A noun in a text: its pieces first to last - 1."""

    noun: str
    first: int
    last: int
    count: int | None
    colours: frozenset[str]


def parse_answer(text: str) -> Answer:
    """The answer written as in the module's docstring; raises ValueError for an unknown part."""
    things, *parts = text.split(" | ")
    fields: dict[str, tuple] = {"things": tuple(_parse_thing(each) for each in things.split(" + "))}
    for part in parts:
        name, _, value = part.partition(" ")
        options = tuple(value.split("/"))
        if name == "not":
            fields["unwanted"] = tuple(tuple(each.split("/")) for each in value.split(" & "))
        elif name in ("rel", "on", "style", "gone"):
            field = {"rel": "relations", "on": "background", "style": "styles", "gone": "gone"}[name]
            fields[field] = options
        else:
            raise ValueError(f"no part of an answer is called {name!r} (in {text!r})")
    return Answer(**fields)


def _parse_thing(text: str) -> Thing:
    match = re.fullmatch(r"(\?)?(?:(\d) )?(?:([a-z/]+):)?(.+)", text)
    if not match:
        raise ValueError(f"no thing of an answer: {text!r}")
    optional, count, colours, nouns = match.groups()
    return Thing(
        tuple(nouns.split("/")),
        int(count) if count else None,
        tuple(colours.split("/")) if colours else (),
        bool(optional),
    )


# --- what a text names


def find_mentions(text: str, known: Mapping[Pieces, str]) -> list[Mention]:
    """The nouns in an English text, the longest at each place; `known`: pieces -> noun."""
    words = pieces(text)
    longest = max(map(len, known), default=0)
    found: list[Mention] = []
    place = 0
    while place < len(words):
        for size in range(min(longest, len(words) - place), 0, -1):
            noun = known.get(words[place : place + size])
            if noun is not None:
                earlier = found[-1].last if found else 0
                count, colours = _modifiers(words[earlier:place])
                found.append(Mention(noun, place, place + size, count, colours))
                place += size
                break
        else:
            place += 1
    return found


def _modifiers(before: Pieces) -> tuple[int | None, frozenset[str]]:
    """The count and the colours that the words before a noun give to it."""
    colours = set()
    for word in reversed(before):
        if word in NUMBERS or word.isdecimal():
            return NUMBERS.get(word) or int(word), frozenset(colours)
        if word in BOUNDARY:
            break
        if word in COLOURS or word == "gray":
            colours.add("grey" if word == "gray" else word)
    return None, frozenset(colours)


def pieces(text: str) -> Pieces:
    """The words and marks of a text in lower case, with straight quotes."""
    return Draft.of(text.replace("’", "'")).words


def forms(noun: str) -> Iterator[Pieces]:
    """The pieces of a noun's singular and of its plural."""
    parsed: Noun = parse_noun(noun)
    yield pieces(parsed.bare)
    if parsed.plural_noun:
        yield pieces(parsed.plural_noun)


def known_nouns(labels: Mapping[Pieces, tuple[Noun, bool]], others: Iterable[str]) -> dict[Pieces, str]:
    """Pieces -> noun in lower case, of a lexicon's `pieces` and of other nouns."""
    known = {form: noun.lower() for noun in others for form in forms(noun)}
    return known | {form: noun.bare.lower().replace("’", "'") for form, (noun, _) in labels.items()}


# --- whether a reading is right


def faults(reading: Reading, answer: Answer, labels: Mapping[Pieces, tuple[Noun, bool]]) -> list[str]:
    """What a reading says wrongly or leaves out, in words; [] if it is right. `labels`: Lexicon.pieces."""
    text, background = _without_background(reading.text)
    wanted = {noun for thing in answer.things for noun in thing.nouns}
    unwanted = {noun for nouns in answer.unwanted for noun in nouns}
    mentions = find_mentions(text, known_nouns(labels, wanted | unwanted))
    found, rest = _match_things(answer, mentions)
    result = [*_thing_faults(answer, found), *(f"unasked: {each.noun}" for each in rest)]
    if background not in (answer.background or (None,)):
        result.append(f"background: {background}")
    result += _relation_faults(answer, found, pieces(text))
    result += _style_faults(answer, reading)
    for nouns in answer.unwanted:
        negative = pieces(reading.negative)
        if not any(_holds(negative, form) for noun in nouns for form in forms(noun)):
            result.append(f"not unwanted: {nouns[0]}")
    result += [f"left: {word}" for word in answer.gone if _has_word(reading.text.lower(), word)]
    return result


def _without_background(text: str) -> tuple[str, str | None]:
    """A text without the words for its background, and the background's colour."""
    match = BACKGROUND.search(text.lower())
    if not match:
        return text, None
    return text[: match.start()] + text[match.end() :], match[1] or match[2]


def fits(noun: str, accepted: str) -> bool:
    """Whether a label is an accepted noun, or that with its face or a colour: "cat face", "red apple"."""
    accepted = accepted.lower().replace("’", "'")
    colour, _, rest = noun.partition(" ")
    return noun in (accepted, f"{accepted} face") or (colour in COLOURS and rest == accepted)


def _match_things(answer: Answer, mentions: list[Mention]) -> tuple[list[Mention | None], list[Mention]]:
    """The mention of each thing that is not optional, or None; and mentions of nothing in the answer."""
    rest = list(mentions)

    def take(thing: Thing) -> Mention | None:
        for mention in sorted(rest, key=lambda each: bool(_fault(thing, each))):
            if any(fits(mention.noun, noun) for noun in thing.nouns):
                rest.remove(mention)
                return mention
        return None

    found = [take(thing) for thing in answer.things if not thing.optional]
    for thing in answer.things:
        if thing.optional:
            take(thing)
    return found, rest


def _thing_faults(answer: Answer, found: list[Mention | None]) -> Iterator[str]:
    required = [thing for thing in answer.things if not thing.optional]
    for thing, mention in zip(required, found, strict=True):
        if mention is None:
            yield f"missing: {thing.nouns[0]}"
        elif fault := _fault(thing, mention):
            yield fault


def _fault(thing: Thing, mention: Mention) -> str:
    """What is wrong with the count or the colour of a thing's mention; "" if nothing is."""
    if mention.count != thing.count and {mention.count, thing.count} - {None, 1}:
        return f"count: {mention.count} {mention.noun}"
    own = {mention.noun.partition(" ")[0]} & COLOURS.keys()
    colours = mention.colours or (own if thing.colours else frozenset())
    if bool(colours) != bool(thing.colours) or not colours <= set(thing.colours):
        return f"colour: {' '.join(sorted(colours)) or 'none'} {mention.noun}"
    return ""


def _relation_faults(answer: Answer, found: list[Mention | None], words: Pieces) -> list[str]:
    if "*" in answer.relations or len(found) < 2 or found[0] is None or found[1] is None:
        return []
    first, second = sorted(found[:2], key=lambda each: each.first if each else 0)
    assert first and second
    between = " ".join(words[first.last : second.first])
    patterns = (name for words, name in RELATIONS.items() if re.search(rf"(?<!\w)(?:{words})(?!\w)", between))
    relation = next(patterns, "none")
    if first is not found[0]:
        relation = OPPOSITES.get(relation, relation)
    return [] if relation in answer.relations else [f"relation: {relation}"]


def _style_faults(answer: Answer, reading: Reading) -> list[str]:
    if "?" in answer.styles:
        said = any(note.kind in (Kind.STYLE, Kind.UNKNOWN) for note in reading.notes)
        return [] if said or reading.style else ["style: not said"]
    right = reading.style in answer.styles if answer.styles else reading.style is None
    return [] if right else [f"style: {reading.style}"]


def _holds(words: Pieces, part: Pieces) -> bool:
    return any(words[i : i + len(part)] == part for i in range(len(words) - len(part) + 1))


def _has_word(text: str, word: str) -> bool:
    """Whether the text has the word as a whole one, or a mark anywhere."""
    if word[0].isalnum() and word[-1].isalnum():
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
    return word in text
