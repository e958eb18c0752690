"""Scenes of two concepts.

| kind | picture | caption |
|---|---|---|
| pair | two things | both names |
| relation | two things | both names, and how the things stand |
| attribution | two recoloured things | both colours, and at times how the things stand |
"""

import random

from dalle.data.scenes import captions
from dalle.data.scenes.facts import Fact, Relation
from dalle.data.sprite_scenes import layouts
from dalle.data.sprite_scenes.annotate import Annotator
from dalle.data.sprite_scenes.cast import Cast, Subject
from dalle.data.sprite_scenes.concepts import Role
from dalle.data.sprite_scenes.objects import Kinds
from dalle.data.sprite_scenes.plan import Foreground, Layer
from dalle.data.sprite_scenes.sampling import Weighted, pick, retry

RELATIONS = Weighted({"left-of": 4, "above": 3, "on": 2, "beside": 1})
ATTRIBUTION_RELATIONS: Weighted[str | None] = Weighted({None: 4, "left-of": 2, "above": 2, "on": 1})
LAYOUTS = ("left-of", "beside", "above")  # of two things whose relation is not stated
SAME_STYLE_SHARE = 0.9


class PairKinds:
    """Draws foregrounds of two concepts."""

    def __init__(self, cast: Cast, annotator: Annotator):
        self._cast, self._annotator = cast, annotator
        self.kinds: Kinds = {
            "pair": lambda rng: self._two(rng, "pair", None, Role.OBJECT),
            "relation": lambda rng: self._two(rng, "relation", RELATIONS.draw(rng), Role.OBJECT),
            "attribution": lambda rng: self._two(
                rng, "attribution", ATTRIBUTION_RELATIONS.draw(rng), Role.RECOLOURABLE
            ),
        }

    def _two(self, rng: random.Random, kind: str, relation: str | None, role: Role) -> Foreground:
        """Two things in the relation that the text states; recoloured if their role is RECOLOURABLE."""
        subjects, (first, second) = retry(
            lambda: self._draw(rng, relation, role), f"two things for a scene of kind {kind!r}"
        )
        templates = captions.RELATION_TEMPLATES[relation] if relation else captions.PAIR_TEMPLATES
        texts = [self._cast.text(subject) for subject in subjects]
        stated: set[Fact] = self._cast.stated(*subjects)
        if relation:
            slugs = [self._cast.names.slugs[subject.concept] for subject in subjects]
            stated.add(Relation(slugs[0], relation, slugs[1]))
        return Foreground(
            pick(rng, templates).format(a=texts[0], b=texts[1]),
            (second, first),  # what stands on the other is drawn over it
            frozenset(stated),
            frozenset(),
        )

    def _draw(
        self, rng: random.Random, relation: str | None, role: Role
    ) -> tuple[tuple[Subject, Subject], tuple[Layer, Layer]] | None:
        """Two things and their layers; None if they do not fit together, or are not in the relation."""
        subjects = self.draw_subjects(rng, role)
        if subjects is None:
            return None
        placements = self._placements(rng, relation or pick(rng, LAYOUTS), subjects)
        first, second = (
            self._cast.layer(rng, subject, *placement)
            for subject, placement in zip(subjects, placements, strict=True)
        )
        if relation and relation not in self._annotator.relations(first, second):
            return None
        return subjects, (first, second)

    def draw_subjects(self, rng: random.Random, role: Role) -> tuple[Subject, Subject] | None:
        """Two things, recoloured for RECOLOURABLE; None if they must not stand together or take no colour."""
        concepts = self._cast.two_concepts(rng, role)
        if concepts is None:
            return None
        sampler = self._cast.sampler
        if rng.random() < SAME_STYLE_SHARE:
            sprites = sampler.draw_same_style(rng, *concepts)
        else:
            sprites = sampler.draw_sprite(rng, concepts[0]), sampler.draw_sprite(rng, concepts[1])
        if role is not Role.RECOLOURABLE:
            return self._cast.dressed(rng, concepts[0], sprites[0]), self._cast.dressed(
                rng, concepts[1], sprites[1]
            )
        first = self._cast.painted(rng, concepts[0], sprites[0])
        second = self._cast.painted(rng, concepts[1], sprites[1], first.colour if first else None)
        return (first, second) if first and second else None

    def _placements(
        self, rng: random.Random, relation: str, subjects: tuple[Subject, Subject]
    ) -> tuple[layouts.Placement, layouts.Placement]:
        if relation == "on":
            properties = self._cast.properties
            return layouts.on_top(
                rng, properties.box(subjects[0].sprite), properties.mask(subjects[1].sprite)
            )
        if relation == "above":
            return layouts.stacked(rng)
        left, right = layouts.beside(rng)
        return (left, right) if relation == "left-of" or rng.random() < 0.5 else (right, left)
