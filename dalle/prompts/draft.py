"""A prompt while it is being read: its pieces, each with its place in the typed text, and notes on changes.

    typed text --Draft.of--> Draft --stage--> Draft --stage--> ... --> Reading

A stage is a function of a draft and a `Lexicon`. It changes a draft by `replace` and `drop` alone, so that
every change is noted with the span of the typed text that it stands for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from dalle.prompts.lexicon import Lexicon
from dalle.prompts.pieces import NO_SPACE_AFTER, NO_SPACE_BEFORE, PIECE


class Kind(StrEnum):
    """Why a part of a prompt was changed, dropped or left."""

    WRAPPING = "wrapping"  # dropped: politeness, "a picture of", flags of other programs
    SYNTAX = "syntax"  # dropped: weights and brackets of other programs, quality tags
    NEGATION = "negation"  # moved to the negative prompt
    NUMBER = "number"  # "a dozen", "3x"; or more than can be counted
    COLOUR = "colour"  # to the nearest colour that the model was taught
    STYLE = "style"  # to the nearest drawing style that the model was taught
    SPELLING = "spelling"
    MEANING = "meaning"  # a word outside the data: to the nearest that the data has
    LANGUAGE = "language"  # from another language
    EMOJI = "emoji"  # a character, to its name
    UNKNOWN = "unknown"  # left in the text; nothing near is known


@dataclass(frozen=True)
class Note:
    """One change. `start`, `end`: of the typed text, as indices of characters."""

    kind: Kind
    start: int
    end: int
    source: str  # the typed words
    target: str  # what stands for them; "" where they are dropped or unknown


@dataclass(frozen=True)
class Piece:
    """A word or a mark of punctuation; `start`, `end`: the part of the typed text that it stands for."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Draft:
    """A prompt between two stages."""

    typed: str
    pieces: tuple[Piece, ...]
    negative: tuple[str, ...] = ()  # English phrases of what is not wanted
    notes: tuple[Note, ...] = ()
    alternatives: tuple[str, ...] = field(default=())  # whole other texts, the likeliest first, at most three

    @classmethod
    def of(cls, typed: str) -> "Draft":
        """The draft of a text as typed, cut into words and marks."""
        return cls(typed, tuple(Piece(m[0], m.start(), m.end()) for m in PIECE.finditer(typed)))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The pieces' texts in lower case."""
        return tuple(piece.text.lower() for piece in self.pieces)

    @property
    def text(self) -> str:
        """The pieces, joined by single spaces where English has them."""
        joined = ""
        for piece in self.pieces:
            spaced = joined and piece.text not in NO_SPACE_BEFORE and joined[-1] not in NO_SPACE_AFTER
            joined += f" {piece.text}" if spaced else piece.text
        return joined

    def replace(self, first: int, last: int, text: str, kind: Kind | None = None) -> "Draft":
        """Put `text` in the place of pieces first to last - 1; noted unless kind is None.

        All new pieces stand for the whole span of the old ones. ValueError for an empty range.
        """
        if not 0 <= first < last <= len(self.pieces):
            raise ValueError(f"pieces {first} to {last} of {len(self.pieces)}: choose at least one of them")
        start, end = self.pieces[first].start, self.pieces[last - 1].end
        new = tuple(Piece(found[0], start, end) for found in PIECE.finditer(text))
        notes = self.notes
        if kind is not None:
            notes += (Note(kind, start, end, self.typed[start:end], text),)
        return replace(self, pieces=self.pieces[:first] + new + self.pieces[last:], notes=notes)

    def drop(self, first: int, last: int, kind: Kind | None = None) -> "Draft":
        """Leave out pieces first to last - 1; noted unless kind is None."""
        return self.replace(first, last, "", kind)

    def unwanted(self, phrase: str, first: int, last: int) -> "Draft":
        """Move pieces first to last - 1 to the negative prompt, as `phrase`."""
        moved = self.note(Kind.NEGATION, first, last, phrase).drop(first, last)
        return replace(moved, negative=(*moved.negative, phrase)) if phrase else moved

    def with_unwanted(self, phrase: str, start: int, end: int) -> "Draft":
        """With `phrase` in the negative prompt, which the typed characters start to end - 1 say."""
        note = Note(Kind.NEGATION, start, end, self.typed[start:end], phrase)
        return replace(self, negative=(*self.negative, phrase), notes=(*self.notes, note))

    def note_typed(self, kind: Kind, text: str) -> "Draft":
        """A note on the first place of the typed text that has `text`; none if it has not."""
        start = self.typed.casefold().find(text.casefold())
        end = start + len(text)
        note = Note(kind, start, end, self.typed[start:end], "")
        return self if start < 0 else replace(self, notes=(*self.notes, note))

    def keep(self, count: int) -> "Draft":
        """The first `count` pieces alone."""
        return replace(self, pieces=self.pieces[:count])

    def append(self, text: str) -> "Draft":
        """With `text` at the end, which stands for no part of the typed text."""
        end = len(self.typed)
        return replace(self, pieces=(*self.pieces, *(Piece(m[0], end, end) for m in PIECE.finditer(text))))

    def note(self, kind: Kind, first: int, last: int, target: str = "") -> "Draft":
        """A note on pieces first to last - 1, which stay."""
        start, end = self.pieces[first].start, self.pieces[last - 1].end
        return replace(self, notes=(*self.notes, Note(kind, start, end, self.typed[start:end], target)))


@dataclass(frozen=True)
class Reading:
    """What the model is told of a prompt."""

    typed: str
    text: str  # English, in the form of the training captions
    negative: str  # what is not wanted, by the prompt itself; "" if nothing
    style: str | None  # the drawing style named, as captions call it
    notes: tuple[Note, ...]
    alternatives: tuple[str, ...]  # other texts that the prompt may mean


Stage = Callable[[Draft, Lexicon], Draft]
