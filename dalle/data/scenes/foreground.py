"""Foregrounds of scenes: objects, the words for them, and the facts that the words state; by kind of scene.

| kind | picture | caption |
|---|---|---|
| single | one object, filling the picture | a name in any language |
| placed | one object, small at some place, or large | its size and place, each stated or not |
| colour | one recoloured object | the colour |
| count | two to five of one concept | their number |
| pair | two objects | both names |
| relation | two objects | both names, and how the objects stand |
| attribution | two recoloured objects | both colours, and at times how the objects stand |

`Composer` adds the background and names the style.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from dalle.data.scenes import captions, layout
from dalle.data.scenes.annotation import SceneAnnotator
from dalle.data.scenes.captions import ConceptNames, pick
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.concept_sampler import ConceptSampler, Role
from dalle.data.scenes.facts import Count, Fact, HasColour, HasConcept, HasPlace, HasSize, Relation
from dalle.data.scenes.icons import IconProperties
from dalle.data.scenes.layout import WHOLE_PICTURE, Placement
from dalle.data.scenes.scene import SceneObject, held_out_colour, held_out_pair

FLIPPABLE_GROUP = "animals & nature"  # its icons hold no letters, and no sides that a caption could name
FLIP_SHARE = 0.15
MAX_DRAWS = 1000  # of objects that must fulfil a condition
RELATION_WEIGHTS = {"left-of": 4, "above": 3, "on": 2, "beside": 1}
ATTRIBUTION_WEIGHTS = {None: 4, "left-of": 2, "above": 2, "on": 1}  # None: the caption states no relation

T = TypeVar("T")


@dataclass(frozen=True)
class Foreground:
    """The objects of a scene, and the part of its caption that speaks of them."""

    text: str
    objects: tuple[SceneObject, ...]  # in the order in which they are drawn over each other
    facts: frozenset[Fact]  # stated by the text
    english: bool = True  # whether English may be added to the text
    on_white: bool = False  # whether the background must be white


class ForegroundSampler:
    """Draws foregrounds at random.

    `held_out`: use only colours and pairs that are held out of training, instead of only the others.
    `plain_share`: of single scenes whose object is neither flipped nor on a coloured background.
    """

    def __init__(
        self,
        icons: IconProperties,
        names: ConceptNames,
        sampler: ConceptSampler,
        annotator: SceneAnnotator,
        held_out: bool,
        plain_share: float,
    ):
        self._icons, self._names, self._sampler, self._annotator = icons, names, sampler, annotator
        self._held_out, self._plain_share = held_out, plain_share
        self.kinds: Mapping[str, Callable[[np.random.Generator], Foreground]] = {
            "single": self._single,
            "placed": self._placed,
            "colour": self._colour,
            "count": self._count,
            "pair": self._pair,
            "relation": self._relation,
            "attribution": self._attribution,
        }

    # --- one concept

    def _single(self, rng: np.random.Generator) -> Foreground:
        concept = self._sampler.draw(rng, Role.DRAWABLE)
        icon = self._sampler.draw_icon(rng, concept)
        name = self._names.draw_caption(rng, concept)
        on_white = rng.random() < self._plain_share
        item = SceneObject(icon, *WHOLE_PICTURE) if on_white else self._object(rng, icon, WHOLE_PICTURE)
        return Foreground(name.text, (item,), frozenset({name.fact}), name.english, on_white)

    def _placed(self, rng: np.random.Generator) -> Foreground:
        concept = self._sampler.draw(rng, Role.OBJECT)
        size = pick(rng, {"small": 0.85, "large": 0.15})
        place = pick(rng, list(captions.PLACE_PHRASES))
        placement = WHOLE_PICTURE if size == "large" else layout.placement_at(place)
        item = self._object(rng, self._sampler.draw_icon(rng, concept), placement)
        slug, noun = self._slug(concept), self._names.nouns[concept]
        text = noun.singular()
        facts: set[Fact] = {HasConcept(slug)}
        if rng.random() < 0.7:
            text = noun.singular(pick(rng, captions.SIZE_WORDS[size]))
            facts.add(HasSize(slug, size))
        if size != "large" and rng.random() < 0.85:
            text = f"{text} {pick(rng, captions.PLACE_PHRASES[place])}"
            facts.add(HasPlace(slug, place))
        return Foreground(text, (item,), frozenset(facts))

    def _colour(self, rng: np.random.Generator) -> Foreground:
        def draw() -> tuple[int, int, str] | None:
            concept = self._sampler.draw(rng, Role.RECOLOURABLE)
            icon = self._sampler.draw_icon(rng, concept)
            colour = self._draw_colour(rng, icon)
            return None if colour is None else (concept, icon, colour)

        concept, icon, colour = _retry(draw, "thing to paint")
        item = self._object(rng, icon, WHOLE_PICTURE, colour)
        slug, noun = self._slug(concept), self._names.nouns[concept]
        template = pick(rng, captions.LABEL_TEMPLATES)
        text = template.format(bare=f"{colour} {noun.bare}", one=noun.singular(colour))
        return Foreground(text, (item,), frozenset({HasConcept(slug), HasColour(slug, colour)}))

    def _count(self, rng: np.random.Generator) -> Foreground:
        """Objects of one icon, at times of several icons, at times all recoloured."""
        concept, count = self._sampler.draw(rng, Role.COUNTABLE), int(rng.integers(2, 6))
        icon, colour = self._sampler.draw_icon(rng, concept), None
        icons = [icon] * count
        if rng.random() >= 0.85:
            icons = [self._sampler.draw_icon(rng, concept) for _ in range(count)]
        if rng.random() < 0.2 and self._sampler.fits(concept, Role.RECOLOURABLE):
            icons, colour = [icon] * count, self._draw_colour(rng, icon)
        placements = layout.in_rows(rng, count)
        objects = tuple(
            self._object(rng, icon, placement, colour)
            for icon, placement in zip(icons, placements, strict=True)
        )
        slug = self._slug(concept)
        facts: set[Fact] = {HasConcept(slug), Count(slug, count)}
        if colour:
            facts.add(HasColour(slug, colour))
        words = self._names.nouns[concept].plural(count, colour or "", in_digits=rng.random() < 0.15)
        return Foreground(pick(rng, captions.COUNT_TEMPLATES).format(words), objects, frozenset(facts))

    # --- two concepts

    def _pair(self, rng: np.random.Generator) -> Foreground:
        return self._two_objects(rng, "pair", None, Role.OBJECT)

    def _relation(self, rng: np.random.Generator) -> Foreground:
        return self._two_objects(rng, "relation", pick(rng, RELATION_WEIGHTS), Role.OBJECT)

    def _attribution(self, rng: np.random.Generator) -> Foreground:
        return self._two_objects(rng, "attribution", pick(rng, ATTRIBUTION_WEIGHTS), Role.RECOLOURABLE)

    def _two_objects(
        self, rng: np.random.Generator, kind: str, relation: str | None, role: Role
    ) -> Foreground:
        """Two objects in the relation that the text states; recoloured if their role is RECOLOURABLE."""
        first, second = _retry(
            lambda: self._draw_two_objects(rng, relation, role), f"two things for a scene of kind {kind!r}"
        )
        concepts = [self._icons.concept_index(item.icon) for item in (first, second)]
        slugs = [self._slug(concept) for concept in concepts]
        colours = [first.colour, second.colour]
        names = [
            self._names.nouns[concept].singular(colour or "")
            for concept, colour in zip(concepts, colours, strict=True)
        ]
        templates = captions.RELATION_TEMPLATES[relation] if relation else captions.PAIR_TEMPLATES
        text = pick(rng, templates).format(a=names[0], b=names[1])
        facts: set[Fact] = {HasConcept(slug) for slug in slugs}
        facts |= {HasColour(slug, colour) for slug, colour in zip(slugs, colours, strict=True) if colour}
        if relation:
            facts.add(Relation(slugs[0], relation, slugs[1]))
        return Foreground(
            text, (second, first), frozenset(facts)
        )  # what stands on the other is drawn over it

    def _draw_two_objects(
        self, rng: np.random.Generator, relation: str | None, role: Role
    ) -> tuple[SceneObject, SceneObject] | None:
        """Two objects; None if they must not stand together, take no colour, or are not in the relation."""
        concepts = self._sampler.draw(rng, role), self._sampler.draw(rng, role)
        held_out = held_out_pair(self._slug(concepts[0]), self._slug(concepts[1]))
        if concepts[0] == concepts[1] or held_out != self._held_out:
            return None
        icons = self._sampler.draw_icon_pair(rng, *concepts)
        recoloured = role is Role.RECOLOURABLE
        first_colour = self._draw_colour(rng, icons[0]) if recoloured else None
        second_colour = self._draw_colour(rng, icons[1], other_than=first_colour) if recoloured else None
        placements = self._placements(rng, relation or pick(rng, ("left-of", "above")), icons)
        first = self._object(rng, icons[0], placements[0], first_colour)
        second = self._object(rng, icons[1], placements[1], second_colour)
        if recoloured and None in (first_colour, second_colour):
            return None
        if relation and relation not in self._annotator.relations(first, second):
            return None
        return first, second

    def _placements(
        self, rng: np.random.Generator, relation: str, icons: tuple[int, int]
    ) -> tuple[Placement, Placement]:
        if relation == "above":
            return layout.stacked()
        if relation == "on":
            return layout.stacked_on(*map(self._icons.visible_mask, icons))
        left, right = layout.side_by_side()
        return (left, right) if relation == "left-of" or rng.random() < 0.5 else (right, left)

    # --- objects

    def _object(
        self, rng: np.random.Generator, icon: int, placement: Placement, colour: str | None = None
    ) -> SceneObject:
        """An icon at a place, at times flipped."""
        flipped = rng.random() < FLIP_SHARE and self._icons.concept(icon).group == FLIPPABLE_GROUP
        x, y, size = map(float, placement)
        return SceneObject(icon, x, y, size, colour, flipped)

    def _draw_colour(self, rng: np.random.Generator, icon: int, other_than: str | None = None) -> str | None:
        """A colour that the icon takes, and that is held out exactly if `held_out`; None if there is none."""
        slug = self._icons.concept(icon).slug
        for colour in rng.permutation(list(COLOURS)).tolist():
            allowed = colour != other_than and held_out_colour(slug, colour) == self._held_out
            if allowed and self._icons.takes_colour(icon, colour):
                return colour
        return None

    def _slug(self, concept: int) -> str:
        return self._names.concepts[concept].slug


def _retry(draw: Callable[[], T | None], wanted: str) -> T:
    """The first result of `draw` that is not None; ValueError after MAX_DRAWS."""
    for _ in range(MAX_DRAWS):
        if (drawn := draw()) is not None:
            return drawn
    raise ValueError(
        f"no {wanted} found in {MAX_DRAWS} draws; give more concepts, or leave such scenes out of the mix"
    )
