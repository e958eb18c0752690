"""Scenes in which one thing does something with another: wears, holds, rides, drives it, or is in it.

random numbers  --Interactions.kinds-->  Foreground: layers, caption, facts
"""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from dalle.data.scenes.english import parse_noun
from dalle.data.scenes.facts import Fact, HasConcept, Relation
from dalle.data.sprite_scenes.attachments import Piece, attach, fit, outline_top, point_of, visible_box
from dalle.data.sprite_scenes.cast import Cast
from dalle.data.sprite_scenes.plan import Foreground
from dalle.data.sprite_scenes.roles import Role, find_roles
from dalle.data.sprite_scenes.sampling import Weighted, pick, retry

WEARERS = ("face", "animal", "side", "person", "thing")
WEARER_WEIGHTS = {"face": 3, "animal": 5, "side": 2, "person": 1.5, "thing": 1}
WORN_WEIGHTS = {"hat": 5, "eyewear": 4, "ears": 1, "bow": 1, "neck": 1.5}
MIXED_STYLE_SHARE = 0.15  # of pairs: the two drawings are of different sets
TURN = 7.0  # degrees, largest, of what is worn
SUNK = 0.4  # of a content's height below a vessel's rim, and of a driver's behind the roof
PHRASES: dict[str, Sequence[str]] = {
    "hat": ("{a} wearing {b}", "{a} wearing {b}", "{a} in {b}", "{a} with {b} on its head", "{a} with {b}"),
    "eyewear": ("{a} wearing {b}", "{a} wearing {b}", "{a} in {b}", "{a} with {b}"),
    "ears": ("{a} wearing {b}", "{a} with {b}"),
    "bow": ("{a} with {b} on its head", "{a} wearing {b}", "{a} with {b}"),
    "neck": ("{a} wearing {b}", "{a} with {b}"),
    "holding": ("{a} holding {b}", "{a} holding {b}", "{a} with {b}"),
    "riding": ("{a} riding {b}", "{a} riding {b}", "{a} on {b}"),
    "driving": ("{a} driving {b}", "{a} driving {b}", "{a} in {b}"),
    "boating": ("{a} in {b}", "{a} sailing {b}"),
    "in": ("{a} in {b}", "{a} in {b}", "{a} inside {b}"),
    "under": ("{a} under {b}", "{a} underneath {b}", "{b} above {a}"),
    "behind": ("{a} behind {b}", "{b} in front of {a}"),
}


class Interactions:
    """Draws foregrounds of interactions. `kinds`: name -> a function of random numbers."""

    def __init__(self, cast: Cast):
        self._cast, self._properties = cast, cast.properties
        self._roles = find_roles(cast.properties)
        self._by_style: dict[tuple[str, str], list[Role]] = defaultdict(list)
        for role, members in self._roles.items():
            for member in members:
                self._by_style[role, self._properties.style(member.sprite)].append(member)
        wearers = {role: WEARER_WEIGHTS[role] for role in WEARERS if self._roles.get(role)}
        worn = {role: WORN_WEIGHTS[role] for role in WORN_WEIGHTS if self._roles.get(role)}
        self._wearers, self._worn = Weighted(wearers), Weighted(worn)
        kinds: dict[str, tuple[Callable[[random.Random], Foreground | None], bool]] = {
            "wearing": (self._wearing, bool(wearers and worn)),
            "holding": (self._holding, bool(wearers and self._roles.get("held"))),
            "riding": (lambda rng: self._seated(rng, "mount", "riding"), "mount" in self._roles),
            "driving": (lambda rng: self._seated(rng, "vehicle", "driving"), "vehicle" in self._roles),
            "boating": (lambda rng: self._seated(rng, "boat", "boating"), "boat" in self._roles),
            "in": (self._inside, "vessel" in self._roles),
            "under": (self._under, "cover" in self._roles),
            "behind": (self._behind, bool(wearers)),
        }
        self.kinds: Mapping[str, Callable[[random.Random], Foreground]] = {
            name: _retrying(draw, name) for name, (draw, possible) in kinds.items() if possible and wearers
        }

    # --- kinds

    def _wearing(self, rng: random.Random) -> Foreground | None:
        host, kind = self._wearer(rng), self._worn.draw(rng)
        guest = self._partner(rng, host, kind)
        if guest is None:
            return None
        head = host.width * self._width(host.sprite)
        eyes = point_of(self._properties, host.sprite, host.x, host.y)
        if kind in ("hat", "ears"):
            target = outline_top(self._properties, host.sprite, host.x)
        elif kind == "eyewear":
            target = eyes
        elif kind == "bow":
            side = rng.choice((-0.3, 0.3))
            target = outline_top(self._properties, host.sprite, host.x + side * host.width)
        else:
            target = eyes[0], eyes[1] + 0.48 * head
        turn = rng.uniform(-TURN, TURN) if kind in ("hat", "bow") else 0.0
        worn = attach(
            self._properties, guest.sprite, guest.width * head, (guest.x, guest.y), target, guest.angle + turn
        )
        return self._foreground(rng, kind, "wearing", host, guest, [Piece(host.sprite), worn])

    def _holding(self, rng: random.Random) -> Foreground | None:
        host = self._wearer(rng)
        guest = self._partner(rng, host, "held")
        if guest is None:
            return None
        side = rng.choice((0.08, 0.92))
        hand = point_of(self._properties, host.sprite, side, rng.uniform(0.68, 0.82))
        width = guest.width * self._width(host.sprite)
        held = attach(
            self._properties, guest.sprite, width, (guest.x, guest.y), hand, guest.angle + rng.uniform(-8, 8)
        )
        return self._foreground(rng, "holding", "holding", host, guest, [Piece(host.sprite), held])

    def _seated(self, rng: random.Random, role: str, kind: str) -> Foreground | None:
        """Somebody on a mount, or looking out of a vehicle or a boat, which is drawn over them."""
        seat = pick(rng, self._roles[role])
        rider = self._partner(rng, seat, self._wearers.draw(rng))
        if rider is None:
            return None
        target = point_of(self._properties, seat.sprite, seat.x, seat.y, seat.angle)
        width = seat.width * self._width(seat.sprite)
        below = 0.94 if role == "mount" else 1 - SUNK
        sitting = attach(self._properties, rider.sprite, width, (0.5, below), target)
        under = Piece(seat.sprite, angle=seat.angle)
        pieces = [under, sitting] if role == "mount" else [sitting, under]
        return self._foreground(rng, kind, kind, rider, seat, pieces)

    def _inside(self, rng: random.Random) -> Foreground | None:
        """Something that looks out of a vessel: the vessel's front is drawn again over it."""
        vessel = pick(rng, self._roles["vessel"])
        content = self._partner(rng, vessel, rng.choice((self._wearers.draw(rng), "held", "thing")))
        if content is None:
            return None
        rim = point_of(self._properties, vessel.sprite, vessel.x, vessel.y)
        width = vessel.width * self._width(vessel.sprite)
        piece = attach(self._properties, content.sprite, width, (0.5, 1 - SUNK), rim)
        front = Piece(vessel.sprite, top=rim[1] + 0.5)
        return self._foreground(rng, "in", "in", content, vessel, [Piece(vessel.sprite), piece, front])

    def _under(self, rng: random.Random) -> Foreground | None:
        cover = pick(rng, self._roles["cover"])
        guest = self._partner(rng, cover, self._wearers.draw(rng))
        if guest is None:
            return None
        target = point_of(self._properties, cover.sprite, cover.x, cover.y)
        width = cover.width * self._width(cover.sprite)
        piece = attach(self._properties, guest.sprite, width, (0.5, 0), target)
        return self._foreground(rng, "under", "under", guest, cover, [Piece(cover.sprite), piece])

    def _behind(self, rng: random.Random) -> Foreground | None:
        """Two of one size, the front one beside and a little below the other, over a third of it."""
        behind = self._wearer(rng)
        front = self._partner(rng, behind, self._wearers.draw(rng))
        if front is None:
            return None
        width = self._width(behind.sprite) * rng.uniform(0.75, 0.95)
        target = point_of(self._properties, behind.sprite, rng.choice((0.1, 0.9)), 0.72)
        piece = attach(self._properties, front.sprite, width, (0.5, 0.5), target)
        return self._foreground(rng, "behind", "behind", behind, front, [Piece(behind.sprite), piece])

    # --- parts

    def _wearer(self, rng: random.Random) -> Role:
        return pick(rng, self._roles[self._wearers.draw(rng)])

    def _partner(self, rng: random.Random, host: Role, role: str) -> Role | None:
        """A sprite in a role, mostly in the host's style; None if the two must not be in one picture."""
        same = self._by_style.get((role, self._properties.style(host.sprite)), [])
        others = self._roles.get(role, [])
        options = others if not same or rng.random() < MIXED_STYLE_SHARE else same
        if not options:
            return None
        guest = pick(rng, options)
        slugs = self._slug(host), self._slug(guest)
        return guest if slugs[0] != slugs[1] and self._cast.may_meet(*slugs) else None

    def _width(self, sprite: int) -> float:
        left, _, right, _ = self._properties.box(sprite)
        return right - left

    def _slug(self, role: Role) -> str:
        return self._properties.concept(role.sprite).slug

    def _name(self, rng: random.Random, role: Role) -> str:
        """ "a cat", "sunglasses": the concept's noun, or one of the role's own names."""
        noun = self._cast.names.nouns[self._properties.concept_index(role.sprite)]
        if not role.names:
            return noun.singular()
        return parse_noun(pick(rng, role.names)).singular()

    def _foreground(
        self,
        rng: random.Random,
        phrases: str,
        relation: str,
        first: Role,
        second: Role,
        pieces: Sequence[Piece],
    ) -> Foreground | None:
        """The scene of two sprites in a relation; None where one would be too small to be seen."""
        sizes = [visible_box(self._properties, piece) for piece in pieces]
        widest = max(max(box[2] - box[0], box[3] - box[1]) for box in sizes)
        if min(max(box[2] - box[0], box[3] - box[1]) for box in sizes) < 0.15 * widest:
            return None
        text = pick(rng, PHRASES[phrases]).format(a=self._name(rng, first), b=self._name(rng, second))
        slugs = self._slug(first), self._slug(second)
        stated: set[Fact] = {
            HasConcept(slugs[0]),
            HasConcept(slugs[1]),
            Relation(slugs[0], relation, slugs[1]),
        }
        return Foreground(text, fit(self._properties, pieces), frozenset(stated), frozenset())


def _retrying(
    draw: Callable[[random.Random], Foreground | None], name: str
) -> Callable[[random.Random], Foreground]:
    return lambda rng: retry(lambda: draw(rng), f"two things for a scene of kind {name!r}")
