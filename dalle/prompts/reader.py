"""Reader: what people type -> what the model is told, with notes on all that was changed.

    reader = Reader(lexicon)
    reader.read("can you draw a gray unicron, no hat?")    # "a grey unicorn", negative "a hat"

The stages stand in STAGES, in their order; each is a function in a file of its name.
"""

import re
from functools import lru_cache

from dalle.data.emoji.emoji_set import STYLES
from dalle.errors import InputError
from dalle.prompts.colour_names import colour_names
from dalle.prompts.draft import Draft, Reading, Stage
from dalle.prompts.language import language
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.meaning import meaning
from dalle.prompts.negation import negation
from dalle.prompts.normalise import normalise
from dalle.prompts.numbers import numbers
from dalle.prompts.spelling import spelling
from dalle.prompts.style_names import style_names
from dalle.prompts.syntax import syntax
from dalle.prompts.unknown import unknown
from dalle.prompts.wrapping import wrapping

MAX_PROMPT_LENGTH = 1_000  # characters
MAX_CACHED = 1_024  # readings
STAGES: tuple[Stage, ...] = (
    normalise,
    syntax,
    wrapping,
    language,
    negation,
    spelling,
    meaning,
    colour_names,
    style_names,
    numbers,
    unknown,
)
STYLE = re.compile(rf"\b({'|'.join(sorted(map(re.escape, STYLES.values()), key=len, reverse=True))}) style\b")


class Reader:
    """Reads prompts with one lexicon; thread-safe. Without labels a prompt is only normalised."""

    def __init__(self, lexicon: Lexicon):
        self.lexicon = lexicon
        self._cached = lru_cache(MAX_CACHED)(self._read)

    def read(self, text: str) -> Reading:
        """The reading of a prompt; the same for the same text. Raises ValueError for one that is too long."""
        if len(text) > MAX_PROMPT_LENGTH:
            raise InputError("field_long", name="prompt", length=len(text), most=MAX_PROMPT_LENGTH)
        return self._cached(text)

    def _read(self, text: str) -> Reading:
        first, *others = STAGES
        draft = normalised = first(Draft.of(text), self.lexicon)
        for stage in others if self.lexicon.labels else ():
            draft = stage(draft, self.lexicon)
        if not draft.pieces and not draft.negative:
            draft = normalised  # all of it was wrapping: that is better than nothing
        style = STYLE.search(draft.text.lower())
        return Reading(
            typed=text,
            text=draft.text,
            negative=", ".join(draft.negative),
            style=style[1] if style else None,
            notes=draft.notes,
            alternatives=draft.alternatives,
        )
