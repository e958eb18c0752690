"""Scenes of several things that overlap, or stand about each other.

| kind | picture | caption |
|---|---|---|
| behind | two of about one size, the front one over a part of the other | "a house in front of a tree" |
| between | three in a row | "a cat between a dog and a lamp" |
| around | three to six small ones of a kind about a large one | "five bees around a flower" |
| pile | three to six of a kind in a heap | "a pile of apples" |
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence

from dalle.data.scenes.facts import Count, Fact, HasConcept, Relation
from dalle.data.sprite_scenes.attachments import Piece, extent, fit
from dalle.data.sprite_scenes.cast import Cast
from dalle.data.sprite_scenes.concepts import Role
from dalle.data.sprite_scenes.interaction_words import describe, noun_of
from dalle.data.sprite_scenes.nouns import NUMBER_WORDS
from dalle.data.sprite_scenes.plan import PLAIN_SIZE, Foreground
from dalle.data.sprite_scenes.roles import SETS, Player, Troupe
from dalle.data.sprite_scenes.sampling import Weighted, pick

SOLID_SUBGROUPS = (  # of emoji that stand for themselves: how their names begin
    *("animal", "plant", "food", "drink", "transport", "place-building", "hotel", "sport", "award"),
    *("household", "musical-instrument", "tool", "light-video", "computer", "money"),
)
MIN_COVERAGE = 0.3  # of its square: how much a thing covers that can hide another, or be seen behind one
LIVELY = ("face", "animal", "side", "person")
LIVELY_SHARE = 0.4  # of things behind, between and in the middle
FRONT_SIZES, BETWEEN_SIZES = (0.7, 0.95), (0.85, 1.0)  # of the extent of the other
BETWEEN_STEPS = (0.74, 0.9)  # from left to right, in widths: those at the sides stand a little behind
HIDDEN = (0.35, 0.55)  # of the width of the one behind
FRONT_HEIGHT = 0.22  # of the extent of the other: how far the middle of the front one is below its middle
SMALL_SIZE, RING = 0.44, 0.66  # extent of a small one and distance of its middle, in extents of the large one
COUNTS = (3, 4, 5, 6)
COUNTED_SHARE = 0.6  # of captions of several: the number is stated
HEAPS: Mapping[int, tuple[int, ...]] = {3: (2, 1), 4: (3, 1), 5: (3, 2), 6: (3, 2, 1)}  # rows, from below
HEAP_STEPS = (0.84, 0.68)  # across and down, in widths and heights of one
HEAP_TURN = 14.0  # degrees, largest

BETWEEN_TEMPLATES = Weighted({"{a} between {b} and {c}": 3, "{b} and {c} with {a} between them": 1})
AROUND_TEMPLATES = ("{n} around {b}", "{n} around {b}", "{b} with {n} around it", "{b} surrounded by {n}")
PILE_TEMPLATES = Weighted({"a pile of {}": 4, "a heap of {}": 2, "{} in a pile": 1})

Draw = Callable[[random.Random], Foreground | None]


class Arrangements:
    """Draws foregrounds of several things; `draws`: all that are possible, None where a draw is in vain."""

    def __init__(self, cast: Cast, players: Mapping[str, list[Player]]):
        self._cast, self._properties = cast, cast.properties
        lively = [player for role in LIVELY for player in players.get(role, [])]
        known = {role: players.get(role, []) for role in ("small", "heap")}
        self._troupe = Troupe(cast.properties, {**known, "lively": lively, "solid": _solid(cast)})
        draws: Mapping[str, tuple[Sequence[str], Draw]] = {
            "behind": (("lively", "solid"), self._behind),
            "between": (("lively", "solid"), self._between),
            "around": (("lively", "solid", "small"), self._around),
            "pile": (("heap",), self._pile),
        }
        self.draws = {kind: draw for kind, (roles, draw) in draws.items() if self._troupe.has(*roles)}

    def _behind(self, rng: random.Random) -> Foreground | None:
        behind = self._any(rng)
        front = self._any(rng, behind)
        if not self._may_meet(behind, front):
            return None
        size, width = rng.uniform(*FRONT_SIZES), self._width(behind)
        side = (0.5 - rng.uniform(*HIDDEN)) * width + 0.5 * size * self._width(front)
        side *= pick(rng, (-1, 1))
        pieces = [self._centred(behind, 0, 0, 1), self._centred(front, side, FRONT_HEIGHT, size)]
        text, stated, facts = describe(rng, self._cast, "behind", behind, front)
        return self._foreground(rng, text, pieces, stated, [behind, front], facts)

    def _between(self, rng: random.Random) -> Foreground | None:
        middle = self._any(rng)
        left, right = self._any(rng, middle), self._any(rng, middle)
        if not self._may_meet(middle, left, right):
            return None
        pieces, at = [], 0.0
        for player in (left, middle, right):
            size = rng.uniform(*BETWEEN_SIZES)
            width, height = self._width(player) * size, self._height(player) * size
            pieces.append(self._centred(player, at + width / 2, -height / 2, size))
            at += width * rng.uniform(*BETWEEN_STEPS)
        pieces = [pieces[0], pieces[2], pieces[1]]
        named = [left, right] if rng.random() < 0.5 else [right, left]
        a, b, c = (noun_of(rng, self._cast, player).singular() for player in (middle, *named))
        text = BETWEEN_TEMPLATES.draw(rng).format(a=a, b=b, c=c)
        slugs = [self._slug(player) for player in (middle, left, right)]
        stated = {*map(HasConcept, slugs), *(Relation(slugs[0], "between", slug) for slug in slugs[1:])}
        return self._foreground(rng, text, pieces, stated, [middle, left, right])

    def _around(self, rng: random.Random) -> Foreground | None:
        large = self._any(rng)
        small, count = self._troupe.draw_beside(rng, "small", large), pick(rng, COUNTS)
        names = self._several(rng, small, count)
        if names is None or not self._may_meet(large, small):
            return None
        start = rng.random()
        pieces = [self._centred(large, 0, 0, 1)]
        for at in range(count):
            turn = 2 * math.pi * (start + (at + rng.uniform(-0.1, 0.1)) / count)
            across, down = RING * math.cos(turn), RING * math.sin(turn)
            pieces.append(self._centred(small, across, down, SMALL_SIZE))
        words, counted = names
        text = pick(rng, AROUND_TEMPLATES).format(n=words, b=noun_of(rng, self._cast, large).singular())
        slugs = self._slug(small), self._slug(large)
        stated = {*map(HasConcept, slugs), Relation(slugs[0], "around", slugs[1])}
        if counted:
            stated.add(Count(slugs[0], count))
        return self._foreground(rng, text, pieces, stated, [small, large])

    def _pile(self, rng: random.Random) -> Foreground | None:
        player, count = self._troupe.draw(rng, "heap"), pick(rng, COUNTS)
        names = self._several(rng, player, count)
        if names is None:
            return None
        across, down = HEAP_STEPS[0] * self._width(player), HEAP_STEPS[1] * self._height(player)
        pieces = []
        for row, length in enumerate(HEAPS[count]):
            for column in range(length):
                x, y = (column - (length - 1) / 2) * across, -row * down
                turn = rng.uniform(-HEAP_TURN, HEAP_TURN)
                pieces.append(
                    self._centred(player, x + rng.uniform(-0.05, 0.05), y + rng.uniform(-0.04, 0.04), 1, turn)
                )
        words, counted = names
        slug = self._slug(player)
        stated = {HasConcept(slug), Relation(slug, "piled-on", slug)}
        if counted:
            stated.add(Count(slug, count))
        return self._foreground(rng, PILE_TEMPLATES.draw(rng).format(words), pieces, stated, [player])

    # --- parts

    def _any(self, rng: random.Random, beside: Player | None = None) -> Player:
        """Somebody or something, mostly in the style of another one."""
        role = "lively" if rng.random() < LIVELY_SHARE else "solid"
        return self._troupe.draw_beside(rng, role, beside) if beside else self._troupe.draw(rng, role)

    def _may_meet(self, *players: Player) -> bool:
        """Whether the players are different concepts that may all be in one picture."""
        slugs = [self._slug(player) for player in players]
        pairs = [(slug, other) for at, slug in enumerate(slugs) for other in slugs[:at]]
        return all(slug != other and self._cast.may_meet(slug, other) for slug, other in pairs)

    def _several(self, rng: random.Random, player: Player, count: int) -> tuple[str, bool] | None:
        """ "five apples" or "apples", and whether it states the number; None if there is no plural."""
        plural = noun_of(rng, self._cast, player).plural_noun
        if plural is None:
            return None
        counted = rng.random() < COUNTED_SHARE
        return (f"{NUMBER_WORDS[count]} {plural}" if counted else plural), counted

    def _slug(self, player: Player) -> str:
        return self._cast.names.slugs[player.concept]

    def _width(self, player: Player) -> float:
        """Of the visible box, where its longer side is 1."""
        left, _, right, _ = box = self._properties.box(player.sprite)
        return (right - left) / extent(box)

    def _height(self, player: Player) -> float:
        _, top, _, bottom = box = self._properties.box(player.sprite)
        return (bottom - top) / extent(box)

    def _centred(self, player: Player, x: float, y: float, side: float, angle: float = 0.0) -> Piece:
        """A piece whose visible box has its middle at x, y and `side` as its longer side."""
        box = self._properties.box(player.sprite)
        size = side / extent(box)
        across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return Piece(player.sprite, x - size * across, y - size * down, size, angle)

    def _foreground(
        self,
        rng: random.Random,
        text: str,
        pieces: Sequence[Piece],
        stated: set[Fact],
        players: Sequence[Player],
        facts: set[Fact] | None = None,
    ) -> Foreground:
        layers = fit(self._properties, pieces, PLAIN_SIZE * rng.uniform(0.9, 1))
        return Foreground(text, layers, frozenset(stated), frozenset(facts or stated))


def _solid(cast: Cast) -> list[Player]:
    """Countable emoji that cover enough of their squares, drawn in colour."""
    properties, sprites = cast.properties, cast.properties.sprites
    sources = {source for letter in "nbtfxes" for source in SETS[letter]}
    return [
        Player(concept, at, 0.5, 0.5, 1)
        for concept in cast.sampler.concepts
        if sprites.concepts[concept].subgroup.startswith(SOLID_SUBGROUPS)
        and cast.sampler.fits(concept, Role.COUNTABLE)
        for at in sprites.by_concept[concept]
        if sprites.sources[sprites.sprites[at].source].name in sources
        and not properties.is_monochrome(at)
        and properties.coverage(at) >= MIN_COVERAGE
    ]
