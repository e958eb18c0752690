"""Draws which concept a scene shows, and which of its sprites."""

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.concept_sampler import NEVER_RECOLOURED_GROUPS, SINGLE_ONLY_GROUPS, Role
from dalle.data.sprite_scenes.names import SpriteNames
from dalle.data.sprite_scenes.properties import SpriteProperties
from dalle.data.sprite_scenes.sampling import Weighted, normal_score, pick

KIND_SHARES = {"emoji": 0.55, "noun": 0.42, "composition": 0.03}  # of all draws of concepts
GROUP_WEIGHTS = {"people & body": 0.6, "symbols": 0.4, "flags": 0.25}  # others: 1
SOURCE_WEIGHTS = {"noto-v1": 0.7, "emojione": 0.7, "fxemoji": 0.6}  # of one concept's sprites; others: 1
PICTOGRAM_WEIGHT = 0.35  # of a concept without a drawing in colour
MONOCHROME_SHARE = 0.1  # of a concept's draws at most, where it has sprites in colour
SAME_STYLE_DRAWS = 4  # tries to find a second sprite in the style of the first


class ConceptSampler:
    """Draws concepts for a role, and sprites of a concept; `concepts`: indices of those to draw, or all."""

    def __init__(
        self, properties: SpriteProperties, names: SpriteNames, concepts: Collection[int] | None = None
    ):
        sprites = properties.sprites
        self._properties, self._names, self._concepts = properties, names, sprites.concepts
        drawn = range(len(sprites.concepts)) if concepts is None else concepts
        self._sprites = {
            index: self._sprite_weights(sprites.by_concept[index])
            for index in sorted(drawn)
            if sprites.by_concept[index]
        }
        self.concepts = tuple(self._sprites)
        self._by_style: dict[int, dict[str, list[int]]] = {}
        self._scores: dict[int, dict[int, tuple[float, float]]] = {}
        self._concept_samplers = self._build_samplers()

    # --- concepts

    def draw(self, rng: random.Random, role: Role) -> int:
        """A concept that fits the role; ValueError if no concept does."""
        if not self._concept_samplers[role].options:
            raise ValueError(
                f"no given concept is {role}; give more concepts, or leave such scenes out of the mix"
            )
        return self._concept_samplers[role].draw(rng)

    def fits(self, concept: int, role: Role) -> bool:
        """Whether a concept can be shown in a role."""
        group, noun = self._concepts[concept].group, self._names.nouns[concept]
        if role is Role.DRAWABLE:
            return True
        if not noun.is_object or group in SINGLE_ONLY_GROUPS:
            return False
        if role is Role.COUNTABLE:
            return noun.plural_noun is not None
        if role is Role.RECOLOURABLE:
            names_colour = not COLOURS.keys().isdisjoint(noun.bare.split())  # no "green red apple"
            return group not in NEVER_RECOLOURED_GROUPS and not names_colour
        return True

    def _build_samplers(self) -> dict[Role, Weighted[int]]:
        near_identical = Counter(map(self._canonical, self._sprites))
        samplers = {}
        for role in Role:
            weights = {
                index: GROUP_WEIGHTS.get(self._concepts[index].group, 1.0)
                * (1.0 if self._is_in_colour(index) else PICTOGRAM_WEIGHT)
                / near_identical[self._canonical(index)]
                for index in self._sprites
                if self.fits(index, role)
            }
            totals: Mapping[str, float] = defaultdict(float)
            for index, weight in weights.items():
                totals[self._concepts[index].kind] += weight
            samplers[role] = Weighted(
                {
                    index: weight * KIND_SHARES[kind] / totals[kind]
                    for index, weight in weights.items()
                    for kind in (self._concepts[index].kind,)
                }
            )
        return samplers

    def _is_in_colour(self, index: int) -> bool:
        """Whether a concept has a drawing in colour."""
        sprites = self._properties.sprites.by_concept[index]
        return not all(map(self._properties.is_monochrome, sprites))

    def _canonical(self, index: int) -> str:
        """The same for near-identical drawings: a role's man and woman, a clock's 24 faces."""
        concept = self._concepts[index]
        is_clock_face = concept.subgroup == "time" and not self._names.nouns[index].is_object
        return "clock face" if is_clock_face else concept.canonical

    # --- sprites

    def draw_sprite(self, rng: random.Random, concept: int) -> int:
        """A sprite of a concept, by the weights of its sources."""
        return self._sprites[concept].draw(rng)

    def draw_same_style(self, rng: random.Random, first: int, second: int) -> tuple[int, int]:
        """A sprite of each of two concepts, in one style where a few draws find one that both have."""
        found, styles = self.draw_sprite(rng, first), self.styles(second)
        for _ in range(SAME_STYLE_DRAWS):
            if shared := styles.get(self._properties.style(found)):
                return found, pick(rng, shared)
            found = self.draw_sprite(rng, first)
        return found, self.draw_sprite(rng, second)

    def styles(self, concept: int) -> dict[str, list[int]]:
        """The sprites of a concept by style."""
        if concept not in self._by_style:
            by_style = defaultdict(list)
            for sprite in self._sprites[concept].options:
                by_style[self._properties.style(sprite)].append(sprite)
            self._by_style[concept] = dict(by_style)
        return self._by_style[concept]

    def _sprite_weights(self, sprites: tuple[int, ...]) -> Weighted[int]:
        """All sources alike but for SOURCE_WEIGHTS, monochrome ones limited to their share."""
        known = self._properties.sprites
        sources = [known.sources[known.sprites[at].source].name for at in sprites]
        drawings = Counter(sources)
        weights = {
            at: SOURCE_WEIGHTS.get(source, 1.0) / drawings[source]
            for at, source in zip(sprites, sources, strict=True)
        }
        monochrome = {at for at in sprites if self._properties.is_monochrome(at)}
        single, coloured = (
            sum(weights[at] for at in monochrome),
            sum(weights[at] for at in set(sprites) - monochrome),
        )
        allowed = coloured * MONOCHROME_SHARE / (1 - MONOCHROME_SHARE)
        if coloured and single > allowed:
            weights = {
                at: weight * (allowed / single if at in monochrome else 1) for at, weight in weights.items()
            }
        return Weighted(weights)

    def outline_rank(self, rng: random.Random, sprite: int) -> float | None:
        """The normal score of how outlined a sprite is, among those of its concept as they are drawn.

        Equals share their ranks at random. None for the only sprite of a concept.
        """
        concept = self._properties.concept_index(sprite)
        if len(self._sprites[concept].options) < 2:
            return None
        if concept not in self._scores:
            self._scores[concept] = self._rank(self._sprites[concept])
        low, high = self._scores[concept][sprite]
        return normal_score(low + (high - low) * rng.random())

    def _rank(self, sprites: Weighted[int]) -> dict[int, tuple[float, float]]:
        """The interval of ranks, from 0 to 1, of each sprite's outline score."""
        shares: dict[float, float] = defaultdict(float)
        before = 0.0
        for sprite, upto in zip(sprites.options, sprites.cumulative, strict=True):
            shares[self._properties.outline_score(sprite)] += (upto - before) / sprites.cumulative[-1]
            before = upto
        intervals, low = {}, 0.0
        for score in sorted(shares):
            intervals[score] = low, low + shares[score]
            low += shares[score]
        return {sprite: intervals[self._properties.outline_score(sprite)] for sprite in sprites.options}
