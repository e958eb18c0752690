"""Stage 6: slips of the hand: "unicron" -> "unicorn"."""

from rapidfuzz import process
from rapidfuzz.distance import OSA

from dalle.data.scenes.colours import COLOURS
from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.phrases import STYLE_WORDS, is_english, is_known

MIN_LENGTH = 4  # letters of a word that may be a slip
LONG = 6  # letters, from which two slips are one word's
MAX_CANDIDATES = 12


def spelling(draft: Draft, lexicon: Lexicon) -> Draft:
    """Each word that is neither known nor English, and near to a known one, as that is spelt."""
    for at, word in enumerate(draft.words):
        if len(word) < MIN_LENGTH or not (word.isalpha() and word.isascii()) or _is_right(word, lexicon):
            continue
        if right := nearest_spelling(word, lexicon):
            draft = draft.replace(at, at + 1, right, Kind.SPELLING)
    return draft


def _is_right(word: str, lexicon: Lexicon) -> bool:
    """Whether English, labels, styles, keywords or the thesaurus have a word."""
    if is_english(word) or word in STYLE_WORDS or word in lexicon.label_words or word in lexicon.thesaurus:
        return True
    # Without a table of English keywords, words of other languages count too.
    return word in lexicon.names["en"] if "en" in lexicon.names else is_known(word, lexicon)


def nearest_spelling(word: str, lexicon: Lexicon) -> str | None:
    """The known word with the fewest slips between, of several the most frequent; None where none is near."""
    slips = 2 if len(word) >= LONG else 1
    found = process.extract(
        word, lexicon.spellings, scorer=OSA.distance, score_cutoff=slips, limit=MAX_CANDIDATES, processor=None
    )
    near = [
        (
            distance,
            _starts_otherwise(word, right),
            right not in COLOURS and right not in lexicon.label_words,  # keywords come last
            lexicon.rank.get(right, len(lexicon.words)),
            right,
        )
        for right, distance, _ in found
        if distance < 2 or not _starts_otherwise(word, right)
    ]
    return min(near)[-1] if near else None


def _starts_otherwise(word: str, right: str) -> bool:
    """Whether the first letter is another: few people miss that, but for letters exchanged."""
    return word[0] != right[0] and sorted(word[:2]) != sorted(right[:2])
