"""Scenes without end, planned at random with captions: plan i is a pure function of (seed, i).

    (seed, i) --kinds--> Foreground --Planner--> ScenePlan --renderer--> pictures

Caption and picture come from one draw, so that a caption states only what is true of its picture.
"""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from dalle.data.scenes.facts import Fact, HasStyle
from dalle.data.sprite_scenes import layouts, wording
from dalle.data.sprite_scenes.annotate import Annotator, without_words
from dalle.data.sprite_scenes.cast import Cast
from dalle.data.sprite_scenes.concepts import ConceptSampler, Role
from dalle.data.sprite_scenes.fancies import FancyKinds
from dalle.data.sprite_scenes.grounds import DrawnGround, GroundSampler
from dalle.data.sprite_scenes.interactions import WEIGHTS, Interactions
from dalle.data.sprite_scenes.names import LANGUAGES, SpriteNames
from dalle.data.sprite_scenes.objects import Kind, ObjectKinds
from dalle.data.sprite_scenes.packed import MAX_FACTS
from dalle.data.sprite_scenes.pairs import PairKinds
from dalle.data.sprite_scenes.places import GROUND_LINE
from dalle.data.sprite_scenes.plan import Foreground, Layer, ScenePlan
from dalle.data.sprite_scenes.properties import SpriteProperties
from dalle.data.sprite_scenes.sampling import Weighted, retry, scene_random

OUTLINE_KINDS = frozenset({"single", "placed", "ground"})  # whose plans tell how outlined the drawing is
KINDS_OF_THREE = frozenset({"between"})  # three concepts are nearly never held out two by two
NO_PLACE_KINDS = frozenset({"single", "placed", "count"})
OWN_GROUND_LOOKS = frozenset({"neon", "blueprint"})


@dataclass(frozen=True)
class PlanWeights:
    """Relative weights of the kinds of scenes, and shares between 0 and 1."""

    kinds: Mapping[str, float] = field(  # a kind not named here: 0; interactions share one weight
        default_factory=lambda: {
            **{"single": 0.34, "placed": 0.05, "colour": 0.1, "count": 0.12, "pair": 0.05},
            **{"relation": 0.09, "attribution": 0.09, "ground": 0.08, "interaction": 0.1},
            **{"material": 0.03, "look": 0.03, "mashup": 0.02},
        }
    )
    plain_share: float = 0.6  # single scenes on white without a word about it
    white_share: float = 0.6  # white grounds in all other scenes
    place_share: float = 0.1  # scenes at a place, of kinds outside of NO_PLACE_KINDS
    place_alone_share: float = 0.1  # scenes of kind "ground" without a thing
    two_at_place_share: float = 0.3  # scenes of kind "ground" with two things
    style_share: float = 0.6  # single scenes whose caption names the style
    other_style_share: float = 0.3  # the same of other scenes, where all layers share a style


DEFAULT_WEIGHTS = PlanWeights()


class Planner:
    """Plans scenes of the sprites that `properties` describes.

    `held_out`: only colours and pairs of concepts that are held out of training; by default only the others.
    `concepts`: indices of those to draw, all by default. `languages`: weights of those of single captions.
    """

    def __init__(
        self,
        properties: SpriteProperties,
        seed: int = 0,
        weights: PlanWeights = DEFAULT_WEIGHTS,
        held_out: bool = False,
        languages: Mapping[str, float] = LANGUAGES,
        concepts: Collection[int] | None = None,
    ):
        self._properties, self._seed, self._weights = properties, seed, weights
        names = SpriteNames(properties.sprites.concepts, languages)
        self._sampler = ConceptSampler(properties, names, concepts)
        self._annotator = Annotator(properties, names)
        self._cast = Cast(properties, names, self._sampler, held_out)
        self._grounds = GroundSampler()
        objects, self._pairs = ObjectKinds(self._cast), PairKinds(self._cast, self._annotator)
        interactions: Mapping[str, Kind] = {
            kind: draw
            for kind, draw in Interactions(self._cast).kinds.items()
            if not (held_out and kind in KINDS_OF_THREE)
        }
        self._kinds = {
            **objects.kinds,
            **self._pairs.kinds,
            **FancyKinds(self._cast, objects, self._pairs).kinds,
            **interactions,
        }
        self._weighted = Weighted(_spread(weights.kinds, {kind: WEIGHTS[kind] for kind in interactions}))
        self.kinds = (*self._kinds, "ground")

    def plan(self, index: int, kind: str | None = None) -> ScenePlan:
        """Scene number `index`, of the given kind or of one drawn by the weights.

        Raises ValueError for an unknown kind, or if no concept fits the scene.
        """
        rng = scene_random(self._seed, index)
        kind = self._weighted.draw(rng) if kind is None else kind
        if kind == "ground":
            return self._at_place(rng)
        if kind not in self._kinds:
            raise ValueError(f"unknown kind of scene {kind!r}; choose one of {', '.join(self.kinds)}")
        foreground = self._kinds[kind](rng)
        drawn = self._draw_ground(rng, kind, foreground)
        if drawn.ground.place and len(foreground.layers) == 1:
            foreground = replace(
                foreground, layers=self._standing(rng, foreground.layers, drawn.ground.place)
            )
        return self._finish(rng, kind, foreground, drawn)

    # --- grounds

    def _draw_ground(self, rng: random.Random, kind: str, foreground: Foreground) -> DrawnGround:
        """A ground on which all layers show; mostly white if it cannot be named."""
        text, english = foreground.text, foreground.english
        if foreground.look in OWN_GROUND_LOOKS:
            return self._grounds.white(rng, text, False)
        painted_white = any(layer.colour == "white" for layer in foreground.layers)
        if kind == "single" and not painted_white and rng.random() < self._weights.plain_share:
            return self._grounds.white(rng, text, False)
        if kind not in NO_PLACE_KINDS and rng.random() < self._weights.place_share:
            is_dark = foreground.look == "silhouette" or self._shows_black(foreground.layers)
            return self._grounds.place(rng, text, english, by_day=is_dark)
        coloured_share = (1 - self._weights.white_share) * (1 if english else 0.1)
        if rng.random() >= coloured_share and not painted_white:
            return self._grounds.white(rng, text, english)
        hidden = {self._annotator.colour(layer) for layer in foreground.layers}
        hidden |= {"black"} if "brown" in hidden else set()  # dark brown is lost on black
        return self._grounds.coloured(rng, text, english, hidden)

    def _at_place(self, rng: random.Random) -> ScenePlan:
        """A thing or two standing at a place, or floating there; at times the place alone."""
        if rng.random() < self._weights.place_alone_share:
            drawn = self._grounds.place_alone(rng)
            return self._finish(rng, "ground", Foreground(drawn.text, (), frozenset(), frozenset()), drawn)
        if rng.random() < self._weights.two_at_place_share:
            subjects = retry(lambda: self._pairs.draw_subjects(rng, Role.OBJECT), "two things for a place")
        else:
            subjects = (self._cast.subject(rng, Role.OBJECT),)
        text = " and ".join(self._cast.text(subject) for subject in subjects)
        layers = tuple(self._cast.layer(rng, subject, *layouts.CENTRED) for subject in subjects)
        drawn = self._grounds.place(rng, text, english=True, by_day=self._shows_black(layers))
        layers = self._standing(rng, layers, drawn.ground.place or "")
        stated = frozenset(self._cast.stated(*subjects))
        foreground = Foreground(text, layers, stated, frozenset())
        return self._finish(rng, "ground", foreground, drawn)

    def _shows_black(self, layers: tuple[Layer, ...]) -> bool:
        """Whether a layer would be lost in the dark."""
        return any(
            layer.material is None and layer.fill is None and self._annotator.colour(layer) == "black"
            for layer in layers
        )

    def _standing(self, rng: random.Random, layers: tuple[Layer, ...], place: str) -> tuple[Layer, ...]:
        """One layer or two, moved to where things stand at a place."""
        boxes = [self._properties.box(layer.sprite) for layer in layers]
        placements = layouts.standing(rng, boxes, GROUND_LINE[place])
        return tuple(
            replace(layer, x=x, y=y, size=size)
            for layer, (x, y, size) in zip(layers, placements, strict=True)
        )

    # --- the whole

    def _finish(self, rng: random.Random, kind: str, foreground: Foreground, drawn: DrawnGround) -> ScenePlan:
        """The plan of a foreground on a ground: with facts, and a style that the caption may name."""
        text, stated, layers = drawn.text, set(foreground.stated), foreground.layers
        facts = {*foreground.facts, *self._annotator.facts(layers, foreground.look)}
        if foreground.look not in OWN_GROUND_LOOKS:
            facts.add(drawn.fact)
        if drawn.stated:
            stated.add(drawn.fact)
        style = self._stated_style(rng, kind, facts)
        if style:
            text = wording.with_style(rng, text, style, foreground.english)
            stated.add(HasStyle(style))
        outline = None
        if kind in OUTLINE_KINDS and len(layers) == 1 and not style:
            outline = self._sampler.outline_rank(rng, layers[0].sprite)
        return ScenePlan(
            caption=wording.as_typed(rng, text),
            kind=kind,
            layers=layers,
            ground=drawn.ground,
            stated=frozenset(stated),
            facts=without_words(facts, stated, MAX_FACTS),
            look=foreground.look,
            tinted=not drawn.stated and foreground.look not in OWN_GROUND_LOOKS,
            outline=outline,
        )

    def _stated_style(self, rng: random.Random, kind: str, facts: set[Fact]) -> str | None:
        """The style that the caption names, where all layers share one."""
        share = self._weights.style_share if kind == "single" else self._weights.other_style_share
        if rng.random() >= share:
            return None
        return next((fact.style for fact in facts if isinstance(fact, HasStyle)), None)


def _spread(weights: Mapping[str, float], interactions: Mapping[str, float]) -> dict[str, float]:
    """Weights of kinds, with that of "interaction" shared by all kinds of interactions, by their weights."""
    kinds = {kind: weight for kind, weight in weights.items() if kind != "interaction"}
    unit = weights.get("interaction", 0.0) / (sum(interactions.values()) or 1)
    return kinds | {kind: unit * weight for kind, weight in interactions.items() if kind not in kinds}
