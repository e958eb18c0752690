"""What captions are made of: templates, and the names that a concept goes by in every language."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np

from dalle.data.emoji.emoji_set import STYLES, Concept
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import Noun, article, noun

T = TypeVar("T")

# Templates with their weights; {one} is "a red apple", {bare} "red apple".
LABELLED = {
    "{bare}": 8,
    "{one}": 8,
    "{bare} emoji": 1,
    "{bare} icon": 1,
    "a picture of {one}": 1,
    "a drawing of {one}": 1,
    "an icon of {one}": 1,
    "an illustration of {one}": 0.5,
    "a sticker of {one}": 0.5,
    "clip art of {one}": 0.5,
    "draw {one}": 0.5,
}
LONE = {"{}": 8, "{} emoji": 1, "{} icon": 1}  # for words that go into no sentence
COUNTED = {"{}": 8, "a picture of {}": 1, "a drawing of {}": 1, "a group of {}": 1, "{} together": 0.5}
STYLED = {"{}, {style} style": 4, "{}, {style}": 2, "{} in {style} style": 3, "{} in the {style} style": 1}
STYLED_ABROAD = {"{}, {style} style": 1, "{}, {style}": 1}  # after words of another language
BACKED = {"{} on {a} {colour} background": 6, "{}, {colour} background": 2, "{} on {colour}": 1}

# Ways to say the same.
SIZED = {"small": ("small", "small", "little", "tiny"), "large": ("large", "big")}
PLACED = {
    "top left": ("in the top left corner", "in the upper left corner", "at the top left"),
    "top": ("at the top", "at the top of the picture"),
    "top right": ("in the top right corner", "in the upper right corner", "at the top right"),
    "left": ("on the left", "on the left side", "at the left"),
    "middle": ("in the middle", "in the centre", "in the center"),
    "right": ("on the right", "on the right side", "at the right"),
    "bottom left": ("in the bottom left corner", "in the lower left corner", "at the bottom left"),
    "bottom": ("at the bottom", "at the bottom of the picture"),
    "bottom right": ("in the bottom right corner", "in the lower right corner", "at the bottom right"),
}
RELATED = {
    "left-of": (
        "{a} to the left of {b}",
        "{a} left of {b}",
        "{b} to the right of {a}",
        "{b} right of {a}",
        "{a} on the left and {b} on the right",
    ),
    "above": (
        "{a} above {b}",
        "{a} over {b}",
        "{b} below {a}",
        "{b} under {a}",
        "{a} at the top and {b} at the bottom",
    ),
    "on": ("{a} on {b}", "{a} on top of {b}", "{a} standing on {b}"),
    "beside": ("{a} next to {b}", "{a} beside {b}", "{b} by {a}"),
}
JOINED = ("{a} and {b}", "{a} and {b}", "{a} with {b}", "{a}, {b}")

ENGLISH = ("en", "en-gb")
EMOJI_SHARE = 0.04  # of the English captions: the character itself
KEYWORD_SHARE = 0.25
LANGUAGE_WEIGHT = 0.1  # of a language without a weight of its own
COMMON = 12  # a keyword carried by more concepts than this names none of them


class WeightedSampler(Generic[T]):
    """Options to draw from, each with its weight."""

    def __init__(self, weights: Mapping[T, float]):
        self.options = [option for option, weight in weights.items() if weight > 0]
        self.edges = np.cumsum([weights[option] for option in self.options])

    def draw(self, rng: np.random.Generator) -> T:
        return self.options[np.searchsorted(self.edges, rng.random() * self.edges[-1], side="right")]


def pick(rng: np.random.Generator, options: Mapping[T, float] | Sequence[T]) -> T:
    """One of the options, by their weights where they have any."""
    return (
        WeightedSampler(options).draw(rng)
        if isinstance(options, Mapping)
        else options[rng.integers(len(options))]
    )


def noun_of(concept: Concept, language: str = "en") -> Noun:
    """A concept's noun in one of `ENGLISH`; symbols ("litter in bin sign") go into no sentence."""
    label = concept.labels[language]
    return Noun(label, None, "", thing=False) if concept.group == "symbols" else noun(label)


def prompt(concept: Concept, style: str | None = None) -> str:
    """The plainest caption of one concept: "a red apple", "a red apple, noto style"."""
    text = noun_of(concept).one()
    return text if style is None else f"{text}, {STYLES[style]} style"


def with_style(rng: np.random.Generator, text: str, style: str, english: bool) -> str:
    """A caption that goes on to name the drawing style."""
    return pick(rng, STYLED if english else STYLED_ABROAD).format(text, style=STYLES[style])


def with_background(rng: np.random.Generator, text: str, colour: str) -> str:
    """A caption that goes on to name the background's colour."""
    return pick(rng, BACKED).format(text, a=article(colour), colour=colour)


def as_typed(rng: np.random.Generator, text: str) -> str:
    """A caption as people type it: mostly in lower case, with straight quotes and without a full stop."""
    text = text.replace("’", "'") if rng.random() < 0.8 else text
    text = text.lower() if rng.random() < 0.85 else text
    text = text[0].upper() + text[1:] if rng.random() < 0.08 else text
    return text + "." if rng.random() < 0.06 and text[-1].isalnum() else text


class ConceptNames:
    """What every concept is called, and how many others are called the same."""

    def __init__(self, concepts: Sequence[Concept], languages: Mapping[str, float]):
        self.concepts, self.languages = concepts, languages
        self.nouns = [noun_of(concept) for concept in concepts]
        self.facts: list[frozenset[str]] = []  # "word:kitten" for every word of a concept, in any language
        self._owners: dict[str, set[int]] = defaultdict(set)  # label -> concepts
        for index, concept in enumerate(concepts):
            labels = {label.casefold() for label in concept.labels.values()}
            for label in labels:
                self._owners[label].add(index)
            keywords = {word.casefold() for words in concept.keywords.values() for word in words}
            self.facts.append(frozenset(f"word:{text}" for text in labels | keywords))
        self._carriers = Counter(itertools.chain.from_iterable(self.facts))

    def draw(self, rng: np.random.Generator, index: int) -> tuple[str, str, bool]:
        """A caption for a single thing, the fact that it states, and whether English may follow it."""
        concept = self.concepts[index]
        weights = {language: self.languages.get(language, LANGUAGE_WEIGHT) for language in concept.labels}
        language = pick(rng, weights)
        english = language in ENGLISH
        if english and rng.random() < EMOJI_SHARE:
            return concept.emoji, f"concept:{concept.slug}", True
        keywords = self.keywords(index, language)
        if keywords and rng.random() < KEYWORD_SHARE:
            word = pick(rng, keywords)
            return pick(rng, LONE).format(word) if english else word, f"word:{word.casefold()}", english
        text = concept.labels[language]
        unique = self._owners[text.casefold()] == {index}
        fact = f"concept:{concept.slug}" if unique else f"word:{text.casefold()}"
        if english:
            known = noun_of(concept, language)
            template = pick(rng, LABELLED if known.thing else LONE)
            text = template.format(known.bare, bare=known.bare, one=known.one())
        return text, fact, english

    def keywords(self, index: int, language: str) -> dict[str, float]:
        """Keywords that can stand for a concept, the rarer the likelier, and no other concept's label."""
        kept = {}
        for word in self.concepts[index].keywords.get(language, ()):
            text = word.casefold()
            carriers = self._carriers[f"word:{text}"]
            says_else = text in COLOURS or (
                len(text) == 1 and text.isascii()
            )  # "yellow" of a heart, "t" of a T-Rex
            if carriers <= COMMON and not says_else and self._owners.get(text, {index}) == {index}:
                kept[word] = 1 / carriers
        return kept
