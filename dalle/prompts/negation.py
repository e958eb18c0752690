"""Stage 5: what is not wanted goes to the negative prompt: "a cat, no hat" -> "a cat", not "a hat"."""

import re

from dalle.data.scenes.colours import COLOURS
from dalle.prompts.draft import Draft
from dalle.prompts.lexicon import Lexicon, english_words
from dalle.prompts.phrases import ARTICLES, named_things, with_article

# At a place in a text of pieces, parted by single spaces.
NOT = re.compile(
    r"(?:but )?(?:"
    r"(?:there (?:is|are|should be) |with |and |has |having )?"
    r"(?:no|without|w/o|minus|sans|excluding|except|lacking|never|none of)"
    r"|(?:please )?(?:do not|don't|dont|never) (?:include|draw|add|want|show|put|use|have|make)"
    r"|i (?:do not|don't|dont) (?:want|like|need)"
    r"|not|avoid)"
    r"(?: any| the| have| having| wearing)*(?= )"
)
STOPS = frozenset(
    ", ; . : ! ? but on in at under over near to beside behind above below inside with next".split()
)
JOINS = frozenset({"or", "nor", "and"})
BEFORE = frozenset({",", "with", "and", "but"})


def negation(draft: Draft, lexicon: Lexicon) -> Draft:
    """Each phrase that says what is not to be seen, moved to `draft.negative`."""
    at = 0
    while at < len(draft.pieces):
        start = _negated_from(draft, lexicon, at)
        end = _end_of_objects(draft, start)
        if end == start:
            at += 1
            continue
        unwanted = _phrases(draft.words[start:end], lexicon)
        first = at - 1 if at and draft.words[at - 1] in BEFORE else at
        if first == 0 and end < len(draft.pieces) and draft.words[end] == ",":
            end += 1
        draft = draft.unwanted(", ".join(unwanted), first, end)
        at = first
    return draft


def _negated_from(draft: Draft, lexicon: Lexicon, at: int) -> int:
    """Where what is negated at `at` begins; the end of the draft if nothing is, as in "no entry"."""
    found = NOT.match(" ".join(draft.words[at:]))
    if not found:
        return len(draft.pieces)
    start = at + len(found[0].split())
    is_name = any(thing.first < start and thing.last > at for thing in named_things(draft, lexicon))
    return len(draft.pieces) if is_name else start


def _end_of_objects(draft: Draft, start: int) -> int:
    """Where the list of unwanted things ends: at a mark, a preposition, or "and" with something wanted."""
    words, at = draft.words, start
    while at < len(words) and words[at] not in STOPS:
        if words[at] == "and" and at + 1 < len(words) and words[at + 1] in ARTICLES | {"one", "two", "three"}:
            break
        at += 1
    return at


def _phrases(words: tuple[str, ...], lexicon: Lexicon) -> list[str]:
    """The unwanted things, as captions name them."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word in JOINS:
            groups.append([])
        elif word not in ARTICLES and word not in ("no", "any"):
            groups[-1].append(word)
    return [_phrase(" ".join(group), lexicon) for group in groups if group]


def _phrase(text: str, lexicon: Lexicon) -> str:
    head = text.split()[-1]
    if noun := lexicon.nouns.get(text):
        return noun.singular()
    is_one_thing = head in english_words() and head not in COLOURS and not head.endswith("ing")
    return with_article(text) if is_one_thing and text not in lexicon.plurals else text
