"""A caption states only what its picture shows, in every kind of scene."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dalle.data.emoji.emoji_set import EMOJI_FOLDER, STYLES, EmojiSet
from dalle.data.scenes.colours import COLOURS, dominant_colour, nearest_colour
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.english import NUMBER_WORDS
from dalle.data.scenes.facts import (
    Count,
    HasBackground,
    HasColour,
    HasConcept,
    HasPlace,
    HasSize,
    HasStyle,
    HasWord,
    ObjectCount,
    Relation,
    facts_of_type,
)
from dalle.data.scenes.scene import Scene, SceneObject, SceneWeights, held_out_colour, held_out_pair
from tests.data.scenes.masks import centroid, colour_mask, component_sizes, foreground_mask
from tests.fakes import fake_emoji


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return fake_emoji()


def make_composer(emoji: EmojiSet, *kinds: str, **settings: object) -> Composer:
    """A composer of the given kinds of scene, or of all kinds by their usual weights."""
    weights = SceneWeights(kinds=dict.fromkeys(kinds, 1)) if kinds else SceneWeights()
    return Composer(emoji, **{"seed": 1, "size": 64, "weights": weights} | settings)


def first_scenes(composer: Composer, count: int) -> Iterator[Scene]:
    return map(composer.scene, range(count))


def slug_of(emoji: EmojiSet, item: SceneObject) -> str:
    return emoji.concepts[emoji.icons[item.icon].concept].slug


def test_captions_state_only_what_is_true(emoji):
    """Guards against a caption that its own picture contradicts, over every kind of scene."""
    for held_out in (False, True):
        composer = make_composer(emoji, held_out=held_out)
        assert not [s for s in first_scenes(composer, 2000) if not s.caption_facts <= s.facts]


def test_a_scene_is_a_pure_function_of_seed_and_index(emoji):
    """Guards against hidden state: a resumed training run must get the same scene 40 as before."""
    state = np.random.get_state()[1].copy()
    first, second = make_composer(emoji), make_composer(emoji)
    forwards = [first.scene(index) for index in range(60)]
    backwards = [second.scene(index) for index in reversed(range(60))][::-1]
    assert forwards == backwards
    pairs = zip(forwards, backwards, strict=True)
    assert all((first.renderer.render(a) == second.renderer.render(b)).all() for a, b in pairs)
    assert forwards != [make_composer(emoji, seed=2).scene(index) for index in range(60)]
    assert (np.random.get_state()[1] == state).all()


def test_colours_are_in_the_pixels(emoji):
    """Guards against "a green cat" whose pixels are not green, or that vanishes in its background."""
    composer = make_composer(emoji, "colour")
    for scene in first_scenes(composer, 150):
        (fact,) = facts_of_type(scene.caption_facts, HasColour)
        picture = composer.renderer.render(scene)
        assert re.search(rf"\b{fact.colour}\b", scene.caption.lower())
        assert fact.concept.replace("-", " ") in scene.caption.lower()
        assert dominant_colour(picture[24:40, 24:40].reshape(-1, 3)) == fact.colour
        assert nearest_colour(scene.background) != fact.colour


def test_backgrounds_are_as_stated(emoji):
    """Guards against "on a yellow background" over a white one, and a set that is nearly all white."""
    composer = make_composer(emoji)
    scenes = list(first_scenes(composer, 1000))
    for scene in scenes:
        corner = tuple(composer.renderer.render(scene)[0, 0].tolist())
        assert corner == scene.background
        for fact in facts_of_type(scene.caption_facts, HasBackground):
            assert nearest_colour(corner) == fact.colour
            assert re.search(rf"\b{fact.colour}\b", scene.caption.lower())
    others = [scene for scene in scenes if scene.kind != "single"]
    assert 0.5 < sum(scene.background == COLOURS["white"] for scene in others) / len(others) < 0.7


def test_most_single_objects_are_shown_alike(emoji):
    """Guards against an icon that never looks twice the same, which a flow is slow to learn."""
    composer = make_composer(emoji)
    scenes = [composer.scene(index, "single") for index in range(400)]
    render, render_icon = composer.renderer.render, composer.renderer.render_icon
    plain = [s for s in scenes if np.array_equal(render(s), render_icon(s.objects[0].icon))]
    assert 0.75 < len(plain) / len(scenes) < 0.95
    assert all(HasBackground("white") in scene.facts for scene in plain)


ORDERS = {  # how a caption puts one object before another: along x (0) or y (1)
    r"(?P<a>.*) (?:to the )?left of (?P<b>.*)": 0,
    r"(?P<b>.*) (?:to the )?right of (?P<a>.*)": 0,
    r"(?P<a>.*) on the left and (?P<b>.*) on the right": 0,
    r"(?P<a>.*) (?:above|over) (?P<b>.*)": 1,
    r"(?P<b>.*) (?:below|under) (?P<a>.*)": 1,
    r"(?P<a>.*) at the top and (?P<b>.*) at the bottom": 1,
    r"(?P<a>.*?) (?:on|on top of|standing on) (?!the )(?P<b>.*)": 1,
}


def test_sides_are_in_the_pixels(emoji):
    """Guards against swapped sides: what a caption puts to the left or on top has the smaller coordinate."""
    weights = SceneWeights(kinds={"attribution": 1}, white_share=1, named_style_share=0)
    composer = make_composer(emoji, weights=weights)
    checked = Counter()
    for scene in first_scenes(composer, 500):
        names_background = facts_of_type(scene.caption_facts, HasBackground)
        if scene.background != COLOURS["white"] or names_background:
            continue
        for pattern, axis in ORDERS.items():
            if match := re.fullmatch(pattern, scene.caption.lower().rstrip(".")):
                picture = composer.renderer.render(scene)
                colours = [
                    next(iter(COLOURS.keys() & set(words.split()))) for words in (match["a"], match["b"])
                ]
                first, second = (centroid(colour_mask(picture, colour))[axis] for colour in colours)
                assert first < second, scene.caption
                checked[pattern] += 1
    assert checked.keys() == ORDERS.keys()


def test_counts_are_in_the_pixels(emoji):
    """Guards against objects that touch, hide each other or are too few."""
    composer = make_composer(emoji, weights=SceneWeights(kinds={"count": 1}, white_share=1))
    for scene in first_scenes(composer, 100):
        (fact,) = facts_of_type(scene.caption_facts, Count)
        sizes = component_sizes(foreground_mask(composer, scene))
        assert len([size for size in sizes if size > 8]) == fact.number
        assert NUMBER_WORDS[fact.number] in scene.caption.lower() or str(fact.number) in scene.caption


def test_small_objects_are_where_the_caption_says(emoji):
    """Guards against "a small owl in the top left corner" that is large, or elsewhere."""
    composer = make_composer(emoji, "placed")
    checked = Counter()
    for scene in first_scenes(composer, 300):
        mask = foreground_mask(composer, scene)
        x, y = (centre / 64 for centre in centroid(mask))
        for fact in facts_of_type(scene.caption_facts, HasPlace):
            assert ("left" in fact.place, "right" in fact.place) == (x < 0.4, x > 0.6)
            assert ("top" in fact.place, "bottom" in fact.place) == (y < 0.4, y > 0.6)
            checked[fact.place] += 1
        for fact in facts_of_type(scene.caption_facts, HasSize):
            assert (mask.any(0).mean() < 0.45) == (fact.size == "small")
            checked[fact.size] += 1
    assert len(checked) == 11


def test_nothing_is_cut_off_or_hidden(emoji):
    """Guards against objects over the border, and pairs that overlap though neither stands on the other."""
    for scene in first_scenes(make_composer(emoji), 1000):
        for item in scene.objects:
            assert min(item.x, item.y) - item.size / 2 > -1e-9
            assert max(item.x, item.y) + item.size / 2 < 1 + 1e-9
        if all(fact.relation != "on" for fact in facts_of_type(scene.facts, Relation)):
            for first, second in itertools.combinations(scene.objects, 2):
                distance = max(abs(first.x - second.x), abs(first.y - second.y))
                assert distance >= (first.size + second.size) / 2 - 1e-9


def test_held_out_combinations_never_appear(emoji):
    """Guards against an evaluation on combinations that were trained on, or the other way round."""
    kinds = ("colour", "count", "pair", "relation", "attribution")
    for held_out in (False, True):
        checked = Counter()
        for scene in first_scenes(make_composer(emoji, *kinds, held_out=held_out), 800):
            for item in scene.objects:
                if item.colour:
                    assert held_out_colour(slug_of(emoji, item), item.colour) == held_out
                    checked["colours"] += 1
            slugs = {slug_of(emoji, item) for item in scene.objects}
            if len(slugs) == 2:
                assert held_out_pair(*slugs) == held_out
                checked["pairs"] += 1
        assert min(checked["colours"], checked["pairs"]) > 100


def test_a_keyword_is_true_of_every_concept_that_has_it(emoji):
    """Guards against counting a cat's face as a wrong answer to "kitten", and a dog as a right one."""
    composer = make_composer(emoji, "single")
    scenes = list(first_scenes(composer, 3000))
    (kitten, *_) = [scene for scene in scenes if HasWord("kitten") in scene.caption_facts]
    for scene in scenes:
        is_cat = slug_of(emoji, scene.objects[0]) in ("cat", "cat-face")
        assert ({HasWord("kitten"), ObjectCount(1)} <= scene.facts) == is_cat
    assert "kitten" in kitten.caption.lower()
    # "cat" is a keyword of the cat's face, but the label of another concept.
    assert not any(HasWord("cat") in scene.caption_facts for scene in scenes)
    spanish_cats = [scene for scene in scenes if "gato" in scene.caption.lower()]
    assert not any(HasConcept("cat") in scene.caption_facts for scene in spanish_cats)


def test_single_captions_are_in_many_languages(emoji):
    """Guards against a model that reads English only, or that hardly reads it."""
    weights = SceneWeights(kinds={"single": 1}, languages={"en": 80, "es": 20})
    scenes = list(first_scenes(make_composer(emoji, weights=weights), 1500))
    spanish = [s for s in scenes if re.search(r" es\b|gato|perro", s.caption.lower())]
    assert 0.15 < len(spanish) / len(scenes) < 0.25
    assert not any(re.search("background| in ", scene.caption) for scene in spanish)
    concepts = [emoji.concepts[emoji.icons[scene.objects[0].icon].concept] for scene in scenes]
    assert any(s.caption[0] == concept.emoji for s, concept in zip(scenes, concepts, strict=True))


def test_named_styles_are_drawn(emoji):
    """Guards against "in noto style" over a twemoji icon; three single captions in five name the style."""
    names_style = []
    for scene in first_scenes(make_composer(emoji), 1500):
        styles = {emoji.icons[item.icon].style for item in scene.objects}
        named = facts_of_type(scene.caption_facts, HasStyle)
        for fact in named:
            assert styles == {fact.style}
            assert STYLES[fact.style] in scene.caption.lower()
        if scene.kind == "single":
            names_style.append(bool(named))
    assert 0.55 < np.mean(names_style) < 0.65


def test_near_identical_concepts_count_as_one(emoji):
    """Guards against a cook, a man cook and a woman cook taking three shares of the training."""
    composer = make_composer(emoji, weights=SceneWeights(kinds={"single": 1}, groups={}))
    counts = Counter(slug_of(emoji, scene.objects[0]) for scene in first_scenes(composer, 3000))
    cooks = counts["cook"] + counts["man-cook"] + counts["woman-cook"]
    assert 0.7 < cooks / counts["dog"] < 1.4


def test_only_objects_go_into_sentences(emoji):
    """Guards against "three scissors", "a no entry left of a thumbs up" and "a green red apple"."""
    for scene in first_scenes(make_composer(emoji), 1500):
        slugs = {slug_of(emoji, item) for item in scene.objects}
        if scene.kind != "single":
            assert not slugs & {"no-entry", "thumbs-up"}
        if scene.kind == "count":
            assert "scissors" not in slugs
        if any(item.colour for item in scene.objects):
            assert not slugs & {"red-apple", "green-apple", "cook", "man-cook", "woman-cook"}


def test_only_the_given_concepts_are_drawn(emoji):
    """Guards against showing concepts that are held out of training, and against an endless search."""
    scenes = first_scenes(make_composer(emoji, concepts=[0, 5, 6]), 300)
    assert {slug_of(emoji, item) for scene in scenes for item in scene.objects} == {"cat", "house", "car"}
    with pytest.raises(ValueError, match=r"two things.*give more concepts"):
        make_composer(emoji, "pair", concepts=[0]).scene(0)
    with pytest.raises(ValueError, match=r"countable.*give more concepts"):
        make_composer(emoji, "count", concepts=[9]).scene(0)
    with pytest.raises(ValueError, match=r"unknown kind.*'crowd'.*single"):
        make_composer(emoji).scene(0, "crowd")


def test_a_kind_can_be_chosen(emoji):
    """Guards against an evaluation of one category on scenes of another."""
    composer = make_composer(emoji)
    for kind in SceneWeights().kinds:
        assert {composer.scene(index, kind).kind for index in range(20)} == {kind}


@pytest.mark.skipif(
    not (Path(__file__).parents[3] / EMOJI_FOLDER).is_dir(), reason="the emoji set is not built"
)
def test_the_real_set():
    """Guards against icons and labels that the fake set does not have."""
    composer = Composer(EmojiSet.load(Path(__file__).parents[3] / EMOJI_FOLDER), size=32)
    scenes = list(first_scenes(composer, 2000))
    assert [scene.caption for scene in scenes if not scene.caption_facts <= scene.facts] == []
    assert set(SceneWeights().groups) <= {concept.group for concept in composer.emoji.concepts}
    assert {scene.kind for scene in scenes} == set(SceneWeights().kinds)
