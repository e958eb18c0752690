"""Which pieces of a draft are names of things that the model knows, and which are plain English."""

from dalle.data.emoji.emoji_set import STYLES
from dalle.data.scenes import captions
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import NUMBER_WORDS, article
from dalle.prompts.draft import Draft
from dalle.prompts.lexicon import Lexicon, NamedThing, english_words
from dalle.prompts.tables import phrases

STYLE_WORDS = frozenset(" ".join(STYLES.values()).split())  # of drawing styles
CAPTION_WORDS = frozenset(  # around the names of things
    word
    for template in (
        *(*captions.LABEL_TEMPLATES, *captions.COUNT_TEMPLATES, *captions.STYLE_TEMPLATES),
        *(*captions.BACKGROUND_TEMPLATES, *captions.PAIR_TEMPLATES),
        *(text for texts in captions.RELATION_TEMPLATES.values() for text in texts),
        *(text for texts in captions.PLACE_PHRASES.values() for text in texts),
        *(text for texts in captions.SIZE_WORDS.values() for text in texts),
        *(*COLOURS, *NUMBER_WORDS.values()),
    )
    for word in template.split()
    if word.isalpha()
)
ARTICLES = frozenset({"a", "an", "the"})
POSSESSIVES = frozenset("my your our his her its their this that".split())
PREPOSITIONS = frozenset(
    "on in at of with under over near to by behind above below beside inside into from between around "
    "next left right top against across along through".split()
)
FUNCTION_WORDS = ARTICLES | POSSESSIVES | PREPOSITIONS | frozenset(phrases("function_words.txt"))


def named_things(draft: Draft, lexicon: Lexicon) -> tuple[NamedThing, ...]:
    """The names of things in a draft from left to right, the longest at each place."""
    return lexicon.name_finder.find(draft.words)


def singulars(word: str) -> list[str]:
    """What an English word may be the plural of, the likeliest first; the word itself comes last."""
    found = []
    if word.endswith("ies") and len(word) > 4:
        found.append(word[:-3] + "y")
    if word.endswith("ves") and len(word) > 4:
        found += [word[:-3] + "f", word[:-3] + "fe"]
    if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        found.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        found.append(word[:-1])
    return [*found, word]


def is_english(word: str) -> bool:
    """Whether a lower-case word is English: in WordNet, or an inflected form of such a word."""
    words = english_words()
    if word in words or word in FUNCTION_WORDS:
        return True
    stems = {*singulars(word), word.removesuffix("'s")}
    for ending, stem_endings in (
        ("ing", ("", "e")),
        ("ed", ("", "e")),
        ("er", ("", "e")),
        ("est", ("", "e")),
    ):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            stems |= {stem + end for end in stem_endings}
            if len(stem) > 2 and stem[-1] == stem[-2]:
                stems.add(stem[:-1])  # "running"
    if word.endswith("ly"):
        stems.add(word[:-2])
    return not stems.isdisjoint(words)


def is_known(word: str, lexicon: Lexicon) -> bool:
    """Whether training captions had a word, or one that it may be the plural of; signs and numbers count."""
    if not any(character.isalpha() for character in word):
        return True
    known, word = lexicon.known_words, word.removesuffix("'s")
    if any(each in known for each in singulars(word)) or word in FUNCTION_WORDS:
        return True
    parts = word.split("-")  # the words of captions are kept without hyphens
    return len(parts) > 1 and all(is_known(part, lexicon) for part in parts)


def is_known_in_english(word: str, lexicon: Lexicon) -> bool:
    """Whether English labels or keywords have a word; without a table of these, as `is_known`."""
    if "en" not in lexicon.names or not word.isalpha():
        return is_known(word, lexicon)
    if word in FUNCTION_WORDS or word in STYLE_WORDS or word in CAPTION_WORDS:
        return True
    keywords = lexicon.names["en"]
    return any(each in lexicon.label_words or each in keywords for each in singulars(word))


def with_article(words: str) -> str:
    """ "an owl" for "owl"."""
    return f"{article(words)} {words}"
