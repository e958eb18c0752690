"""Draws which concept a scene shows, and which of its icons, by the weights of groups and styles."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from enum import StrEnum

import numpy as np

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import WeightedSampler, pick
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import Noun
from dalle.data.scenes.scene import SceneWeights

SINGLE_ONLY_GROUPS = frozenset({"flags", "symbols"})  # shown in single scenes only
NEVER_RECOLOURED_GROUPS = SINGLE_ONLY_GROUPS | {"people & body"}
SAME_STYLE_SHARE = 0.9  # pairs of icons in one style, where both concepts have one in common


class Role(StrEnum):
    """What a concept is needed for; the value stands in error messages."""

    DRAWABLE = "drawable"  # any concept with an icon
    OBJECT = "a thing"  # can be put beside others and into a sentence
    COUNTABLE = "countable"  # an object with a plural
    RECOLOURABLE = "paintable"  # an object whose colour a caption can change


class ConceptSampler:
    """Draws concepts for a role, and icons of a concept. `concepts`: indices of those to draw from."""

    def __init__(
        self, emoji: EmojiSet, nouns: Sequence[Noun], concepts: Collection[int], weights: SceneWeights
    ):
        self._concepts, self._nouns, self._weights = emoji.concepts, nouns, weights
        self._icons: dict[int, dict[str, int]] = defaultdict(dict)  # concept -> style -> icon
        for index, icon in enumerate(emoji.icons):
            if weights.styles.get(icon.style, 1) > 0:
                self._icons[icon.concept][icon.style] = index
        self._samplers = self._build_samplers(sorted(index for index in concepts if index in self._icons))

    def draw(self, rng: np.random.Generator, role: Role) -> int:
        """A concept that fits the role; ValueError if no concept does."""
        if not self._samplers[role].options:
            raise ValueError(
                f"no given concept is {role}; give more concepts, or leave such scenes out of the mix"
            )
        return self._samplers[role].draw(rng)

    def draw_icon(self, rng: np.random.Generator, concept: int, style: str | None = None) -> int:
        """An icon of a concept: in `style` (a key of `STYLES`), or in one drawn by the weights."""
        icons = self._icons[concept]
        return icons[style or pick(rng, {style: self._weights.styles.get(style, 1) for style in icons})]

    def draw_icon_pair(self, rng: np.random.Generator, first: int, second: int) -> tuple[int, int]:
        """An icon of each of two concepts, mostly in one style."""
        shared = [style for style in self._icons[first] if style in self._icons[second]]
        style = pick(rng, shared) if shared and rng.random() < SAME_STYLE_SHARE else None
        return self.draw_icon(rng, first, style), self.draw_icon(rng, second, style)

    def fits(self, concept: int, role: Role) -> bool:
        """Whether a concept can be shown in a role."""
        group, noun = self._concepts[concept].group, self._nouns[concept]
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

    def _build_samplers(self, concepts: Sequence[int]) -> dict[Role, WeightedSampler[int]]:
        near_identical = Counter(map(self._canonical, concepts))
        weights = {
            index: self._weights.groups.get(self._concepts[index].group, 1)
            / near_identical[self._canonical(index)]
            for index in concepts
        }
        return {
            role: WeightedSampler({index: weights[index] for index in concepts if self.fits(index, role)})
            for role in Role
        }

    def _canonical(self, index: int) -> str:
        """The same for near-identical drawings: a role's man and woman, a clock's 24 faces."""
        concept = self._concepts[index]
        is_clock_face = concept.subgroup == "time" and not self._nouns[index].is_object  # "three-thirty"
        return "clock face" if is_clock_face else concept.canonical
