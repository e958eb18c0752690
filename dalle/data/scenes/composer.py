"""Scenes: captioned pictures without end, composed from icons, each a pure function of (seed, index).

A scene shows one icon on a plain background, large or small and somewhere, painted in a named colour, several
of it, or two things beside, above or on each other. Caption and picture come from one draw, and its facts are
kept: `says` holds those that the caption states, `has` all that are true of the picture, and `says <= has`.

    things:2                   the number of things; a caption names them all
    concept:cat                one of them is a cat
    word:kitten                one of them goes by this word: a label or keyword, in any language
    count:cat:3                there are exactly three cats
    colour:cat:green           every cat is green
    size:owl:small             every owl is small; or large
    place:owl:top left         the only thing is there: a corner, a side or the middle
    left-of:cat:house          or above, on, beside; right and below are told the other way round
    style:noto                 everything is in this style
    background:yellow
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes import captions, layout
from dalle.data.scenes.captions import ConceptNames, WeightedSampler, pick
from dalle.data.scenes.colours import COLOURS, dominant_colour, from_lab, nearest_colour, recolour, to_lab
from dalle.data.scenes.facts import OPAQUE, _shared, _size
from dalle.data.scenes.layout import WHOLE, Placement
from dalle.data.scenes.scene import (
    DEFAULT_WEIGHTS,
    Scene,
    SceneObject,
    SceneWeights,
    held_out_colour,
    held_out_pair,
)

ALONE = frozenset({"flags", "symbols"})  # groups shown in single scenes only

UNPAINTED = ALONE | {"people & body"}

TURNABLE = "animals & nature"  # the group whose drawings hold no letters, no left and no right

TRIES = 1000

WHITE = COLOURS["white"]

T = TypeVar("T")


class Composer:
    """Draws scenes from an emoji set.

    concepts: those to draw, all by default; size: side of the pictures in pixels; held_out: show only colours
    and pairs that are kept from training, where otherwise none of them is shown.
    """

    def __init__(
        self,
        emoji: EmojiSet,
        seed: int = 0,
        concepts: Collection[int] | None = None,
        size: int = 128,
        mix: SceneWeights = DEFAULT_WEIGHTS,
        held_out: bool = False,
    ):
        self.emoji, self.seed, self.size, self.mix, self.held_out = emoji, seed, size, mix, held_out
        self._names = ConceptNames(emoji.concepts, mix.languages)
        self._nouns = self._names.nouns
        self._icons: dict[int, dict[str, int]] = defaultdict(dict)  # concept -> style -> icon
        for index, icon in enumerate(emoji.icons):
            if mix.styles.get(icon.style, 1) > 0:
                self._icons[icon.concept][icon.style] = index
        self._natural: dict[int, str] = {}  # icon -> the colour that it was drawn in
        self._urns = self._fill_urns(range(len(emoji.concepts)) if concepts is None else concepts)
        self._kinds: dict[str, Callable[[np.random.Generator], Scene]] = {
            "single": self._single,
            "placed": self._placed,
            "colour": self._coloured,
            "count": self._counted,
            "pair": self._pair,
            "relation": self._relation,
            "attribution": self._attribution,
        }

    def scene(self, index: int, kind: str | None = None) -> Scene:
        """Scene number `index`, always the same; of the given kind, or else of one drawn from the mix."""
        rng = np.random.Generator(np.random.PCG64([self.seed, index]))
        kind = pick(rng, self.mix.kinds) if kind is None else kind
        if kind not in self._kinds:
            raise ValueError(f"unknown kind of scene {kind!r}; choose one of {', '.join(self._kinds)}")
        return self._kinds[kind](rng)

    def render(self, scene: Scene) -> np.ndarray:
        """The picture of a scene: (size, size, 3) uint8."""
        canvas = np.empty((self.size, self.size, 3), np.uint8)
        canvas[:] = scene.background
        for thing in scene.things:
            side = round(thing.size * self.size)
            left, top = (
                min(max(round(at * self.size - side / 2), 0), self.size - side) for at in (thing.x, thing.y)
            )
            icon = self._drawn(thing, side)
            alpha = icon[..., 3:].astype(np.uint16)
            under = canvas[top : top + side, left : left + side]
            under[:] = (icon[..., :3] * alpha + under * (255 - alpha) + 127) // 255
        return canvas

    def plain(self, icon: int) -> np.ndarray:
        """One icon alone on white, filling the picture: (size, size, 3) uint8."""
        things = (SceneObject(icon, *WHOLE),)
        return self.render(Scene("", things, WHITE, "single", frozenset(), frozenset()))

    def _drawn(self, thing: SceneObject, side: int) -> np.ndarray:
        """A thing's icon in its size and colour: (side, side, 4) uint8."""
        pixels = self.emoji.pixels[thing.icon]
        if side != len(pixels):  # Pillow multiplies by alpha before it resizes, so that no dark rim appears
            pixels = np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))
        if thing.flip:
            pixels = pixels[:, ::-1]
        return pixels if thing.colour is None else recolour(pixels, thing.colour)

    # What to draw

    def _fill_urns(self, concepts: Collection[int]) -> dict[str, WeightedSampler[int]]:
        drawn = sorted(index for index in concepts if index in self._icons)
        alike = Counter(map(self._base, drawn))
        fits: dict[str, Callable[[int], bool]] = {
            "drawable": lambda index: True,
            "a thing": self._is_thing,
            "countable": lambda index: self._is_thing(index) and self._nouns[index].many is not None,
            "paintable": self._is_paintable,
        }
        weights = {
            index: self.mix.groups.get(self._group(index), 1) / alike[self._base(index)] for index in drawn
        }
        return {
            what: WeightedSampler({index: weights[index] for index in drawn if test(index)})
            for what, test in fits.items()
        }

    def _slug(self, concept: int) -> str:
        return self.emoji.concepts[concept].slug

    def _group(self, concept: int) -> str:
        return self.emoji.concepts[concept].group

    def _base(self, concept: int) -> str:
        """The same for near-identical drawings: a role's man and woman, a clock's 24 faces."""
        known = self.emoji.concepts[concept]
        clock_face = known.subgroup == "time" and not self._nouns[concept].thing  # "three-thirty"
        return "clock face" if clock_face else known.base

    def _is_thing(self, concept: int) -> bool:
        return self._nouns[concept].thing and self._group(concept) not in ALONE

    def _is_paintable(self, concept: int) -> bool:
        named = COLOURS.keys() & set(self._nouns[concept].bare.split())  # no "green red apple"
        return self._is_thing(concept) and self._group(concept) not in UNPAINTED and not named

    def _concept(self, rng: np.random.Generator, what: str) -> int:
        if not self._urns[what].options:
            raise ValueError(
                f"no given concept is {what}; give more concepts, or leave such scenes out of the mix"
            )
        return self._urns[what].draw(rng)

    def _icon(self, rng: np.random.Generator, concept: int, style: str | None = None) -> int:
        """An icon of a concept: in the given style, or in any."""
        icons = self._icons[concept]
        return icons[style or pick(rng, {style: self.mix.styles.get(style, 1) for style in icons})]

    def _icons_alike(self, rng: np.random.Generator, first: int, second: int) -> list[int]:
        """An icon of each of two concepts, usually in one style."""
        shared = [style for style in self._icons[first] if style in self._icons[second]]
        style = pick(rng, shared) if shared and rng.random() < 0.9 else None
        return [self._icon(rng, first, style), self._icon(rng, second, style)]

    def _two(self, rng: np.random.Generator, what: str) -> tuple[int, int] | None:
        """Two concepts; None if these may not stand together here."""
        first, second = self._concept(rng, what), self._concept(rng, what)
        allowed = held_out_pair(self._slug(first), self._slug(second)) == self.held_out
        return (first, second) if first != second and allowed else None

    def _paint(self, rng: np.random.Generator, icon: int, unlike: str | None = None) -> str | None:
        """A colour that this icon may have here, and that a person would name; None if there is none."""
        slug = self._slug(self.emoji.icons[icon].concept)
        for colour in rng.permutation(list(COLOURS)).tolist():
            allowed = colour != unlike and held_out_colour(slug, colour) == self.held_out
            if allowed and dominant_colour(_opaque(recolour(self._thumbnail(icon), colour))) == colour:
                return colour
        return None

    def _until(self, draw: Callable[[], T | None], what: str) -> T:
        for _ in range(TRIES):
            if (drawn := draw()) is not None:
                return drawn
        raise ValueError(
            f"no {what} found in {TRIES} draws; give more concepts, or leave such scenes out of the mix"
        )

    def _thumbnail(self, icon: int) -> np.ndarray:
        step = max(1, self.emoji.size // 32)
        return self.emoji.pixels[icon, ::step, ::step]

    def _colour(self, thing: SceneObject) -> str:
        """What a thing was painted in, or else would be called."""
        if thing.colour is None and thing.icon not in self._natural:
            self._natural[thing.icon] = dominant_colour(_opaque(self._thumbnail(thing.icon)))
        return thing.colour or self._natural[thing.icon]

    def _thing(
        self, rng: np.random.Generator, icon: int, spot: Placement, colour: str | None = None
    ) -> SceneObject:
        turned = rng.random() < 0.15 and self._group(self.emoji.icons[icon].concept) == TURNABLE
        return SceneObject(icon, *map(float, spot), colour, flip=bool(turned))

    # The kinds of scene

    def _single(self, rng: np.random.Generator) -> Scene:
        """One thing, filling the picture, in any language; mostly as it stands in its set, on white."""
        concept = self._concept(rng, "drawable")
        icon = self._icon(rng, concept)
        text, fact, english = self._names.draw(rng, concept)
        if rng.random() < self.mix.plain:
            return self._finish(
                rng, "single", text, [SceneObject(icon, *WHOLE)], {fact}, english, ("white", WHITE)
            )
        return self._finish(rng, "single", text, [self._thing(rng, icon, WHOLE)], {fact}, english)

    def _placed(self, rng: np.random.Generator) -> Scene:
        """One thing, small at some place or large, its size and its place each said or unsaid."""
        concept = self._concept(rng, "a thing")
        size = pick(rng, {"small": 0.85, "large": 0.15})
        place = pick(rng, list(captions.PLACED))
        spot = WHOLE if size == "large" else layout.placed(place)
        thing = self._thing(rng, self._icon(rng, concept), spot)
        slug, text = self._slug(concept), self._nouns[concept].one()
        says = {f"concept:{slug}"}
        if rng.random() < 0.7:
            text = self._nouns[concept].one(pick(rng, captions.SIZED[size]))
            says.add(f"size:{slug}:{size}")
        if size != "large" and rng.random() < 0.85:
            text = f"{text} {pick(rng, captions.PLACED[place])}"
            says.add(f"place:{slug}:{place}")
        return self._finish(rng, "placed", text, [thing], says)

    def _coloured(self, rng: np.random.Generator) -> Scene:
        """One thing painted in a colour that the caption names."""

        def draw() -> tuple[int, int, str] | None:
            concept = self._concept(rng, "paintable")
            icon = self._icon(rng, concept)
            colour = self._paint(rng, icon)
            return None if colour is None else (concept, icon, colour)

        concept, icon, colour = self._until(draw, "thing to paint")
        thing = self._thing(rng, icon, WHOLE, colour)
        slug, noun = self._slug(concept), self._nouns[concept]
        text = pick(rng, captions.LABELLED).format(bare=f"{colour} {noun.bare}", one=noun.one(colour))
        return self._finish(rng, "colour", text, [thing], {f"concept:{slug}", f"colour:{slug}:{colour}"})

    def _counted(self, rng: np.random.Generator) -> Scene:
        """Two to five of the same, sometimes painted."""
        concept, count = self._concept(rng, "countable"), int(rng.integers(2, 6))
        slug, icon, colour = self._slug(concept), self._icon(rng, concept), None
        icons = [icon] * count if rng.random() < 0.85 else [self._icon(rng, concept) for _ in range(count)]
        if rng.random() < 0.2 and self._is_paintable(concept):
            icons, colour = [icon] * count, self._paint(rng, icon)
        things = [
            self._thing(rng, *each, colour) for each in zip(icons, layout.in_rows(rng, count), strict=True)
        ]
        says = {f"concept:{slug}", f"count:{slug}:{count}"} | (
            {f"colour:{slug}:{colour}"} if colour else set()
        )
        text = self._nouns[concept].several(count, colour or "", in_digits=rng.random() < 0.15)
        return self._finish(rng, "count", pick(rng, captions.COUNTED).format(text), things, says)

    def _pair(self, rng: np.random.Generator) -> Scene:
        """Two things; the caption does not say how they stand."""
        return self._together(rng, "pair", "", painted=False)

    def _relation(self, rng: np.random.Generator) -> Scene:
        """Two things, and how they stand."""
        return self._together(
            rng, "relation", pick(rng, {"left-of": 4, "above": 3, "on": 2, "beside": 1}), False
        )

    def _attribution(self, rng: np.random.Generator) -> Scene:
        """Two things, each painted in a colour of its own."""
        return self._together(rng, "attribution", pick(rng, {"": 4, "left-of": 2, "above": 2, "on": 1}), True)

    def _together(self, rng: np.random.Generator, kind: str, relation: str, painted: bool) -> Scene:
        """Two things that stand in a relation; "": in one that the caption does not tell."""

        def draw() -> list[SceneObject] | None:
            concepts = self._two(rng, "paintable" if painted else "a thing")
            if concepts is None:
                return None
            icons, colours = self._icons_alike(rng, *concepts), [None, None]
            if painted:
                first = self._paint(rng, icons[0])
                colours = [first, self._paint(rng, icons[1], unlike=first)]
            spots = self._spots(rng, relation or pick(rng, ("left-of", "above")), icons)
            things = [self._thing(rng, *each) for each in zip(icons, spots, colours, strict=True)]
            told = not relation or relation in self._relations(*things)
            return things if told and (None not in colours or not painted) else None

        things = self._until(draw, f"two things for a scene of kind {kind!r}")
        concepts = [self.emoji.icons[thing.icon].concept for thing in things]
        slugs = [self._slug(concept) for concept in concepts]
        one, other = (
            self._nouns[c].one(thing.colour or "") for c, thing in zip(concepts, things, strict=True)
        )
        text = pick(rng, captions.RELATED[relation] if relation else captions.JOINED).format(a=one, b=other)
        says = {f"concept:{slug}" for slug in slugs}
        says |= {
            f"colour:{slug}:{thing.colour}" for slug, thing in zip(slugs, things, strict=True) if painted
        }
        says |= {f"{relation}:{slugs[0]}:{slugs[1]}"} if relation else set()
        return self._finish(rng, kind, text, things[::-1], says)  # what stands on the other is drawn over it

    def _spots(
        self, rng: np.random.Generator, relation: str, icons: Sequence[int]
    ) -> tuple[Placement, Placement]:
        if relation == "above":
            return layout.stacked()
        if relation == "on":
            return layout.stacked_on(*(self.emoji.pixels[icon, ..., 3] > OPAQUE for icon in icons))
        left, right = layout.side_by_side()
        return (left, right) if relation == "left-of" or rng.random() < 0.5 else (right, left)

    def _finish(
        self,
        rng: np.random.Generator,
        kind: str,
        text: str,
        things: Sequence[SceneObject],
        says: set[str],
        english: bool = True,
        behind: tuple[str, tuple[int, int, int]] | None = None,
    ) -> Scene:
        """The scene on a background, named in the caption unless white, and with its style named or not."""
        background, rgb = behind or self._background(rng, things, english)
        says = says | {f"things:{len(things)}"}
        if english and rng.random() < (0.05 if background == "white" else 0.9):
            text = captions.with_background(rng, text, background)
            says.add(f"background:{background}")
        styles = {self.emoji.icons[thing.icon].style for thing in things}
        if len(styles) == 1 and rng.random() < self.mix.style_said * (1 if kind == "single" else 0.5):
            (style,) = styles
            text = captions.with_style(rng, text, style, english)
            says.add(f"style:{style}")
        return Scene(
            captions.as_typed(rng, text),
            tuple(things),
            rgb,
            kind,
            frozenset(says),
            self._truths(things, background),
        )

    def _background(
        self, rng: np.random.Generator, things: Sequence[SceneObject], said: bool
    ) -> tuple[str, tuple[int, int, int]]:
        """A colour on which the things show, its name and its value; mostly white if it cannot be said."""
        coloured = (1 - self.mix.white) * (1 if said else 0.1)
        if rng.random() >= coloured and "white" not in {thing.colour for thing in things}:
            return "white", WHITE
        shown = {self._colour(thing) for thing in things} | {"white"}
        name = pick(rng, [colour for colour in COLOURS if colour not in shown])
        varied = to_lab(np.array(COLOURS[name], np.uint8)) + rng.normal(0, 0.012, 3)
        rgb = tuple(from_lab(varied).tolist())
        return name, rgb if nearest_colour(rgb) == name else COLOURS[name]

    # What is true of it

    def _truths(self, things: Sequence[SceneObject], background: str) -> frozenset[str]:
        """Every fact of a picture, from what and where its things are."""
        facts = {f"things:{len(things)}", f"background:{background}"}
        facts |= _shared("style:", (self.emoji.icons[thing.icon].style for thing in things))
        alike: dict[int, list[SceneObject]] = defaultdict(list)
        for thing in things:
            alike[self.emoji.icons[thing.icon].concept].append(thing)
        for concept, members in alike.items():
            slug = self._slug(concept)
            facts |= self._names.facts[concept] | {f"concept:{slug}", f"count:{slug}:{len(members)}"}
            facts |= _shared(f"colour:{slug}:", map(self._colour, members))
            facts |= _shared(f"size:{slug}:", map(_size, members))
        if len(things) == 1:
            facts |= {f"place:{slug}:{place}" for place in layout.places_of(things[0].x, things[0].y)}
        if len(alike) == 2:
            for thing, other in itertools.permutations(things, 2):
                slugs = [self._slug(self.emoji.icons[each.icon].concept) for each in (thing, other)]
                facts |= {":".join((relation, *slugs)) for relation in self._relations(thing, other)}
        return frozenset(facts)

    def _relations(self, thing: SceneObject, other: SceneObject) -> set[str]:
        """How the first thing stands to the second."""
        right, down = other.x - thing.x, other.y - thing.y
        (left, top, end, feet), (other_left, other_top, other_end, other_feet) = (
            self._box(thing),
            self._box(other),
        )
        over = left < other_end and other_left < end
        held = {
            "left-of": right > abs(down),
            "above": down > abs(right),
            "beside": abs(right) > abs(down),
            "on": over and top < other_top <= feet + 0.01 and feet < other_feet,
        }
        return {relation for relation, holds in held.items() if holds}

    def _box(self, thing: SceneObject) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what is seen of a thing, as fractions of the picture."""
        opaque = self.emoji.pixels[thing.icon, ..., 3] > OPAQUE
        columns, rows = np.flatnonzero(opaque.any(0)), np.flatnonzero(opaque.any(1))
        left, top, right, bottom = (
            np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / len(opaque) - 0.5
        )
        if thing.flip:
            left, right = -right, -left
        return (
            thing.x + left * thing.size,
            thing.y + top * thing.size,
            thing.x + right * thing.size,
            thing.y + bottom * thing.size,
        )


def _opaque(pixels: np.ndarray) -> np.ndarray:
    return pixels[pixels[..., 3] > OPAQUE][:, :3]


def corpus(emoji: EmojiSet, scenes: int = 4000) -> Iterator[str]:
    """What a tokenizer learns from: all labels and keywords in every language, and captions of scenes."""
    for concept in emoji.concepts:
        yield concept.emoji
        yield from concept.labels.values()
        yield from itertools.chain.from_iterable(concept.keywords.values())
    composer = Composer(emoji)
    yield from (composer.scene(index).caption for index in range(scenes))


def contact_sheet(composer: Composer, count: int = 100, columns: int = 10) -> Image.Image:
    """The first scenes with their captions; for letters that the font lacks, the label in brackets."""
    scenes = [composer.scene(index) for index in range(count)]
    pictures = [Image.fromarray(composer.render(scene)) for scene in scenes]
    icons, concepts = composer.emoji.icons, composer.emoji.concepts
    labels = [concepts[icons[scene.things[0].icon].concept].labels["en"] for scene in scenes]
    captions = [
        s.caption if s.caption.isascii() else f"({label})" for s, label in zip(scenes, labels, strict=True)
    ]
    return images.grid(pictures, columns, captions)
