"""Casting: what a scene's kinds draw from. Who appears, in which sprite and colour, under which words."""

import random
from dataclasses import dataclass

from dalle.data.scenes.facts import Fact, HasColour, HasConcept
from dalle.data.scenes.scene import held_out_colour, held_out_pair
from dalle.data.sprite_scenes.concepts import ConceptSampler, Role
from dalle.data.sprite_scenes.names import SpriteNames
from dalle.data.sprite_scenes.plan import COLOUR_NAMES, Layer
from dalle.data.sprite_scenes.properties import SpriteProperties

FLIPPED_GROUPS = frozenset(
    {"animals & nature", "animal"}
)  # no letters, and no sides that a caption could name
FLIP_SHARE = 0.15
PAINTED_SHARE = 0.5  # of the monochrome sprites: in a colour, else black
STATED_COLOUR_SHARE = 0.85  # of these: the caption names it


@dataclass(frozen=True)
class Subject:
    """A thing in a scene."""

    concept: int
    sprite: int
    colour: str | None = None  # that its sprite is painted in
    adjective: str = ""  # the colour, where the caption states it


class Cast:
    """Draws subjects. `held_out`: only colours and pairs that are held out of training, else only others."""

    def __init__(
        self, properties: SpriteProperties, names: SpriteNames, sampler: ConceptSampler, held_out: bool
    ):
        self.properties, self.names, self.sampler = properties, names, sampler
        self._held_out = held_out

    def subject(self, rng: random.Random, role: Role) -> Subject:
        """A thing that fits a role, in any of its sprites."""
        concept = self.sampler.draw(rng, role)
        return self.dressed(rng, concept, self.sampler.draw_sprite(rng, concept))

    def dressed(self, rng: random.Random, concept: int, sprite: int) -> Subject:
        """A concept in a given sprite, which is painted at times where it is monochrome."""
        if not self.properties.is_monochrome(sprite):
            return Subject(concept, sprite)
        if own := self.names.own_colour(concept):
            return Subject(concept, sprite, own)
        if not self.sampler.fits(concept, Role.RECOLOURABLE) or rng.random() >= PAINTED_SHARE:
            return Subject(concept, sprite)
        colour = self.draw_colour(rng, sprite)
        stated = colour is not None and rng.random() < STATED_COLOUR_SHARE
        return Subject(concept, sprite, colour, colour if stated and colour else "")

    def painted(
        self, rng: random.Random, concept: int, sprite: int, other_than: str | None = None
    ) -> Subject | None:
        """A concept in a colour that the caption states; None if it takes none."""
        colour = self.draw_colour(rng, sprite, other_than)
        return None if colour is None else Subject(concept, sprite, colour, colour)

    def two_concepts(self, rng: random.Random, role: Role) -> tuple[int, int] | None:
        """Two concepts; None if they are one, or must not stand together."""
        first, second = self.sampler.draw(rng, role), self.sampler.draw(rng, role)
        slugs = self.names.slugs[first], self.names.slugs[second]
        return (first, second) if first != second and self.may_meet(*slugs) else None

    def may_meet(self, slug: str, other: str) -> bool:
        """Whether two concepts may be in one picture."""
        return held_out_pair(slug, other) == self._held_out

    def draw_colour(self, rng: random.Random, sprite: int, other_than: str | None = None) -> str | None:
        """A colour that the sprite takes, held out of training or not as `held_out` says; None if none is."""
        slug = self.properties.concept(sprite).slug
        for colour in rng.sample(COLOUR_NAMES, len(COLOUR_NAMES)):
            allowed = colour != other_than and self.properties.takes_colour(sprite, colour)
            if allowed and held_out_colour(slug, colour) == self._held_out:
                return colour
        return None

    # --- words and layers

    def text(self, subject: Subject, adjective: str = "") -> str:
        """ "a red apple", "a small red apple"."""
        words = f"{adjective} {subject.adjective}".strip()
        return self.names.nouns[subject.concept].singular(words)

    def stated(self, *subjects: Subject) -> set[Fact]:
        """What the texts of subjects state."""
        facts: set[Fact] = set()
        for subject in subjects:
            slug = self.names.slugs[subject.concept]
            facts.add(HasConcept(slug))
            if subject.adjective:
                facts.add(HasColour(slug, subject.adjective))
        return facts

    def layer(
        self,
        rng: random.Random,
        subject: Subject,
        x: float,
        y: float,
        size: float,
        material: str | None = None,
    ) -> Layer:
        """A subject at a place, at times flipped."""
        flippable = self.properties.concept(subject.sprite).group in FLIPPED_GROUPS
        flipped = flippable and rng.random() < FLIP_SHARE
        return Layer(subject.sprite, x, y, size, 0.0, flipped, subject.colour, material)
