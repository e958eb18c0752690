"""Laws of the judge: what a scene says of itself passes, and the same made false does not."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import shapes
import torch

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene import Scene
from dalle.evaluation import detector, eval_prompts
from dalle.evaluation.detector import Detection, detect
from dalle.evaluation.verifier import concepts, perturbed_facts, verify

SIZE = 64
ANSWERS = list(shapes.shapes())
SCENES = 16  # of each category


@pytest.fixture(autouse=True)
def one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of fourteen answers the best five would be a third."""
    monkeypatch.setattr(detector, "BEST", 1)


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


@pytest.fixture(scope="module")
def base(emoji: EmojiSet) -> dict[str, str]:
    return {concept.slug: concept.base for concept in emoji.concepts}


def parts_of(picture: np.ndarray) -> list[Detection]:
    return detect(picture, shapes.name, ANSWERS)


def other_than(scene: Scene, base: dict[str, str]) -> str:
    own = {base[slug] for slug in concepts(scene.says)}
    return next(slug for slug in base if base[slug] not in own)


@pytest.mark.parametrize("category", eval_prompts.CATEGORIES)
def test_true_scenes_pass_and_false_ones_do_not(category: str, emoji: EmojiSet, base: dict[str, str]) -> None:
    """Guards against a judge that is blind, and one that always says yes: the smallest lie must fail."""
    scenes, composer = eval_prompts.scenes(emoji, category, SCENES, SIZE), Composer(emoji, size=SIZE)
    parts = [parts_of(composer.render(scene)) for scene in scenes]
    verdicts = [verify(scene.says, each, base) for scene, each in zip(scenes, parts, strict=True)]
    lies = [perturbed_facts(scene.says, other_than(scene, base)) for scene in scenes]
    fooled = [verify(lie, each, base) for lie, each in zip(lies, parts, strict=True)]
    assert len(scenes) >= 10
    assert sum(verdicts) >= 0.95 * len(scenes)
    assert sum(fooled) <= 0.05 * len(scenes)


def test_pictures_of_nothing_pass_nothing(emoji: EmojiSet, base: dict[str, str]) -> None:
    """Guards against a judge that lets an empty picture, noise or one flat block pass."""
    scenes = [
        s for category in eval_prompts.CATEGORIES for s in eval_prompts.scenes(emoji, category, 5, SIZE)
    ]
    rng = np.random.default_rng(0)
    blank = np.full((SIZE, SIZE, 3), 255, np.uint8)
    block = blank.copy()
    block[16:48, 16:48] = 0
    noise = rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    for picture in (blank, noise, block):
        parts = parts_of(picture)
        named = {answer for part in parts for answer in part.answers}
        lost = [s for s in scenes if not {base[slug] for slug in concepts(s.says)} <= named]
        assert not any(verify(scene.says, parts, base) for scene in lost)
        assert len(parts) <= detector.MAX_DETECTIONS
    assert parts_of(blank) == []


def paste(canvas: np.ndarray, answer: str, at: tuple[int, int], colour: str = "red") -> np.ndarray:
    """A thing, its corner at (x, y), on a picture."""
    seen, (x, y) = shapes.drawing(answer), at
    under = canvas[y : y + len(seen), x : x + len(seen)]
    under[seen] = COLOURS[colour]
    return canvas


def white() -> np.ndarray:
    return np.full((SIZE, SIZE, 3), 255, np.uint8)


def test_a_thing_in_pieces_is_one() -> None:
    """Guards against counting the pieces that one thing is drawn in."""
    parts = parts_of(paste(white(), shapes.BROKEN, (16, 16)))
    assert [part.answers for part in parts] == [{shapes.BROKEN}]


def test_things_that_touch_are_two() -> None:
    """Guards against taking two things for one blob because a few pixels join them."""
    canvas = paste(paste(white(), "owl", (0, 16)), "dog", (32, 16))
    canvas[21, 29:35] = COLOURS["red"]  # a bridge
    parts = parts_of(canvas)
    assert sorted(answer for part in parts for answer in part.answers) == ["dog", "owl"]


def test_a_thing_may_touch_the_frame() -> None:
    """Guards against a background read off one corner, and crops cut at the picture's edge."""
    for at in ((0, 0), (32, 0), (0, 32), (32, 32)):
        canvas = paste(white(), "house", at)
        shifted = np.roll(canvas, (-2 if at[1] == 0 else 2, -2 if at[0] == 0 else 2), axis=(0, 1))
        assert [part.answers for part in parts_of(shifted)] == [{"house"}]


def test_where_and_what_colour(base: dict[str, str]) -> None:
    """Guards against places in pixels, y upwards, and a colour that takes in the background."""
    (part,) = parts_of(paste(np.full((SIZE, SIZE, 3), COLOURS["blue"], np.uint8), "car", (32, 0), "yellow"))
    assert part.colour == "yellow"
    assert part.x == pytest.approx(48 / 64, abs=0.02) and part.y == pytest.approx(16 / 64, abs=0.02)


PARTS = [Detection(0.3, 0.5, frozenset({"cat"}), "green"), Detection(0.7, 0.5, frozenset({"dog"}), "blue")]
SAME = {"cat": "cat", "dog": "dog", "owl": "owl", "cook": "cook", "man-cook": "cook"}


@pytest.mark.parametrize(
    ("says", "held"),
    [
        ("concept:cat", True),
        ("concept:owl", False),
        ("concept:cat concept:dog", True),
        ("concept:cat concept:owl", False),
        ("concept:cat colour:cat:green", True),
        ("concept:cat colour:cat:blue", False),
        ("concept:cat concept:dog left-of:cat:dog", True),
        ("concept:cat concept:dog left-of:dog:cat", False),
        ("concept:cat concept:dog above:cat:dog", False),
        ("concept:cat concept:dog colour:cat:green colour:dog:blue", True),
        ("concept:cat concept:dog colour:cat:blue colour:dog:green", False),
        ("concept:cat count:cat:1", True),
        ("concept:cat count:cat:2", False),
        ("concept:cat concept:dog things:2 background:white word:kitten", True),  # the last three go unjudged
    ],
)
def test_facts(says: str, held: bool) -> None:
    """Guards against facts that are never looked at, and sides told the wrong way round."""
    assert verify(says.split(), PARTS, SAME) is held


def test_two_concepts_need_two_things() -> None:
    """Guards against one blob that the referee calls a cat and a dog at once."""
    both = Detection(0.5, 0.5, frozenset({"cat", "dog"}), "green")
    assert not verify({"concept:cat", "concept:dog"}, [both], SAME)
    assert verify({"concept:cat", "concept:dog"}, [both, PARTS[0]], SAME)


def test_near_identical_concepts_are_one_answer() -> None:
    """Guards against asking a judge to tell a cook from a man cook."""
    assert verify({"concept:man-cook"}, [Detection(0.5, 0.5, frozenset({"cook"}), "pink")], SAME)


def test_facts_without_a_concept_are_refused() -> None:
    """Guards against a scene that any picture would pass."""
    with pytest.raises(ValueError, match="no concept"):
        verify({"word:kitten", "things:1"}, PARTS, SAME)


def every_lie() -> Iterator[tuple[str, frozenset[str]]]:
    for says in (
        "concept:cat",
        "concept:cat concept:dog",
        "concept:cat colour:cat:green",
        "concept:cat concept:dog left-of:cat:dog",
        "concept:cat concept:dog colour:cat:green colour:dog:blue",
        *(f"concept:cat count:cat:{count}" for count in range(1, 6)),
    ):
        yield says, perturbed_facts(says.split(), "owl")


def test_a_lie_changes_something() -> None:
    """Guards against a control that is true, so that a blind judge would look well."""
    for says, lie in every_lie():
        assert lie != frozenset(says.split()) and len(lie) == len(says.split())
    assert perturbed_facts(["concept:cat", "count:cat:5"], "owl") == {"concept:cat", "count:cat:4"}


def test_pieces_by_hand() -> None:
    """Guards against parts that meet at a corner, and long winding ones, taken for several."""
    drawn = """
        ##......
        .##...##
        .....#..
        ####..#.
        ...#..#.
        .###....
        .#....##
        .####.##"""
    mask = torch.tensor([[cell == "#" for cell in row.strip()] for row in drawn.split()])
    labels = detector._pieces(mask, 0)
    assert len(labels.unique()) - 1 == 4
    assert (labels > 0).equal(mask)
    assert len(detector._pieces(mask, 4).unique()) - 1 == 1


def test_judging_is_the_same_twice(emoji: EmojiSet) -> None:
    """Guards against a random or stateful judge."""
    scene = replace(eval_prompts.scenes(emoji, "counting", 1, SIZE)[0])
    picture = Composer(emoji, size=SIZE).render(scene)
    assert parts_of(picture) == parts_of(picture.copy())
