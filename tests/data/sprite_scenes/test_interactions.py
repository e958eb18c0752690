"""Interactions on a tiny set: what is worn, held, ridden, driven or contained is where it belongs."""

import random
from functools import cache

import numpy as np
import pytest
from plan_check import check

from dalle.data.scenes.facts import Count, HasConcept, ObjectCount, Relation
from dalle.data.scenes.scene import held_out_pair
from dalle.data.sprite_scenes.attachments import Piece, attach, fit, outline_top, point_of, visible_box
from dalle.data.sprite_scenes.cast import Cast
from dalle.data.sprite_scenes.concepts import ConceptSampler
from dalle.data.sprite_scenes.interaction_words import PHRASES, TRUE, possessive
from dalle.data.sprite_scenes.interactions import WEIGHTS, Interactions
from dalle.data.sprite_scenes.names import SpriteNames
from dalle.data.sprite_scenes.plan import MAX_LAYERS, Foreground, Layer
from dalle.data.sprite_scenes.planner import Planner
from dalle.data.sprite_scenes.properties import Box, SpriteProperties
from dalle.data.sprite_scenes.roles import SETS, rows
from dalle.data.sprites.sprite_set import Concept, Source, Sprite, SpriteSet

SIZE = 64
WIDE, TALL, WHOLE = (
    (0.0, 0.3, 1.0, 0.7),
    (0.3, 0.0, 0.7, 1.0),
    (0.1, 0.1, 0.9, 0.9),
)  # left, top, right, bottom
DRAWINGS: dict[str, tuple[str, Box]] = {  # slug -> subgroup, and the box that is drawn
    **dict.fromkeys(("cat-face", "dog-face", "cow-face", "pig-face", "bear"), ("animal-mammal", WHOLE)),
    **dict.fromkeys(("grinning-face", "skull"), ("face-smiling", WHOLE)),
    **dict.fromkeys(("man", "girl"), ("person", TALL)),
    **dict.fromkeys(("crown", "top-hat", "graduation-cap"), ("clothing", WHOLE)),
    **dict.fromkeys(("glasses", "sunglasses"), ("clothing", WIDE)),
    **dict.fromkeys(("headphone", "ribbon", "scarf", "balloon", "guitar", "candle"), ("music", TALL)),
    **dict.fromkeys(("bicycle", "elephant", "turtle"), ("transport-ground", WHOLE)),
    **dict.fromkeys(("automobile", "bus", "canoe"), ("transport-ground", WIDE)),
    **dict.fromkeys(("basket", "bucket", "wine-glass"), ("household", WHOLE)),
    **dict.fromkeys(("umbrella", "cloud", "rainbow"), ("sky-weather", WIDE)),
    **dict.fromkeys(("house", "hotel", "church"), ("place-building", WHOLE)),
    **dict.fromkeys(("red-apple", "pear", "lemon"), ("food-fruit", WHOLE)),
}
SEEDS = range(120)
MARGIN = 0.05  # the middle 90% of a picture


@cache
def properties() -> SpriteProperties:
    """Boxes of one colour as sprites of two sets."""
    pixels = np.zeros((len(DRAWINGS), SIZE, SIZE, 4), np.uint8)
    concepts, sprites, names = [], [], ("noto", "twemoji")
    for at, (slug, (subgroup, box)) in enumerate(DRAWINGS.items()):
        left, top, right, bottom = (round(edge * SIZE) for edge in box)
        pixels[at, top:bottom, left:right] = (200, 120, 40, 255)
        labels = {"en": slug.replace("-", " ")}
        concepts.append(Concept(slug, "emoji", "", "objects", subgroup, slug, labels, {}))
        sprites += [Sprite(at, source, at, False, slug, "", "") for source in range(len(names))]
    sources = tuple(Source(name, name, name, "1", name, "", "", "MIT", "") for name in names)
    masks = np.zeros((0, SIZE, SIZE), np.uint8)
    return SpriteProperties(
        SpriteSet("training", SIZE, "", tuple(concepts), tuple(sprites), sources, pixels, masks)
    )


def interactions(held_out: bool = False, concepts: list[int] | None = None) -> Interactions:
    names = SpriteNames(properties().sprites.concepts)
    return Interactions(Cast(properties(), names, ConceptSampler(properties(), names, concepts), held_out))


@cache
def drawn(kind: str) -> list[Foreground]:
    kinds = interactions().kinds
    return [kinds[kind](random.Random(seed)) for seed in SEEDS]


def slug(layer: Layer) -> str:
    return properties().concept(layer.sprite).slug


def box(layer: Layer) -> Box:
    """What is seen of a layer."""
    piece = Piece(layer.sprite, 0, 0, layer.size, -layer.angle if layer.flipped else layer.angle)
    left, top, right, bottom = visible_box(properties(), piece)
    if layer.flipped:
        left, right = -right, -left
    return layer.x + left, layer.y + top, layer.x + right, layer.y + bottom


def middle(layer: Layer) -> tuple[float, float]:
    left, top, right, bottom = box(layer)
    return (left + right) / 2, (top + bottom) / 2


def test_every_kind_is_drawn_and_weighted() -> None:
    assert interactions().kinds.keys() == WEIGHTS.keys()


@pytest.mark.parametrize("kind", WEIGHTS)
def test_all_is_inside_the_middle_of_the_picture(kind: str) -> None:
    for scene in drawn(kind):
        assert len(scene.layers) <= MAX_LAYERS
        for left, top, right, bottom in map(box, scene.layers):
            assert min(left, top) >= MARGIN and max(right, bottom) <= 1 - MARGIN, scene


def test_hats_sit_on_heads_and_glasses_on_eyes() -> None:
    seen = set()
    for scene in drawn("wearing"):
        head, worn = scene.layers
        (across, down), head_box, worn_box = middle(worn), box(head), box(worn)
        assert head_box[0] < across < head_box[2], scene
        assert worn_box[1] < head_box[3] and worn_box[3] > head_box[1], "worn things touch who wears them"
        if slug(worn) in ("crown", "top-hat", "graduation-cap"):
            assert down < middle(head)[1] and worn_box[1] < head_box[1], scene
            seen.add("hat")
        elif slug(worn) in ("glasses", "sunglasses"):
            assert head_box[1] < down < head_box[1] + 0.7 * (head_box[3] - head_box[1]), scene
            seen.add("eyewear")
    assert seen == {"hat", "eyewear"}


def test_riders_sit_above_their_mounts_and_touch_them() -> None:
    for scene in drawn("riding"):
        mount, rider = scene.layers
        assert middle(rider)[1] < middle(mount)[1], scene
        assert box(rider)[3] > box(mount)[1], scene


@pytest.mark.parametrize("kind", ["driving", "boating"])
def test_drivers_look_over_their_vehicles(kind: str) -> None:
    for scene in drawn(kind):
        driver, vehicle = scene.layers  # the vehicle is drawn over its driver
        assert box(driver)[1] < box(vehicle)[1] and box(driver)[3] < box(vehicle)[3], scene


def test_contents_look_out_of_vessels() -> None:
    for scene in drawn("in"):
        back, content, front = scene.layers
        assert (back.sprite, back.x, back.y, back.size) == (front.sprite, front.x, front.y, front.size)
        rim = front.y + (front.top - 0.5) * front.size
        assert back.top == 0 and box(content)[1] < rim < box(content)[3] < box(front)[3], scene


def test_the_front_one_hides_a_part_of_the_other() -> None:
    for scene in drawn("behind"):
        behind, front = map(box, scene.layers)
        across = min(behind[2], front[2]) - max(behind[0], front[0])
        down = min(behind[3], front[3]) - max(behind[1], front[1])
        area = (behind[2] - behind[0]) * (behind[3] - behind[1])
        assert across * down < 0.6 * area and min(across, down) > 0.1, scene


def test_the_middle_one_is_between_the_others() -> None:
    for scene in drawn("between"):
        facts = [fact for fact in scene.stated if isinstance(fact, Relation)]
        (first,) = {fact.first for fact in facts}
        places = {slug(layer): middle(layer)[0] for layer in scene.layers}
        others = [places[fact.second] for fact in facts]
        assert min(others) < places[first] < max(others), scene


@pytest.mark.parametrize("kind", ["around", "pile"])
def test_a_stated_number_is_that_of_the_picture(kind: str) -> None:
    counts = [(scene, fact) for scene in drawn(kind) for fact in scene.stated if isinstance(fact, Count)]
    assert counts and len(counts) < len(drawn(kind))
    for scene, fact in counts:
        assert sum(slug(layer) == fact.concept for layer in scene.layers) == fact.number, scene


@pytest.mark.parametrize("kind", WEIGHTS)
def test_texts_name_what_the_picture_shows(kind: str) -> None:
    for scene in drawn(kind):
        concepts = {fact.concept for fact in scene.stated if isinstance(fact, HasConcept)}
        assert concepts == {slug(layer) for layer in scene.layers}, scene
        assert any(isinstance(fact, Relation) for fact in scene.stated)
        assert "{" not in scene.text and "  " not in scene.text


def test_plans_know_each_thing_once() -> None:
    """A vessel's front is no second vessel; all relations that a phrase could have stated are true."""
    planner = Planner(properties())
    for kind in WEIGHTS:
        for index in range(20):
            plan = planner.plan(index, kind)
            check(plan, properties())
            assert ObjectCount(sum(layer.top == 0 for layer in plan.layers)) in plan.facts
    facts = planner.plan(0, "in").facts
    assert any(isinstance(fact, Relation) and fact.relation == "in" for fact in facts)


@pytest.mark.parametrize("held_out", [False, True])
def test_pairs_are_held_out(held_out: bool) -> None:
    kinds = interactions(held_out).kinds
    for kind in ("wearing", "holding", "behind", "in", "around"):
        for seed in range(20):
            first, second = sorted({slug(layer) for layer in kinds[kind](random.Random(seed)).layers})
            assert held_out_pair(first, second) == held_out


def test_only_given_concepts_are_drawn() -> None:
    known = {slug: at for at, slug in enumerate(DRAWINGS)}
    given = {"cat-face", "dog-face", "crown", "pear"}
    some = interactions(concepts=[known[slug] for slug in given])
    assert "wearing" in some.kinds and some.kinds.keys().isdisjoint({"riding", "driving", "in", "holding"})
    for kind in ("wearing", "behind", "pile"):
        shown = {slug(layer) for seed in SEEDS for layer in some.kinds[kind](random.Random(seed)).layers}
        assert shown and shown <= given


def test_draws_depend_on_their_random_numbers_alone() -> None:
    kinds = interactions().kinds
    for kind in WEIGHTS:
        assert [kinds[kind](random.Random(seed)) for seed in SEEDS] == drawn(kind)


def test_a_mirrored_scene_is_its_mirror_image() -> None:
    cat, crown = (2 * list(DRAWINGS).index(name) for name in ("cat-face", "crown"))
    pieces = [Piece(cat), attach(properties(), crown, 0.4, (0.5, 0.9), (0.2, -0.3), 10.0)]
    for plain, mirrored in zip(
        fit(properties(), pieces), fit(properties(), pieces, mirrored=True), strict=True
    ):
        assert mirrored.x == pytest.approx(1 - plain.x) and mirrored.y == pytest.approx(plain.y)
        assert (mirrored.angle, mirrored.flipped) == (-plain.angle, True)


def test_attached_points_meet() -> None:
    crown, target = 2 * list(DRAWINGS).index("crown"), (0.13, -0.4)
    piece = attach(properties(), crown, 0.5, (0.25, 0.75), target, 30.0)
    across, down = point_of(properties(), crown, 0.25, 0.75, 30.0)
    assert (piece.x + piece.size * across, piece.y + piece.size * down) == pytest.approx(target)
    left, _, right, _ = properties().box(crown)
    assert piece.size * (right - left) == pytest.approx(0.5)


def test_the_outline_begins_where_the_drawing_does() -> None:
    across, top = outline_top(properties(), 2 * list(DRAWINGS).index("cat-face"), 0.5)
    assert across == pytest.approx(0, abs=0.02) and top == pytest.approx(WHOLE[1] - 0.5, abs=0.02)


def test_the_table_of_roles_is_sound() -> None:
    """Letters are known, points lie on or near the drawing, and no sprite has two points in one role."""
    known = set[tuple[str, str, str]]()
    for role, slugs, sets, x, y, width, _angle, _names in rows():
        assert sets and slugs and set(sets) <= SETS.keys(), (role, slugs)
        assert 0 <= float(x) <= 1 and 0 <= float(y) <= 1.1 and 0.15 <= float(width) <= 1.4, (role, slugs)
        for entry in ((role, slug, source) for slug in slugs.split() for key in sets for source in SETS[key]):
            assert entry not in known, entry
            known.add(entry)


def test_every_phrase_states_what_is_also_true() -> None:
    for kind, phrases in PHRASES.items():
        true = {(phrase.relation, phrase.swapped) for phrase in TRUE[kind]}
        assert {(phrase.relation, phrase.swapped) for phrase in phrases.options} <= true
    assert [possessive(slug) for slug in ("old-woman", "boy", "child", "cat-face")] == [
        "her",
        "his",
        "their",
        "its",
    ]
