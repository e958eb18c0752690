"""Stage 9: names of looks, each as the nearest drawing style that was taught, or said to be unknown."""

import re
from functools import cache

from dalle.data.emoji.emoji_set import STYLES
from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.phrases import ARTICLES, named_things
from dalle.prompts.tables import rows

MAX_WORDS = 3
# As captions name a style: at the end, or with "style" after it.
TAUGHT = re.compile(rf"(?:, |in |in the )(?:{'|'.join(map(re.escape, STYLES.values()))})(?: style)?[.!]?$")
STYLE_WORDS = frozenset(
    "style styled look art effect aesthetic version render rendering illustration painting drawing".split()
)
BEFORE = frozenset("in as like the a an of with done made style".split())
# Of a company or a thing as well: only with "style" after it.
ONLY_AS_STYLE = frozenset(
    "apple samsung google android microsoft windows twitter discord firefox mozilla fluent photo photograph "
    "clay blob pencil charcoal felt vector flat neon silhouette comic cartoon blueprint tattoo origami "
    "lego".split()
)
ALSO_BEFORE_A_THING = frozenset("flat blob cartoon clay neon origami lego felt comic vector pencil".split())


def style_names(draft: Draft, lexicon: Lexicon) -> Draft:
    """The style named, at the end of the text, as captions have it; other names of looks are left out."""
    if TAUGHT.search(draft.text.lower()):
        return draft
    at, taught = 0, ""
    while at < len(draft.pieces):
        found = _style_at(draft, lexicon, at)
        if found is None:
            at += 1
            continue
        first, last, style = found
        draft = draft.note(Kind.STYLE, first, last, style).drop(first, last)
        draft = _with_right_article(draft, first)
        taught, at = taught or style, first
    if taught:
        draft = draft.append(f", {taught} style")
    return draft


def _style_at(draft: Draft, lexicon: Lexicon, at: int) -> tuple[int, int, str] | None:
    """What to leave out at a place, and the taught style, "" if none; None where no look is named."""
    words = draft.words
    things = named_things(draft, lexicon)
    for last in range(min(len(words), at + MAX_WORDS), at, -1):
        text = " ".join(words[at:last])
        if text not in style_table():
            continue
        style, end = style_table()[text], last
        is_said = False
        while end < len(words) and words[end] in STYLE_WORDS:
            is_said, end = True, end + 1
        in_name = any(
            thing.first <= at < thing.last and thing.last - thing.first > last - at for thing in things
        )
        before_thing = any(thing.first == end for thing in things)
        alone = (at == 0 or words[at - 1] in (",", "in", "as")) and (end == len(words) or words[end] == ",")
        if in_name or (text in ONLY_AS_STYLE and not (is_said or alone or _precedes(text, before_thing))):
            continue
        if len(words) == end - at:
            return None  # nothing else is named
        if end < len(words) and words[end] == "of":  # "a watercolour painting of a fox"
            first = at - 1 if at and words[at - 1] in ARTICLES else at
            return first, end + 1, style
        return _start(words, at, end), end, style
    return None


def _precedes(text: str, before_thing: bool) -> bool:
    return before_thing and text in ALSO_BEFORE_A_THING


def _start(words: tuple[str, ...], first: int, last: int) -> int:
    """Past what joins the style to the prompt: ", in the", where it stands at the end."""
    if last < len(words) and words[last] != ",":
        return first  # "a 3d cat"
    while first and words[first - 1] in (BEFORE | ARTICLES | {","}):
        first -= 1
    return first


def _with_right_article(draft: Draft, at: int) -> Draft:
    """ "a 3d owl" -> "an owl"."""
    if not 0 < at < len(draft.pieces) or draft.words[at - 1] not in ("a", "an"):
        return draft
    article = "an" if draft.words[at][0] in "aeiou" else "a"
    return draft if draft.words[at - 1] == article else draft.replace(at - 1, at, article)


@cache
def style_table() -> dict[str, str]:
    """What people call a look -> the taught drawing style; "" where none is near."""
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows("styles.tsv")}
