"""The texts of a sprite set that a checkpoint keeps, for reading prompts."""

from collections.abc import Iterator

from dalle.data.sprite_scenes.nouns import noun_of
from dalle.data.sprite_scenes.planner import Planner
from dalle.data.sprite_scenes.properties import SpriteProperties
from dalle.data.sprites.sprite_set import SpriteSet


def known_labels(sprites: SpriteSet) -> list[str]:
    """The shortest English caption of each concept, in the order of the set: "a red apple"."""
    return [noun_of(concept).singular() for concept in sprites.concepts]


def english_texts(sprites: SpriteSet, scenes: int = 4000) -> Iterator[str]:
    """English names of all concepts, one and several of each, and English captions of the first scenes.

    Measures all sprites first: half a minute for the built set.
    """
    for concept in sprites.concepts:
        noun = noun_of(concept)
        yield noun.singular()
        yield noun.plural_noun or ""
    languages = {language: float(language == "en") for c in sprites.concepts for language in c.labels}
    planner = Planner(SpriteProperties(sprites), languages=languages)
    yield from (planner.plan(index).caption for index in range(scenes))


def labels_and_keywords(sprites: SpriteSet, language: str | None = None) -> Iterator[str]:
    """Labels and keywords of all concepts in one language, or by default in every language."""
    for concept in sprites.concepts:
        for each in [language] if language else concept.labels:
            yield concept.labels.get(each, "")
            yield from concept.keywords.get(each, ())
