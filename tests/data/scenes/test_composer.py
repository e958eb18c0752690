"""Scenes: what a caption states is what its picture shows."""

import itertools
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dalle.data.emoji.emoji_set import DEFAULT_FOLDER, STYLES, EmojiSet
from dalle.data.scenes.captions import prompt
from dalle.data.scenes.colours import COLOURS, dominant_colour, nearest_colour
from dalle.data.scenes.composer import Composer, contact_sheet, corpus
from dalle.data.scenes.english import NUMBERS
from dalle.data.scenes.scene import Scene, SceneObject, SceneWeights, held_out_colour, held_out_pair
from tests.fakes import SIZE, disc, fake_emoji


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return fake_emoji()


def composer(emoji: EmojiSet, *kinds: str, **settings) -> Composer:
    mix = SceneWeights(kinds=dict.fromkeys(kinds, 1)) if kinds else SceneWeights()
    return Composer(emoji, **{"seed": 1, "size": 64, "mix": mix} | settings)


def facts(scene: Scene, kind: str) -> list[list[str]]:
    """The facts of a kind that a caption states, split: [["cat", "house"]] of left-of."""
    return [fact.split(":")[1:] for fact in scene.says if fact.startswith(f"{kind}:")]


def name_of(emoji: EmojiSet, thing: SceneObject) -> str:
    return emoji.concepts[emoji.icons[thing.icon].concept].slug


def painted(picture: np.ndarray, colour: str) -> np.ndarray:
    """Where a picture (S, S, 3) shows a named colour: (S, S) bool."""
    shades, where = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
    return np.array([nearest_colour(shade) == colour for shade in shades])[where].reshape(picture.shape[:2])


def centroid(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return columns.mean(), rows.mean()


def components(mask: np.ndarray) -> list[int]:
    """Pixels in each 4-connected part of a mask."""
    left, sizes = set(zip(*map(np.ndarray.tolist, np.nonzero(mask)), strict=True)), []
    while left:
        front, size = [left.pop()], 0
        while front:
            row, column = front.pop()
            size += 1
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in left:
                    left.remove(near)
                    front.append(near)
        sizes.append(size)
    return sizes


def test_captions_state_only_what_is_true(emoji):
    """Guards against any caption that its own picture does not bear out, over every kind of scene."""
    for held_out in (False, True):
        drawn = composer(emoji, held_out=held_out)
        wrong = [scene for scene in map(drawn.scene, range(2000)) if not scene.says <= scene.has]
        assert not wrong


def test_a_scene_is_a_pure_function_of_seed_and_index(emoji):
    """Guards against hidden state: resuming a training run at scene 40 must give the scene 40 of before."""
    state = np.random.get_state()[1].copy()
    once, again = composer(emoji), composer(emoji)
    forwards = [once.scene(index) for index in range(60)]
    backwards = [again.scene(index) for index in reversed(range(60))][::-1]
    assert forwards == backwards
    assert all((once.render(a) == again.render(b)).all() for a, b in zip(forwards, backwards, strict=True))
    assert forwards != [composer(emoji, seed=2).scene(index) for index in range(60)]
    assert (np.random.get_state()[1] == state).all()


def test_colours_are_in_the_pixels(emoji):
    """Guards against "a green cat" whose pixels are not green, or that vanishes in its background."""
    drawn = composer(emoji, "colour")
    for scene in map(drawn.scene, range(150)):
        ((slug, colour),) = facts(scene, "colour")
        picture = drawn.render(scene)
        assert re.search(rf"\b{colour}\b", scene.caption.lower())
        assert slug.replace("-", " ") in scene.caption.lower()
        assert dominant_colour(picture[24:40, 24:40].reshape(-1, 3)) == colour
        assert nearest_colour(scene.background) != colour


def test_backgrounds_are_as_said(emoji):
    """Guards against "on a yellow background" over a white one, and a set that is nearly all white."""
    drawn = composer(emoji)
    scenes = [drawn.scene(index) for index in range(1000)]
    for scene in scenes:
        corner = tuple(drawn.render(scene)[0, 0].tolist())
        assert corner == scene.background
        for (colour,) in facts(scene, "background"):
            assert nearest_colour(corner) == colour
            assert re.search(rf"\b{colour}\b", scene.caption.lower())
    moved = [scene for scene in scenes if scene.kind != "single"]
    assert 0.5 < sum(scene.background == COLOURS["white"] for scene in moved) / len(moved) < 0.7


def test_most_single_things_are_shown_alike(emoji):
    """Guards against an icon that never looks twice the same, which a flow is slow to learn."""
    drawn = composer(emoji)
    scenes = [drawn.scene(index, "single") for index in range(400)]
    alike = [
        scene for scene in scenes if np.array_equal(drawn.render(scene), drawn.plain(scene.things[0].icon))
    ]
    assert 0.75 < len(alike) / len(scenes) < 0.95
    assert all("background:white" in scene.has for scene in alike)


ORDERS = {  # how a caption puts one thing before another: along x (0) or y (1)
    r"(?P<a>.*) (?:to the )?left of (?P<b>.*)": 0,
    r"(?P<b>.*) (?:to the )?right of (?P<a>.*)": 0,
    r"(?P<a>.*) on the left and (?P<b>.*) on the right": 0,
    r"(?P<a>.*) (?:above|over) (?P<b>.*)": 1,
    r"(?P<b>.*) (?:below|under) (?P<a>.*)": 1,
    r"(?P<a>.*) at the top and (?P<b>.*) at the bottom": 1,
    r"(?P<a>.*?) (?:on|on top of|standing on) (?!the )(?P<b>.*)": 1,
}


def test_sides_are_in_the_pixels(emoji):
    """Guards against swapped sides: what the words put to the left or on top has the smaller coordinate."""
    drawn = composer(emoji, mix=SceneWeights(kinds={"attribution": 1}, white=1, style_said=0))
    seen = Counter()
    for scene in map(drawn.scene, range(500)):
        if scene.background != COLOURS["white"] or facts(scene, "background"):
            continue
        for pattern, axis in ORDERS.items():
            if match := re.fullmatch(pattern, scene.caption.lower().rstrip(".")):
                picture = drawn.render(scene)
                named = [
                    next(iter(COLOURS.keys() & set(words.split()))) for words in (match["a"], match["b"])
                ]
                first, second = (centroid(painted(picture, colour))[axis] for colour in named)
                assert first < second, scene.caption
                seen[pattern] += 1
    assert seen.keys() == ORDERS.keys()


def test_counts_are_in_the_pixels(emoji):
    """Guards against things that touch, hide each other or are too few."""
    drawn = composer(emoji, "count", mix=SceneWeights(kinds={"count": 1}, white=1))
    for scene in map(drawn.scene, range(100)):
        ((_, number),) = facts(scene, "count")
        sizes = components(np.abs(drawn.render(scene).astype(int) - scene.background).sum(-1) > 60)
        assert len([size for size in sizes if size > 8]) == int(number)
        assert NUMBERS[int(number)] in scene.caption.lower() or number in scene.caption


def test_small_things_are_where_they_are_said_to_be(emoji):
    """Guards against "a small owl in the top left corner" that is large, or elsewhere."""
    drawn = composer(emoji, "placed")
    seen = Counter()
    for scene in map(drawn.scene, range(300)):
        shown = np.abs(drawn.render(scene).astype(int) - scene.background).sum(-1) > 60
        x, y = (at / 64 for at in centroid(shown))
        for _, place in facts(scene, "place"):
            assert ("left" in place, "right" in place) == (x < 0.4, x > 0.6)
            assert ("top" in place, "bottom" in place) == (y < 0.4, y > 0.6)
            seen[place] += 1
        for _, size in facts(scene, "size"):
            assert (shown.any(0).mean() < 0.45) == (size == "small")
            seen[size] += 1
    assert len(seen) == 11


def test_nothing_is_cut_off_or_hidden(emoji):
    """Guards against things over the border, and pairs that overlap though neither stands on the other."""
    drawn = composer(emoji)
    for scene in map(drawn.scene, range(1000)):
        for thing in scene.things:
            assert min(thing.x, thing.y) - thing.size / 2 > -1e-9
            assert max(thing.x, thing.y) + thing.size / 2 < 1 + 1e-9
        if not any(fact.startswith("on:") for fact in scene.has):
            for one, other in itertools.combinations(scene.things, 2):
                distance = max(abs(one.x - other.x), abs(one.y - other.y))
                assert distance >= (one.size + other.size) / 2 - 1e-9


def test_held_out_combinations_never_appear(emoji):
    """Guards against an evaluation on combinations that were trained on, or the other way round."""
    kinds = ("colour", "count", "pair", "relation", "attribution")
    for held_out in (False, True):
        drawn, seen = composer(emoji, *kinds, held_out=held_out), Counter()
        for scene in map(drawn.scene, range(800)):
            for thing in scene.things:
                if thing.colour:
                    assert held_out_colour(name_of(emoji, thing), thing.colour) == held_out
                    seen["colours"] += 1
            slugs = {name_of(emoji, thing) for thing in scene.things}
            if len(slugs) == 2:
                assert held_out_pair(*slugs) == held_out
                seen["pairs"] += 1
        assert min(seen["colours"], seen["pairs"]) > 100


def test_held_out_choice_never_changes():
    """Guards against another hash: shipped weights were trained on these combinations, not on those."""
    slugs = [f"thing-{index}" for index in range(60)]
    pairs = list(itertools.combinations(slugs, 2))
    assert 0.07 < np.mean([held_out_pair(*pair) for pair in pairs]) < 0.13
    assert all(held_out_pair(a, b) == held_out_pair(b, a) for a, b in pairs)
    colours = list(itertools.product(("cat", "dog", "house", "red-apple", "owl"), COLOURS))
    assert [pair for pair in colours if held_out_colour(*pair)] == [("cat", "purple"), ("house", "red")]


def test_a_keyword_is_true_of_all_that_carry_it(emoji):
    """Guards against counting a cat's face as a wrong answer to "kitten", and a dog as a right one."""
    drawn = composer(emoji, "single")
    scenes = [drawn.scene(index) for index in range(3000)]
    (kitten, *_) = [scene for scene in scenes if "word:kitten" in scene.says]
    for scene in scenes:
        cat = name_of(emoji, scene.things[0]) in ("cat", "cat-face")
        assert ({"word:kitten", "things:1"} <= scene.has) == cat
    assert "kitten" in kitten.caption.lower()
    assert not any(
        "word:cat" in scene.says for scene in scenes
    )  # another concept's label, so it means that one
    assert not any("concept:cat" in scene.says for scene in scenes if "gato" in scene.caption.lower())


def test_single_captions_speak_many_languages(emoji):
    """Guards against a model that reads English only, or that hardly reads it."""
    drawn = composer(emoji, "single", mix=SceneWeights(kinds={"single": 1}, languages={"en": 80, "es": 20}))
    scenes = [drawn.scene(index) for index in range(1500)]
    spanish = [s for s in scenes if re.search(r" es\b|gato|perro", s.caption.lower())]
    assert 0.15 < len(spanish) / len(scenes) < 0.25
    assert not any(re.search("background| in ", scene.caption) for scene in spanish)
    assert any(scene.caption[0] == scene_emoji(emoji, scene) for scene in scenes)


def scene_emoji(emoji: EmojiSet, scene: Scene) -> str:
    return emoji.concepts[emoji.icons[scene.things[0].icon].concept].emoji


def test_named_styles_are_drawn(emoji):
    """Guards against "in noto style" over a twemoji drawing; three single captions in five name the style."""
    drawn = composer(emoji)
    named = []
    for scene in map(drawn.scene, range(1500)):
        styles = {emoji.icons[thing.icon].style for thing in scene.things}
        for (style,) in facts(scene, "style"):
            assert styles == {style}
            assert STYLES[style] in scene.caption.lower()
        if scene.kind == "single":
            named.append(bool(facts(scene, "style")))
    assert 0.55 < np.mean(named) < 0.65


def test_near_identical_concepts_count_as_one(emoji):
    """Guards against a cook, a man cook and a woman cook taking three shares of the training."""
    drawn = composer(emoji, "single", mix=SceneWeights(kinds={"single": 1}, groups={}))
    seen = Counter(name_of(emoji, drawn.scene(index).things[0]) for index in range(3000))
    cooks = seen["cook"] + seen["man-cook"] + seen["woman-cook"]
    assert 0.7 < cooks / seen["dog"] < 1.4


def test_only_things_go_into_sentences(emoji):
    """Guards against "three scissors", "a no entry left of a thumbs up" and "a green red apple"."""
    drawn = composer(emoji)
    for scene in map(drawn.scene, range(1500)):
        slugs = {name_of(emoji, thing) for thing in scene.things}
        if scene.kind != "single":
            assert not slugs & {"no-entry", "thumbs-up"}
        if scene.kind == "count":
            assert "scissors" not in slugs
        if any(thing.colour for thing in scene.things):
            assert not slugs & {"red-apple", "green-apple", "cook", "man-cook", "woman-cook"}


def test_only_the_given_concepts_are_drawn(emoji):
    """Guards against leaking concepts that were to be kept from training, and against an endless search."""
    drawn = composer(emoji, concepts=[0, 5, 6])
    slugs = {name_of(emoji, thing) for index in range(300) for thing in drawn.scene(index).things}
    assert slugs == {"cat", "house", "car"}
    with pytest.raises(ValueError, match=r"two things.*give more concepts"):
        composer(emoji, "pair", concepts=[0]).scene(0)
    with pytest.raises(ValueError, match=r"countable.*give more concepts"):
        composer(emoji, "count", concepts=[9]).scene(0)
    with pytest.raises(ValueError, match=r"unknown kind.*'crowd'.*single"):
        composer(emoji).scene(0, "crowd")


def test_a_kind_can_be_asked_for(emoji):
    """Guards against an evaluation of one category on scenes of another."""
    drawn = composer(emoji)
    for kind in SceneWeights().kinds:
        assert {drawn.scene(index, kind).kind for index in range(20)} == {kind}


def test_no_dark_rims(emoji):
    """Guards against resizing without premultiplied alpha: transparent black must not shine through."""
    white = replace(emoji, pixels=np.stack([disc("white")] * len(emoji.icons)))
    for size in (SIZE, 50):
        assert composer(white, size=size).plain(0).min() >= 253


def test_prompts(emoji):
    """Guards against an evaluation that asks in words training never uses."""
    assert prompt(emoji.concepts[3]) == "an owl"
    assert prompt(emoji.concepts[7], "noto") == "a red apple, noto style"
    assert prompt(emoji.concepts[15]) == "no entry"


def test_corpus_holds_every_word(emoji):
    """Guards against a tokenizer that never saw a language."""
    texts = list(corpus(emoji, scenes=50))
    assert {"gato", "puppy", "green apple"} <= set(texts)
    assert len(texts) == sum(1 + 2 + len(concept.keywords["en"]) for concept in emoji.concepts) + 50


def test_contact_sheet(emoji):
    """Guards against a last row that falls off the sheet, and letters that the font lacks."""
    sheet = contact_sheet(composer(emoji), count=7, columns=3)
    assert sheet.width // 3 >= 64
    last = np.asarray(sheet)[sheet.height * 2 // 3 :, : sheet.width // 3]
    assert len(np.unique(last.reshape(-1, 3), axis=0)) > 2


@pytest.mark.skipif(
    not (Path(__file__).parents[3] / DEFAULT_FOLDER).is_dir(), reason="the emoji set is not built"
)
def test_the_real_set():
    """Guards against drawings and labels that no fake thought of."""
    drawn = Composer(EmojiSet.load(Path(__file__).parents[3] / DEFAULT_FOLDER), size=32)
    scenes = [drawn.scene(index) for index in range(2000)]
    assert [scene.caption for scene in scenes if not scene.says <= scene.has] == []
    assert {name for name in SceneWeights().groups} <= {concept.group for concept in drawn.emoji.concepts}
    assert {scene.kind for scene in scenes} == set(SceneWeights().kinds)
