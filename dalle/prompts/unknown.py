"""The last stage: words that show in a picture and that the model never saw are left, and said."""

from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.phrases import is_known_in_english

MIN_LENGTH = 3  # letters: shorter words do not show
MAX_REPORTED = 5


def unknown(draft: Draft, lexicon: Lexicon) -> Draft:
    """A note on each of the first MAX_REPORTED unknown words that none was made of yet."""
    if not lexicon.words:
        return draft
    noted = {(note.start, note.end) for note in draft.notes if note.kind is Kind.UNKNOWN}
    reported = 0
    for at, piece in enumerate(draft.pieces):
        word = piece.text.lower()
        if len(word) < MIN_LENGTH or (piece.start, piece.end) in noted or is_known_in_english(word, lexicon):
            continue
        draft = draft.note(Kind.UNKNOWN, at, at + 1)
        reported += 1
        if reported == MAX_REPORTED:
            break
    return draft
