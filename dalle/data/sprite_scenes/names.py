"""The names of all concepts in every language, and random captions of one thing alone."""

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dalle.data.scenes.captions import ENGLISH, MAX_KEYWORD_CONCEPTS
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.facts import Fact, HasConcept, HasWord
from dalle.data.sprite_scenes import wording
from dalle.data.sprite_scenes.nouns import noun_of
from dalle.data.sprite_scenes.sampling import Weighted
from dalle.data.sprites.sprite_set import Concept

LANGUAGES: Mapping[str, float] = {  # weights of the languages of captions of one thing
    **{"en": 60, "en-gb": 2, "zh": 6, "es": 5, "fr": 4, "de": 4, "ja": 4},
    **{"pt": 3, "ru": 3, "ko": 3, "it": 3, "hi": 3},
}
OTHER_LANGUAGE = 0.1  # weight of a language that is not named there
EMOJI_SHARE = 0.04  # of the English captions: the emoji character itself
KEYWORD_SHARE = 0.25  # of the captions of a concept that has keywords: one of these instead of its label


class ConceptCaption(NamedTuple):
    """A caption of one thing."""

    text: str
    fact: Fact  # that it states: the concept, or a word that stands for other concepts too
    english: bool  # whether English may be added to it


class SpriteNames:
    """The names of `concepts`. `languages`: weights of the captions' languages."""

    def __init__(self, concepts: Sequence[Concept], languages: Mapping[str, float] = LANGUAGES):
        self.concepts = concepts
        self.nouns = [noun_of(concept) for concept in concepts]
        self.slugs = [concept.slug for concept in concepts]
        self._languages = languages
        self._label_owners: dict[str, set[int]] = defaultdict(set)  # case-folded label -> concepts
        for index, concept in enumerate(concepts):
            for label in concept.labels.values():
                self._label_owners[label.casefold()].add(index)
        self._counts = Counter(itertools.chain.from_iterable(_words(one, one.labels) for one in concepts))
        self._word_facts = [
            frozenset(
                HasWord(word)
                for word in _words(concept, languages)
                if 1 < self._counts[word] <= MAX_KEYWORD_CONCEPTS
            )
            for concept in concepts
        ]
        self._drawn_languages: dict[tuple[str, ...], Weighted[str]] = {}
        self._drawn_keywords: dict[tuple[int, str], Weighted[str] | None] = {}

    def word_facts(self, index: int) -> frozenset[Fact]:
        """Words in the main languages that concept `index` shares with others, and a caption may state."""
        return self._word_facts[index]

    def own_colour(self, index: int) -> str | None:
        """The colour that the English label names: "red" of "red apple"."""
        return next((word for word in self.concepts[index].label.split() if word in COLOURS), None)

    def draw_caption(self, rng: random.Random, index: int) -> ConceptCaption:
        """A caption of concept `index` alone: its emoji, a keyword, or its label, in a random language."""
        concept = self.concepts[index]
        language = self._draw_language(rng, concept)
        english = language in ENGLISH
        if english and concept.emoji and rng.random() < EMOJI_SHARE:
            return ConceptCaption(concept.emoji, HasConcept(concept.slug), True)
        if rng.random() < KEYWORD_SHARE and (keywords := self._keywords(index, language)):
            word = keywords.draw(rng)
            text = wording.STANDALONE_TEMPLATES.draw(rng).format(word) if english else word
            return ConceptCaption(text, self._fact(index, word), english)
        label = concept.labels[language]
        text = self._english_caption(rng, index, language) if english else label
        return ConceptCaption(text, self._fact(index, label), english)

    def draw_english(self, rng: random.Random, index: int, adjective: str = "") -> str:
        """An English caption of concept `index` alone, with an adjective: "a drawing of a blue cat"."""
        noun = self.nouns[index]
        if not noun.is_object:
            return wording.STANDALONE_TEMPLATES.draw(rng).format(f"{adjective} {noun.bare}".strip())
        is_emoji = self.concepts[index].kind == "emoji" and rng.random() < wording.EMOJI_TEMPLATE_SHARE
        template = (wording.EMOJI_TEMPLATES if is_emoji else wording.LABEL_TEMPLATES).draw(rng)
        return template.format(bare=f"{adjective} {noun.bare}".strip(), one=noun.singular(adjective))

    def _english_caption(self, rng: random.Random, index: int, language: str) -> str:
        concept = self.concepts[index]
        label = concept.labels[language]
        if label == concept.label:
            return self.draw_english(rng, index)
        return noun_of(Concept(**{**vars(concept), "labels": {"en": label}})).singular()

    def _draw_language(self, rng: random.Random, concept: Concept) -> str:
        known = tuple(concept.labels)
        if len(known) == 1:
            return known[0]
        if known not in self._drawn_languages:
            weights = {language: self._languages.get(language, OTHER_LANGUAGE) for language in known}
            self._drawn_languages[known] = Weighted(weights)
        return self._drawn_languages[known].draw(rng)

    def _keywords(self, index: int, language: str) -> Weighted[str] | None:
        """Keywords that can stand for concept `index`: the fewer concepts share one, the more weight.

        Left out: labels of other concepts, colours ("yellow" of a heart) and letters ("t" of a T-Rex).
        """
        if (index, language) not in self._drawn_keywords:
            weights = {}
            for keyword in self.concepts[index].keywords.get(language, ()):
                word = keyword.casefold()
                ambiguous = word in COLOURS or (len(word) == 1 and word.isascii())
                others_label = self._label_owners.get(word, {index}) != {index}
                if self._counts[word] <= MAX_KEYWORD_CONCEPTS and not ambiguous and not others_label:
                    weights[keyword] = 1 / self._counts[word]
            self._drawn_keywords[index, language] = Weighted(weights) if weights else None
        return self._drawn_keywords[index, language]

    def _fact(self, index: int, text: str) -> Fact:
        """What a label or keyword states: the concept, if no other one goes by it."""
        word = text.casefold()
        return HasConcept(self.slugs[index]) if self._counts[word] == 1 else HasWord(word)


def _words(concept: Concept, languages: Iterable[str]) -> set[str]:
    """Labels and keywords of a concept in some languages, case-folded."""
    words = set()
    for language in languages:
        if language in concept.labels:
            words.add(concept.labels[language].casefold())
        words.update(word.casefold() for word in concept.keywords.get(language, ()))
    return words
