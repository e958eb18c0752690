"""Tests of the verifier: it accepts the facts of a scene, and rejects the same facts made false."""

import numpy as np
import pytest
import shapes

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.facts import (
    Count,
    Fact,
    HasBackground,
    HasColour,
    HasConcept,
    HasWord,
    ObjectCount,
    Relation,
)
from dalle.data.scenes.scene import Scene
from dalle.evaluation import detector, eval_prompts
from dalle.evaluation.detector import Detection
from dalle.evaluation.verifier import named_concepts, perturbed_facts, verify

SIZE = 64
SCENES = 16  # of each category
CAT, DOG = HasConcept("cat"), HasConcept("dog")
DETECTIONS = [
    Detection(0.3, 0.5, frozenset({"cat"}), "green"),
    Detection(0.7, 0.5, frozenset({"dog"}), "blue"),
]
CLASS_OF = {"cat": "cat", "dog": "dog", "owl": "owl", "cook": "cook", "man-cook": "cook"}


@pytest.fixture(autouse=True)
def one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test data has 14 classes: the usual top five would be a third of them."""
    monkeypatch.setattr(detector, "TOP_CLASSES", 1)


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


@pytest.fixture(scope="module")
def class_of(emoji: EmojiSet) -> dict[str, str]:
    return {concept.slug: concept.canonical for concept in emoji.concepts}


def concept_not_in(scene: Scene, class_of: dict[str, str]) -> str:
    own = {class_of[slug] for slug in named_concepts(scene.caption_facts)}
    return next(slug for slug in class_of if class_of[slug] not in own)


@pytest.mark.parametrize("category", eval_prompts.COMPOSITION_CATEGORIES)
def test_true_facts_pass_and_false_ones_do_not(
    category: str, emoji: EmojiSet, class_of: dict[str, str]
) -> None:
    """Guards against a verifier that rejects or accepts everything: the smallest error must fail."""
    scenes = eval_prompts.composition_scenes(emoji, category, SCENES, SIZE)
    composer = Composer(emoji, size=SIZE)
    accepted = fooled = 0
    for scene in scenes:
        detections = shapes.detect(composer.renderer.render(scene))
        accepted += verify(scene.caption_facts, detections, class_of)
        perturbed = perturbed_facts(scene.caption_facts, concept_not_in(scene, class_of))
        fooled += verify(perturbed, detections, class_of)
    assert len(scenes) >= 10
    assert accepted >= 0.95 * len(scenes)
    assert fooled <= 0.05 * len(scenes)


def test_images_without_objects_fail(emoji: EmojiSet, class_of: dict[str, str]) -> None:
    """Guards against a verifier that accepts a blank image, noise or a plain square."""
    scenes = [
        scene
        for category in eval_prompts.COMPOSITION_CATEGORIES
        for scene in eval_prompts.composition_scenes(emoji, category, 5, SIZE)
    ]
    blank = np.full((SIZE, SIZE, 3), 255, np.uint8)
    square = blank.copy()
    square[16:48, 16:48] = 0
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    for pixels in (blank, noise, square):
        detections = shapes.detect(pixels)
        detected = {name for detection in detections for name in detection.classes}
        for scene in scenes:
            if not {class_of[slug] for slug in named_concepts(scene.caption_facts)} <= detected:
                assert not verify(scene.caption_facts, detections, class_of)
        assert len(detections) <= detector.MAX_DETECTIONS
    assert shapes.detect(blank) == []


@pytest.mark.parametrize(
    ("facts", "verified"),
    [
        ({CAT}, True),
        ({HasConcept("owl")}, False),
        ({CAT, DOG}, True),
        ({CAT, HasConcept("owl")}, False),
        ({CAT, HasColour("cat", "green")}, True),
        ({CAT, HasColour("cat", "blue")}, False),
        ({CAT, DOG, Relation("cat", "left-of", "dog")}, True),
        ({CAT, DOG, Relation("dog", "left-of", "cat")}, False),
        ({CAT, DOG, Relation("cat", "above", "dog")}, False),
        ({CAT, DOG, HasColour("cat", "green"), HasColour("dog", "blue")}, True),
        ({CAT, DOG, HasColour("cat", "blue"), HasColour("dog", "green")}, False),
        ({CAT, Count("cat", 1)}, True),
        ({CAT, Count("cat", 2)}, False),
        # The last three are ignored.
        ({CAT, DOG, ObjectCount(2), HasBackground("white"), HasWord("kitten")}, True),
    ],
)
def test_facts(facts: set[Fact], verified: bool) -> None:
    """Guards against facts that are never checked, and left and right exchanged."""
    assert verify(facts, DETECTIONS, CLASS_OF) is verified


def test_two_concepts_need_two_detections() -> None:
    """Guards against accepting one object for both when it is classified as a cat and a dog."""
    both = Detection(0.5, 0.5, frozenset({"cat", "dog"}), "green")
    assert not verify({CAT, DOG}, [both], CLASS_OF)
    assert verify({CAT, DOG}, [both, DETECTIONS[0]], CLASS_OF)


def test_near_identical_concepts_share_a_class() -> None:
    """Guards against requiring the verifier to tell a cook from a man cook."""
    assert verify({HasConcept("man-cook")}, [Detection(0.5, 0.5, frozenset({"cook"}), "pink")], CLASS_OF)


def test_facts_without_a_concept_are_refused() -> None:
    """Guards against a scene that any image would pass."""
    with pytest.raises(ValueError, match="no concept"):
        verify({HasWord("kitten"), ObjectCount(1)}, DETECTIONS, CLASS_OF)


@pytest.mark.parametrize(
    "facts",
    [
        {CAT},
        {CAT, DOG},
        {CAT, HasColour("cat", "green")},
        {CAT, DOG, Relation("cat", "left-of", "dog")},
        {CAT, DOG, HasColour("cat", "green"), HasColour("dog", "blue")},
        *({CAT, Count("cat", number)} for number in range(1, 6)),
    ],
)
def test_perturbed_facts_differ(facts: set[Fact]) -> None:
    """Guards against a false control that is true, which would hide a verifier that accepts everything."""
    perturbed = perturbed_facts(facts, "owl")
    assert perturbed != facts and len(perturbed) == len(facts)


def test_a_perturbed_count_stays_in_range() -> None:
    """Guards against a false caption of six objects, a number that no caption has."""
    assert perturbed_facts({CAT, Count("cat", 5)}, "owl") == {CAT, Count("cat", 4)}
