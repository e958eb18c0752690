"""Which concepts and sprites are drawn how often, and the words for them."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from small_set import small_properties

from dalle.data.sprite_scenes import wording
from dalle.data.sprite_scenes.concepts import KIND_SHARES, MONOCHROME_SHARE, ConceptSampler, Role
from dalle.data.sprite_scenes.names import SpriteNames
from dalle.data.sprite_scenes.nouns import noun_of, plural

DRAWS = 3000


@pytest.fixture(scope="module")
def sampler() -> ConceptSampler:
    return ConceptSampler(small_properties(), SpriteNames(small_properties().sprites.concepts))


def concept_at(label: str) -> int:
    return next(at for at, one in enumerate(small_properties().sprites.concepts) if one.label == label)


def test_kinds_of_concepts_have_their_shares(sampler: ConceptSampler) -> None:
    """However many nouns there are, emoji keep their part: they carry the evaluation and the languages."""
    rng = random.Random(0)
    concepts = small_properties().sprites.concepts
    kinds = Counter(concepts[sampler.draw(rng, Role.DRAWABLE)].kind for _ in range(DRAWS))
    for kind, share in KIND_SHARES.items():
        assert kinds[kind] / DRAWS == pytest.approx(share, abs=0.03)


def test_monochrome_sprites_are_limited_where_there_are_others(sampler: ConceptSampler) -> None:
    rng = random.Random(0)
    for label, share in (("lamp", MONOCHROME_SHARE), ("kettle", 1.0)):
        drawn = [sampler.draw_sprite(rng, concept_at(label)) for _ in range(DRAWS)]
        monochrome = sum(map(small_properties().is_monochrome, drawn)) / DRAWS
        assert monochrome == pytest.approx(share, abs=0.03), label


def test_two_sprites_share_a_style_where_they_can(sampler: ConceptSampler) -> None:
    rng = random.Random(0)
    properties = small_properties()
    for _ in range(50):
        pair = sampler.draw_same_style(rng, concept_at("cat"), concept_at("dog"))
        assert len({properties.style(sprite) for sprite in pair}) == 1
    pair = sampler.draw_same_style(rng, concept_at("cat"), concept_at("kettle"))
    assert [properties.concept(sprite).label for sprite in pair] == ["cat", "kettle"]


def test_only_fitting_concepts_are_drawn_for_a_role(sampler: ConceptSampler) -> None:
    rng = random.Random(0)
    concepts = small_properties().sprites.concepts
    labels = {role: {concepts[sampler.draw(rng, role)].label for _ in range(DRAWS)} for role in Role}
    assert "wave dash" in labels[Role.DRAWABLE] - labels[Role.OBJECT]
    assert "honey" in labels[Role.OBJECT] - labels[Role.COUNTABLE]
    assert labels[Role.OBJECT] - labels[Role.RECOLOURABLE] == {"chef", "red apple"}


def test_labels_get_their_grammar() -> None:
    """english.py knows the names of emoji alone; nouns and compositions need more."""
    concept = small_properties().sprites.concepts[concept_at("chair")]
    singular = {
        "bread and wine": "bread and wine",
        "apple with worm": "an apple with a worm",
        "book with dna": "a book with dna",
        "person walking with bicycle": "a person walking with a bicycle",
    }
    for label, expected in singular.items():
        assert noun_of(replace(concept, kind="composition", labels={"en": label})).singular() == expected
    assert noun_of(replace(concept, labels={"en": "earth"})).singular() == "the earth"
    knife = noun_of(replace(concept, labels={"en": "bread knife"}))
    assert plural(knife, 6, "blue") == "six blue bread knives"
    assert plural(knife, 3, in_digits=True) == "3 bread knives"


def test_styles_that_name_a_drawing_are_said_of_one() -> None:
    """ "a game icon of orange sickle" and "a solid icon of a drawing of a cat" are no English."""
    rng = random.Random(0)
    for text in ("orange sickle", "a drawing of a cat", "two cats"):
        said = {wording.with_style(rng, text, "solid icon", english=True) for _ in range(100)}
        assert not any("icon of" in caption for caption in said)
    said = {wording.with_style(rng, "a cat", "solid icon", english=True) for _ in range(100)}
    assert "a solid icon of a cat" in said
    assert wording.with_look(rng, "three cats", "sticker") in (
        "a sticker of three cats",
        "three cats, sticker",
    )
    assert wording.with_article("a ice apple") == "an ice apple"
