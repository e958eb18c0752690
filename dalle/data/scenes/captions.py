"""Captions: their templates, random choices among these, and the names of a concept in every language."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from dalle.data.emoji.emoji_set import STYLES, Concept
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import Noun, article, parse_noun
from dalle.data.scenes.facts import Fact, HasConcept, HasWord

T = TypeVar("T")

# Templates with their weights; {one} is "a red apple", {bare} "red apple".
LABEL_TEMPLATES = {
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
STANDALONE_TEMPLATES = {  # of words that fit into no sentence: keywords, labels of symbols
    "{}": 8,
    "{} emoji": 1,
    "{} icon": 1,
}
COUNT_TEMPLATES = {
    "{}": 8,
    "a picture of {}": 1,
    "a drawing of {}": 1,
    "a group of {}": 1,
    "{} together": 0.5,
}
STYLE_TEMPLATES = {
    "{}, {style} style": 4,
    "{}, {style}": 2,
    "{} in {style} style": 3,
    "{} in the {style} style": 1,
}
FOREIGN_STYLE_TEMPLATES = {"{}, {style} style": 1, "{}, {style}": 1}  # of captions in another language
BACKGROUND_TEMPLATES = {"{} on {a} {colour} background": 6, "{}, {colour} background": 2, "{} on {colour}": 1}

# Phrases of one meaning.
SIZE_WORDS = {"small": ("small", "small", "little", "tiny"), "large": ("large", "big")}
PLACE_PHRASES = {
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
RELATION_TEMPLATES = {
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
PAIR_TEMPLATES = ("{a} and {b}", "{a} and {b}", "{a} with {b}", "{a}, {b}")

ENGLISH = ("en", "en-gb")
EMOJI_SHARE = 0.04  # of the English captions: the emoji character itself
KEYWORD_SHARE = 0.25  # of the captions of a concept that has keywords: one of these instead of its label
LANGUAGE_WEIGHT = 0.1  # of a language that has no weight in `SceneWeights.languages`
MAX_KEYWORD_CONCEPTS = 12  # a keyword of more concepts than this is too vague to stand for one


class WeightedSampler(Generic[T]):
    """Draws options in proportion to their weights; `options`: those of a weight above 0."""

    def __init__(self, weights: Mapping[T, float]):
        self.options = [option for option, weight in weights.items() if weight > 0]
        self._cumulative = np.cumsum([weights[option] for option in self.options])

    def draw(self, rng: np.random.Generator) -> T:
        position = rng.random() * self._cumulative[-1]
        return self.options[int(np.searchsorted(self._cumulative, position, side="right"))]


def pick(rng: np.random.Generator, options: Mapping[T, float] | Sequence[T]) -> T:
    """One option at random: of a mapping by its weights, of a sequence with equal chances."""
    if isinstance(options, Mapping):
        return WeightedSampler(options).draw(rng)
    return options[int(rng.integers(len(options)))]


def concept_noun(concept: Concept, language: str = "en") -> Noun:
    """The noun of a concept in a language of `ENGLISH`; a symbol ("litter in bin sign") is no object."""
    label = concept.labels[language]
    return Noun(label, None, "", is_object=False) if concept.group == "symbols" else parse_noun(label)


def plain_caption(concept: Concept, style: str | None = None) -> str:
    """The shortest caption of a concept: "a red apple", "a red apple, noto style"."""
    text = concept_noun(concept).singular()
    return text if style is None else f"{text}, {STYLES[style]} style"


def with_style(rng: np.random.Generator, text: str, style: str, english: bool) -> str:
    """The caption, continued by the name of the drawing style `style`, a key of `STYLES`."""
    return pick(rng, STYLE_TEMPLATES if english else FOREIGN_STYLE_TEMPLATES).format(
        text, style=STYLES[style]
    )


def with_background(rng: np.random.Generator, text: str, colour: str) -> str:
    """The English caption, continued by the colour of the background."""
    return pick(rng, BACKGROUND_TEMPLATES).format(text, a=article(colour), colour=colour)


def as_typed(rng: np.random.Generator, text: str) -> str:
    """The caption as people type: mostly in lower case, with straight quotes and without a full stop."""
    text = text.replace("’", "'") if rng.random() < 0.8 else text
    text = text.lower() if rng.random() < 0.85 else text
    text = text[0].upper() + text[1:] if rng.random() < 0.08 else text
    return text + "." if rng.random() < 0.06 and text[-1].isalnum() else text


class ConceptCaption(NamedTuple):
    """A caption of one object."""

    text: str
    fact: Fact  # that it states: the concept, or a word that stands for other concepts too
    english: bool  # whether English may be added to it


class ConceptNames:
    """The names of all concepts. `languages`: weights of the captions' languages."""

    def __init__(self, concepts: Sequence[Concept], languages: Mapping[str, float]):
        self.concepts, self.languages = concepts, languages
        self.nouns = [concept_noun(concept) for concept in concepts]
        self._words: list[frozenset[str]] = []  # labels and keywords of each concept, case-folded
        self._label_owners: dict[str, set[int]] = defaultdict(set)  # case-folded label -> concepts
        for index, concept in enumerate(concepts):
            labels = {label.casefold() for label in concept.labels.values()}
            for label in labels:
                self._label_owners[label].add(index)
            keywords = {word.casefold() for words in concept.keywords.values() for word in words}
            self._words.append(frozenset(labels | keywords))
        self._concept_counts = Counter(itertools.chain.from_iterable(self._words))

    def word_facts(self, index: int) -> frozenset[Fact]:
        """Every word that concept `index` goes by."""
        return frozenset(map(HasWord, self._words[index]))

    def draw_caption(self, rng: np.random.Generator, index: int) -> ConceptCaption:
        """A caption of concept `index` alone: its emoji, a keyword, or its label, in a random language."""
        concept = self.concepts[index]
        weights = {language: self.languages.get(language, LANGUAGE_WEIGHT) for language in concept.labels}
        language = pick(rng, weights)
        english = language in ENGLISH
        if english and rng.random() < EMOJI_SHARE:
            return ConceptCaption(concept.emoji, HasConcept(concept.slug), english)
        keywords = self.keyword_weights(index, language)
        if keywords and rng.random() < KEYWORD_SHARE:
            word = pick(rng, keywords)
            text = pick(rng, STANDALONE_TEMPLATES).format(word) if english else word
            return ConceptCaption(text, HasWord(word.casefold()), english)
        text = _english_caption(rng, concept, language) if english else concept.labels[language]
        return ConceptCaption(text, self._label_fact(index, concept.labels[language].casefold()), english)

    def keyword_weights(self, index: int, language: str) -> dict[str, float]:
        """Keywords that can stand for concept `index`, with weights: the fewer concepts share one, the more.

        Left out: labels of other concepts, colours ("yellow" of a heart) and letters ("t" of a T-Rex).
        """
        weights = {}
        for keyword in self.concepts[index].keywords.get(language, ()):
            word = keyword.casefold()
            concepts = self._concept_counts[word]
            ambiguous = word in COLOURS or (len(word) == 1 and word.isascii())
            others_label = self._label_owners.get(word, {index}) != {index}
            if concepts <= MAX_KEYWORD_CONCEPTS and not ambiguous and not others_label:
                weights[keyword] = 1 / concepts
        return weights

    def _label_fact(self, index: int, label: str) -> Fact:
        """What a case-folded label states: the concept, if no other concept has the label."""
        if self._label_owners[label] == {index}:
            return HasConcept(self.concepts[index].slug)
        return HasWord(label)


def _english_caption(rng: np.random.Generator, concept: Concept, language: str) -> str:
    noun = concept_noun(concept, language)
    template = pick(rng, LABEL_TEMPLATES if noun.is_object else STANDALONE_TEMPLATES)
    return template.format(noun.bare, bare=noun.bare, one=noun.singular())
