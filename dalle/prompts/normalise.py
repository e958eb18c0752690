"""Stage 1: what makes no difference to a reader makes none to the model: spaces, quotes, hyphens, signs."""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from dalle.prompts.draft import Draft, Piece
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.phrases import is_known
from dalle.prompts.pieces import PIECE, cut, plain_quotes

HYPHENS = str.maketrans({character: "-" for character in "‐‑‒–—−"})
# Soft hyphens, spaces and joiners without width.
INVISIBLE: dict[int, str] = dict.fromkeys((0x00AD, 0x200B, 0x2060, 0xFEFF), "")
PREFIXES = ("t-", "x-", "non-", "e-", "re-", "self-", "semi-", "anti-")  # their hyphens stay
SHORT = {"w/": "with", "w/o": "without", "u": "you"}
AND_SIGNS = frozenset("&+")
SEPARATORS = frozenset(",;")


def normalise(draft: Draft, lexicon: Lexicon) -> Draft:
    """NFKC, one kind of quotes and hyphens, "and" for its signs, no stray commas, no shouting."""
    shouted = draft.typed.isupper() and not _is_label(draft, lexicon)
    pieces = [part for piece in draft.pieces for part in _parts(piece, lexicon, shouted)]
    return replace(draft, pieces=tuple(_without_stray_marks(pieces)))


def _is_label(draft: Draft, lexicon: Lexicon) -> bool:
    return draft.text in lexicon.labels


def _parts(piece: Piece, lexicon: Lexicon, shouted: bool) -> Iterator[Piece]:
    text = unicodedata.normalize("NFKC", piece.text).translate(HYPHENS).translate(INVISIBLE)
    text = text.replace("`", "'")
    if shouted:
        text = text.lower()
    for part in cut(text):
        if part == "-":
            part = ","
        elif part in AND_SIGNS:
            part = "and"
        for word in _words(part, lexicon):
            yield Piece(word, piece.start, piece.end)


def _words(part: str, lexicon: Lexicon) -> list[str]:
    """Joined words apart: "red-apple" where no label has the hyphen, "cat/dog", "cat&dog"."""
    if part.lower() in SHORT:
        return [SHORT[part.lower()]]
    for sign in "/&+":
        words = part.split(sign)
        if len(words) > 1 and all(word.isalpha() for word in words):
            return [each for word in words for each in ("and", word)][1:]
    words = part.split("-")
    joined = plain_quotes(part.lower())
    in_label = joined in lexicon.label_words or joined.startswith(PREFIXES)
    if len(words) == 1 or in_label or not all(word.isalpha() for word in words):
        return [part]
    return words if all(is_known(word.lower(), lexicon) for word in words) else [part]


def _without_stray_marks(pieces: list[Piece]) -> Iterator[Piece]:
    """Commas and semicolons only between words, one at a time."""
    previous = ","
    for at, piece in enumerate(pieces):
        if piece.text in SEPARATORS:
            rest = (other.text for other in pieces[at + 1 :])
            following = next((text for text in rest if text not in SEPARATORS), "")
            if previous in SEPARATORS or not following or not PIECE.fullmatch(following):
                continue
        yield piece
        previous = piece.text
