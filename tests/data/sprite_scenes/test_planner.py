"""Plans of a small set: true captions, held-out combinations, places, tints and told outlines."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from plan_check import check
from small_set import small_properties

from dalle.data.scenes.facts import (
    Count,
    HasColour,
    HasFill,
    HasLook,
    HasMaterial,
    HasPlace,
    HasStyle,
    HasWord,
    OnPlace,
    Relation,
    facts_of_type,
)
from dalle.data.sprite_scenes import planner as planner_module
from dalle.data.sprite_scenes.names import SpriteNames
from dalle.data.sprite_scenes.nouns import NUMBER_WORDS
from dalle.data.sprite_scenes.packed import MAX_FACTS, MAX_STATED, pack, positive_pairs
from dalle.data.sprite_scenes.plan import PLAIN_SIZE, Foreground, ScenePlan
from dalle.data.sprite_scenes.planner import DEFAULT_WEIGHTS, Planner


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(small_properties(), seed=1)


@pytest.fixture(scope="module")
def plans(planner: Planner) -> list[ScenePlan]:
    return [planner.plan(index) for index in range(2000)]


def test_every_plan_is_true_and_inside_the_picture(plans: list[ScenePlan]) -> None:
    for plan in plans:
        check(plan, small_properties())
        assert len(plan.facts) <= MAX_FACTS and len(plan.stated) <= MAX_STATED


def test_held_out_plans_have_only_what_training_lacks() -> None:
    planner = Planner(small_properties(), seed=1, held_out=True)
    for kind in ("colour", "pair", "relation", "material", "mashup", "single"):
        for index in range(40):
            check(planner.plan(index, kind), small_properties(), held_out=True)


@pytest.mark.parametrize("held_out", [True, False])
def test_held_out_plans_show_no_three_concepts(monkeypatch: pytest.MonkeyPatch, held_out: bool) -> None:
    """No draw finds three that are held out two by two: such a plan raised an error."""
    kinds = {"between": lambda rng: Foreground("", (), frozenset(), frozenset())}
    monkeypatch.setattr(planner_module, "Interactions", lambda cast: SimpleNamespace(kinds=kinds))
    planner = Planner(small_properties(), held_out=held_out)
    assert ("between" in planner.kinds) == (not held_out)


def test_a_plan_depends_on_seed_and_index_alone(plans: list[ScenePlan]) -> None:
    again = Planner(small_properties(), seed=1)
    assert [again.plan(index) for index in (1999, 7, 7, 0)] == [plans[1999], plans[7], plans[7], plans[0]]
    assert Planner(small_properties(), seed=2).plan(7) != plans[7]


def test_kinds_come_in_their_shares(plans: list[ScenePlan]) -> None:
    for kind in ("single", "count", "ground"):
        share = sum(plan.kind == kind for plan in plans) / len(plans)
        weights = DEFAULT_WEIGHTS.kinds
        assert share == pytest.approx(weights[kind] / sum(weights.values()), abs=0.03)


def test_an_unknown_kind_is_refused(planner: Planner) -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        planner.plan(0, "triangle")


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        ("colour", HasColour),
        ("count", Count),
        ("relation", Relation),
        ("attribution", HasColour),
        ("material", HasMaterial),
        ("look", HasLook),
        ("mashup", HasFill),
    ],
)
def test_each_kind_states_what_it_is_for(planner: Planner, kind: str, fact: type) -> None:
    for index in range(40):
        assert facts_of_type(planner.plan(index, kind).stated, fact), kind


def test_the_number_in_a_caption_is_that_of_the_layers(planner: Planner) -> None:
    """Also of repeated emoji, and of six, which the older world does not have."""
    seen = set()
    for index in range(200):
        plan = planner.plan(index, "count")
        number = len(plan.layers)
        seen.add(number)
        words = plan.caption.lower().split()
        character = small_properties().concept(plan.layers[0].sprite).emoji
        repeated = bool(character) and character * number in plan.caption
        assert repeated or NUMBER_WORDS[number] in words or str(number) in words, plan.caption
    assert seen == set(NUMBER_WORDS)


def test_a_plain_single_scene_fills_the_picture_on_white(plans: list[ScenePlan]) -> None:
    single = [plan for plan in plans if plan.kind == "single"]
    assert all(plan.layers[0].size == PLAIN_SIZE for plan in single)
    white = sum(plan.ground.colour == (255, 255, 255) and plan.ground.second is None for plan in single)
    assert white / len(single) > DEFAULT_WEIGHTS.plain_share


def test_places_are_stated_or_not_and_things_stand_on_their_ground(planner: Planner) -> None:
    plans = [planner.plan(index, "ground") for index in range(300)]
    stated = [plan for plan in plans if facts_of_type(plan.stated, OnPlace)]
    assert 0.85 < len(stated) / len(plans) < 1
    assert not any(plan.tinted for plan in stated)
    assert {len(plan.layers) for plan in plans} == {0, 1, 2}
    for plan in plans:
        if plan.layers and plan.ground.place == "meadow":
            feet = [layer.y + small_properties().box(layer.sprite)[3] * layer.size for layer in plan.layers]
            assert all(0.8 < foot < 0.95 for foot in feet), plan


def test_nothing_black_is_lost_in_the_dark(planner: Planner) -> None:
    properties = small_properties()
    grounds = set()
    for index in range(400):
        plan = planner.plan(index, "ground")
        colours = [layer.colour or properties.dominant_colour(layer.sprite) for layer in plan.layers]
        if "black" in colours:
            assert not plan.ground.night and plan.ground.place not in ("space", "stage"), plan
        else:
            grounds.add(plan.ground.night)
    assert grounds == {True, False}


def test_a_stated_place_is_where_the_thing_is(planner: Planner) -> None:
    for index in range(200):
        plan = planner.plan(index, "placed")
        for fact in facts_of_type(plan.stated, HasPlace):
            assert ("left" in fact.place) == (plan.layers[0].x < 0.4), plan
            assert ("top" in fact.place) == (plan.layers[0].y < 0.4), plan


def test_the_outline_is_told_among_what_the_caption_allows(planner: Planner) -> None:
    """A lamp has a drawing with a rim and two without: the first is always told as more outlined."""
    properties = small_properties()
    told: dict[bool, list[float]] = {True: [], False: []}
    for index in range(1500):
        plan = planner.plan(index, "single")
        if plan.outline is None:
            continue
        assert not facts_of_type(plan.stated, HasStyle)
        if properties.concept(plan.layers[0].sprite).slug in {"lamp", "boot"}:
            told[properties.outline_score(plan.layers[0].sprite) > 0.5].append(plan.outline)
    assert min(told[True]) > max(told[False])
    values = torch.tensor(told[True] + told[False])
    assert abs(values.mean()) < 0.35 and 0.6 < values.std() < 1.4


def test_own_facts_survive_packing(plans: list[ScenePlan]) -> None:
    """A caption is true of its own picture, also after facts were cut to a fixed number."""
    packed = pack(plans[:200], lambda captions: torch.ones(len(captions), 4, dtype=torch.long))
    assert positive_pairs(packed).diagonal().all()


def test_languages_are_those_asked_for() -> None:
    planner = Planner(small_properties(), languages={"de": 1, "en": 0})
    captions = [planner.plan(index, "single").caption.lower() for index in range(300)]
    german = [caption for caption in captions if "auf deutsch" in caption or caption.startswith("tier")]
    assert len(german) > 100


def test_only_given_concepts_are_drawn() -> None:
    planner = Planner(small_properties(), concepts=[0, 1, 3, 12])
    for index in range(100):
        plan = planner.plan(index, "single")
        assert small_properties().concept_index(plan.layers[0].sprite) in {0, 1, 3, 12}


def test_names_of_compositions_and_shared_words() -> None:
    concepts = list(small_properties().sprites.concepts)
    names = SpriteNames(concepts)
    assert names.nouns[-1].singular() == "a person riding a horse"
    honey = next(at for at, concept in enumerate(concepts) if concept.label == "honey")
    assert names.nouns[honey].singular() == "honey" and names.nouns[honey].plural_noun is None
    assert names.word_facts(0) == {HasWord("pet"), HasWord("animal"), HasWord("tier")}
    lone = SpriteNames([concepts[0], replace(concepts[4], keywords={})])
    assert not lone.word_facts(0)  # words of one concept alone state the concept itself
