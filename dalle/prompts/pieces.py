"""How a prompt is cut into pieces: words, numbers and marks of punctuation."""

import re

PIECE = re.compile(
    r"\d+(?:[.:]\d+)+"
    r"|[^\s,;.!?:()\[\]{}|\\\"“”„«»、。，；：！？（）]+"
    r"|[^\s]"
)
NO_SPACE_BEFORE = frozenset(",;.!?:)]}、。，；：！？）")
NO_SPACE_AFTER = frozenset("([{（")
QUOTES = str.maketrans("’‘“”„«»", '\'\'"""""')


def cut(text: str) -> tuple[str, ...]:
    """The pieces of a text."""
    return tuple(match[0] for match in PIECE.finditer(text))


def plain_quotes(text: str) -> str:
    """Typographic quotes as typewriters have them."""
    return text.translate(QUOTES)
