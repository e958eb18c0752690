"""Stage 4: a phrase in another language, as the English phrase that training captions would have.

An English prompt is never touched: a phrase is read in another language only where English does not explain
all of its words. A single foreign name among English words is replaced alone.
"""

import unicodedata

from dalle.prompts.draft import Draft, Kind
from dalle.prompts.foreign_phrase import Token, in_english, phrase_of, tokens_of
from dalle.prompts.grammar import Grammar, grammars
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.phrases import STYLE_WORDS, is_english

SCRIPTS = {  # the start of a character's name in Unicode -> language
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "CJK": "zh",
}
LATIN = ("es", "fr", "de", "pt", "it")
MIN_READ_SHARE = 0.55  # of a phrase's words that a language must explain
INEXACT = 0.8  # weight of a word whose ending is another than in the tables
ENGLISH_PENALTY = 0.25  # where all words are English too
ELISIONS = ("l'", "d'", "un'", "dell'", "all'", "sull'")  # before a vowel, written with the next word


def language(draft: Draft, lexicon: Lexicon) -> Draft:
    """In English, with notes; what is not wanted goes to the negative prompt."""
    if not lexicon.names or not draft.pieces:
        return draft
    script = _script(draft)
    if script is None and all(_is_explained(word, lexicon) for word in draft.words):
        return draft
    found = [
        _read(draft, grammars()[each], lexicon)
        for each in ([script] if script else LATIN)
        if each in grammars()
    ]
    if script == "zh" and "ja" in grammars():
        found.append(_read(draft, grammars()["ja"], lexicon))  # a word of Chinese characters alone
    best = max(found, key=lambda each: each[0], default=(0.0, draft))
    if best[0] >= MIN_READ_SHARE:
        return best[1]
    return _with_single_names(draft, lexicon, script)


def _script(draft: Draft) -> str | None:
    """The language that the script tells; None for Latin letters."""
    scripts = set()
    for character in draft.text:
        if character.isalpha():
            name = unicodedata.name(character, "")
            scripts |= {language for start, language in SCRIPTS.items() if name.startswith(start)}
    return next((each for each in ("ja", "ko", "ru", "hi", "zh") if each in scripts), None)


def _is_explained(word: str, lexicon: Lexicon) -> bool:
    """Whether English or a label explains a word."""
    keywords = lexicon.names.get("en", {})
    known = word in lexicon.label_words or word in STYLE_WORDS or word in keywords
    return known or not word.isalpha() or is_english(word)


def _read(draft: Draft, grammar: Grammar, lexicon: Lexicon) -> tuple[float, Draft]:
    """The share of the words that a language explains, and the draft in English."""
    body, tail = _without_style(draft)
    units = _units(draft, body, grammar)
    if not units:
        return 0.0, draft
    tokens = tokens_of(units, grammar, lexicon)
    read = [token for token in tokens if token.kind]
    words = [token for token in tokens if token.kind or any(c.isalpha() for c in token.value)]
    lengths = [(token.last - token.first) * (1.0 if token.exact else INEXACT) for token in read]
    share = sum(lengths) / max(1, sum(token.last - token.first for token in words))
    phrase = phrase_of(tokens, grammar)
    text, unwanted = in_english(phrase, lexicon)
    if not text and not unwanted:
        return 0.0, draft
    if grammar.language in LATIN:
        share -= ENGLISH_PENALTY * _english_share(draft, body)
    english = _replaced(draft, body, text, unwanted)
    english = _with_unread(english, [token for token in tokens if not token.kind])
    return share, english.append(tail) if tail else english


def _english_share(draft: Draft, body: int) -> float:
    """Of the words, how many are English as well: "pain" and "chat" alone do not make a prompt French."""
    words = [word for word in draft.words[:body] if word.isalpha()]
    return sum(is_english(word) for word in words) / max(1, len(words))


def _without_style(draft: Draft) -> tuple[int, str]:
    """Where the part that is not English ends, and what follows: ", noto style"."""
    words = draft.words
    for at, word in enumerate(words):
        rest = words[at + 1 :]
        if (
            word in (",", "，", "、")
            and rest
            and all((each.isascii() and is_english(each)) or each == "noto" for each in rest)
        ):
            return at, ", " + " ".join(piece.text for piece in draft.pieces[at + 1 :])
    return len(words), ""


def _units(draft: Draft, body: int, grammar: Grammar) -> list[str]:
    """Words or characters of the pieces before `body`, in lower case."""
    texts = [piece.text.lower() for piece in draft.pieces[:body]]
    return [unit for text in texts for unit in (_elided(text) if grammar.spaced else list(text))]


def _elided(word: str) -> list[str]:
    for start in ELISIONS:
        if word.startswith(start) and len(word) > len(start):
            return [start, word.removeprefix(start)]
    return [word]


def _replaced(draft: Draft, body: int, text: str, unwanted: list[str]) -> Draft:
    """The draft with the English text in the place of its first `body` pieces."""
    if unwanted:
        phrase = ", ".join(unwanted)
        start, end = draft.pieces[0].start, draft.pieces[body - 1].end
        draft = draft.with_unwanted(phrase, start, end)
    tail = len(draft.pieces) - body
    english = draft.replace(0, body, text, Kind.LANGUAGE)
    return english.keep(len(english.pieces) - tail)


def _with_unread(draft: Draft, unread: list[Token]) -> Draft:
    """Notes on words that the language's tables do not have."""
    for token in unread:
        if any(character.isalpha() for character in token.value):
            draft = draft.note_typed(Kind.UNKNOWN, token.value)
    return draft


def _with_single_names(draft: Draft, lexicon: Lexicon, script: str | None) -> Draft:
    """Each word that is a name in another language and not English, replaced alone."""
    at = 0
    while at < len(draft.pieces):
        word = draft.words[at]
        if not _is_explained(word, lexicon) and (label := _label(word, lexicon, script)):
            before = draft.words[at - 1] if at else ""
            noun = lexicon.nouns.get(label.split(" ", 1)[-1].lower())
            text = noun.bare if noun and before else label
            draft = draft.replace(at, at + 1, text, Kind.LANGUAGE)
            at += len(text.split())
        else:
            at += 1
    return draft


def _label(word: str, lexicon: Lexicon, script: str | None) -> str | None:
    for each in (script,) if script else LATIN:
        if each and (label := lexicon.names.get(each, {}).get(word)):
            return label
    return None
