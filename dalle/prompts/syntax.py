"""Stage 2: what people bring along from other programs: weights, brackets, alternatives, quality tags."""

import re
from functools import cache

from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.phrases import named_things
from dalle.prompts.tables import phrases

BRACKETS = frozenset("()[]{}\\")
PARTING = frozenset({"::", "//", "BREAK"})  # part a prompt as a comma does
WEIGHT = re.compile(r"\d*\.?\d+")
MAX_TAG_PIECES = 5


def syntax(draft: Draft, lexicon: Lexicon) -> Draft:
    """Without brackets and weights, of alternatives the first, without words that ask for quality."""
    return _without_tags(_without_brackets(_without_alternatives(draft)), lexicon)


def _without_alternatives(draft: Draft) -> Draft:
    """[a|b] -> a; <...> -> nothing."""
    while "|" in (words := draft.words):
        bar = words.index("|")
        closing = next((at for at in range(bar, len(words)) if words[at] in "]}"), len(words))
        draft = draft.drop(bar, closing, Kind.SYNTAX)
    words = draft.words
    opening = next((at for at, word in enumerate(words) if word.startswith("<")), len(words))
    closing = next((at for at in range(opening, len(words)) if words[at].endswith(">")), None)
    return draft if closing is None else _without_alternatives(draft.drop(opening, closing + 1, Kind.SYNTAX))


def _without_brackets(draft: Draft) -> Draft:
    at, depth = 0, 0
    while at < len(draft.pieces):
        text = draft.pieces[at].text
        following = draft.pieces[at + 1].text if at + 1 < len(draft.pieces) else ""
        depth += (text in "([{") - (text in ")]}")
        if text in PARTING or (text == following == ":"):
            draft = draft.replace(at, at + (1 if text in PARTING else 2), ",", Kind.SYNTAX)
            at += 1
        elif text == ":" and depth > 0 and WEIGHT.fullmatch(following):
            draft = draft.drop(at, at + 2, Kind.SYNTAX)
        elif text in BRACKETS:
            draft = draft.drop(at, at + 1, Kind.SYNTAX)
        else:
            at += 1
    return draft


def _without_tags(draft: Draft, lexicon: Lexicon) -> Draft:
    at = 0
    while at < len(draft.pieces):
        words = draft.words
        ends = range(min(len(words), at + MAX_TAG_PIECES), at, -1)
        last = next((end for end in ends if " ".join(words[at:end]) in _tags()), None)
        if last is None or _is_in_a_name(draft, lexicon, at) or _is_all_there_is(draft, lexicon, at, last):
            at += 1
            continue
        first = at - 1 if at and words[at - 1] == "," else at
        draft = draft.drop(first, last, Kind.SYNTAX)
        at = first
    return draft if not draft.pieces or draft.pieces[0].text != "," else draft.drop(0, 1)


def _is_in_a_name(draft: Draft, lexicon: Lexicon, at: int) -> bool:
    return any(thing.first <= at < thing.last for thing in named_things(draft, lexicon))


def _is_all_there_is(draft: Draft, lexicon: Lexicon, first: int, last: int) -> bool:
    """Whether a tag is a keyword of a thing, and the prompt names nothing else: "perfect, noto"."""
    is_keyword = " ".join(draft.words[first:last]) in lexicon.names.get("en", {})
    return first == 0 and is_keyword and not named_things(draft, lexicon)


@cache
def _tags() -> frozenset[str]:
    return frozenset(phrases("quality.txt"))
