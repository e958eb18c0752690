"""Scenes in which one thing wears, holds, rides or drives another, or is in or under it.

| kind | picture | caption |
|---|---|---|
| wearing | somebody with a hat, glasses, headphones, a bow or a scarf | "a cat in a top hat" |
| holding | the held thing at the side of the lower half, in front | "a dog holding a balloon" |
| riding | a rider on a mount's back or saddle | "a bear on a bicycle" |
| driving, boating | a driver who looks over a vehicle's or a boat's edge | "a cat driving a car" |
| in | a content behind a vessel's rim: the vessel's front is drawn again over it | "a mouse inside a cup" |
| under | something below a cloud, an umbrella, a tree | "a wolf under a rainbow" |

What several things do with each other: arrangements.py.
"""

import random
from collections.abc import Callable, Mapping, Sequence

from dalle.data.sprite_scenes.arrangements import Arrangements
from dalle.data.sprite_scenes.attachments import (
    Piece,
    attach,
    extent,
    fit,
    outline_top,
    point_of,
    rotate,
    visible_box,
    width_of,
)
from dalle.data.sprite_scenes.cast import Cast
from dalle.data.sprite_scenes.interaction_words import describe
from dalle.data.sprite_scenes.plan import PLAIN_SIZE, Foreground
from dalle.data.sprite_scenes.roles import Player, Troupe, find_players
from dalle.data.sprite_scenes.sampling import Weighted, pick, retry

WEIGHTS: Mapping[str, float] = {  # of the kinds of interactions among each other
    **{"wearing": 8, "holding": 3, "riding": 3, "driving": 2, "boating": 0.5, "in": 3, "under": 1.5},
    **{"behind": 2, "between": 1, "around": 1, "pile": 1},
}
WORN: Mapping[str, tuple[float, Mapping[str, float]]] = {  # weight, and weights of who wears it
    "hat": (6, {"face": 3, "animal": 5, "side": 2, "person": 1.5, "thing": 2}),
    "eyewear": (4, {"face": 3, "animal": 5, "person": 1.5, "thing": 2}),
    "ears": (0.7, {"face": 3, "animal": 5, "person": 1.5}),
    "bow": (1.2, {"face": 2, "animal": 5, "person": 1}),
    "neck": (1.5, {"face": 1, "animal": 5, "person": 1}),
}
ACTORS: Mapping[str, float] = {"face": 2, "animal": 5, "side": 3, "person": 2, "thing": 0.6}  # elsewhere
CONTENTS: Mapping[str, float] = {"face": 1, "animal": 5, "side": 2, "person": 1, "thing": 2, "held": 1}
BROW = 0.3  # of the way from the top of a head to the eyes: where hats sit
NECK = 0.48  # of a head's width, from the eyes down
BOW_SIDE = 0.3  # of a head's width, from the middle
TURN, HELD_TURN = 10.0, 8.0  # degrees, largest
HANDS = (0.68, 0.82)  # heights of hands, as fractions of the holder's visible box
FEET = 0.94  # of a rider's height: what meets the seat
CHIN, MAX_CHIN = 0.24, 0.85  # of the visible box: how far below the eyes an edge may hide what is behind it
MIN_DEPTH = 0.06  # of a host's square, below the feet of what looks out of it
MIN_EXTENT = 0.18  # of the widest piece: a smaller one would not be seen
MIN_SIDE = 0.9  # of PLAIN_SIZE: the smallest a whole scene is drawn
MIRRORED_SHARE = 0.3
UNMIRRORED = frozenset({"vehicle"})  # many bear letters

Draw = Callable[[random.Random], Foreground | None]


class Interactions:
    """Draws foregrounds of interactions of what `cast` may show. `kinds`: all that are possible."""

    def __init__(self, cast: Cast):
        self._cast, self._properties = cast, cast.properties
        players = find_players(cast.properties, cast.sampler.concepts)
        self._troupe = Troupe(cast.properties, players)
        self._wearers = {worn: self._weighted(weights) for worn, (_, weights) in WORN.items()}
        self._worn = Weighted(
            {
                worn: weight
                for worn, (weight, _) in WORN.items()
                if self._troupe.has(worn) and self._wearers[worn].options
            }
        )
        self._actors, self._contents = self._weighted(ACTORS), self._weighted(CONTENTS)
        draws: dict[str, Draw] = {}
        if self._worn.options:
            draws["wearing"] = self._wearing
        if self._actors.options:
            draws |= self._of_actors()
        draws |= Arrangements(cast, players).draws
        self.kinds: Mapping[str, Callable[[random.Random], Foreground]] = {
            kind: _retrying(draw, kind) for kind, draw in draws.items()
        }

    def _of_actors(self) -> dict[str, Draw]:
        """The kinds with an actor for which there are sprites."""
        covers = [role for role in ("cover", "sky") if self._troupe.has(role)]
        draws: dict[str, tuple[Sequence[str], Draw]] = {
            "holding": (["held"], self._holding),
            "riding": (["mount"], self._riding),
            "driving": (["vehicle"], lambda rng: self._driving(rng, "vehicle")),
            "boating": (["boat"], lambda rng: self._driving(rng, "boat")),
            "in": (["vessel"], self._inside),
            "under": (covers[:1] or ["cover"], lambda rng: self._under(rng, pick(rng, covers))),
        }
        return {kind: draw for kind, (roles, draw) in draws.items() if self._troupe.has(*roles)}

    def _weighted(self, weights: Mapping[str, float]) -> Weighted[str]:
        return Weighted({role: weight for role, weight in weights.items() if self._troupe.has(role)})

    # --- kinds

    def _wearing(self, rng: random.Random) -> Foreground | None:
        kind = self._worn.draw(rng)
        host = self._troupe.draw(rng, self._wearers[kind].draw(rng))
        guest = self._partner(rng, kind, host)
        if guest is None:
            return None
        head = host.width * width_of(self._properties, host.sprite)
        eyes = point_of(self._properties, host.sprite, host.x, host.y)
        target, turn = eyes, 0.0
        if kind == "hat":
            turn = rng.uniform(-TURN, TURN)
            _, top = outline_top(self._properties, host.sprite, host.x)
            across, down = rotate((0, (1 - BROW) * (top - eyes[1])), turn)
            target = eyes[0] + across, eyes[1] + down
        elif kind == "ears":
            target = eyes[0], outline_top(self._properties, host.sprite, host.x)[1]
        elif kind == "bow":
            turn = rng.uniform(-TURN, TURN)
            side = BOW_SIDE * pick(rng, (-1, 1))
            target = outline_top(self._properties, host.sprite, host.x + side * host.width)
        elif kind == "neck":
            target = eyes[0], eyes[1] + NECK * head
        width, grip = guest.width * head, (guest.x, guest.y)
        worn = attach(self._properties, guest.sprite, width, grip, target, guest.angle + turn)
        return self._foreground(rng, kind, host, guest, [Piece(host.sprite), worn])

    def _holding(self, rng: random.Random) -> Foreground | None:
        host = self._actor(rng)
        guest = self._partner(rng, "held", host)
        if guest is None:
            return None
        hand = point_of(self._properties, host.sprite, pick(rng, (0.08, 0.92)), rng.uniform(*HANDS))
        width = guest.width * width_of(self._properties, host.sprite)
        angle = guest.angle + rng.uniform(-HELD_TURN, HELD_TURN)
        held = attach(self._properties, guest.sprite, width, (guest.x, guest.y), hand, angle)
        return self._foreground(rng, "held", host, guest, [Piece(host.sprite), held])

    def _riding(self, rng: random.Random) -> Foreground | None:
        mount = self._troupe.draw(rng, "mount")
        rider = self._partner(rng, self._actors.draw(rng), mount)
        if rider is None:
            return None
        sitting = self._on_point(rider, mount, FEET)
        below = Piece(mount.sprite, angle=mount.angle)
        return self._foreground(rng, "mount", rider, mount, [below, sitting])

    def _driving(self, rng: random.Random, role: str) -> Foreground | None:
        vehicle = self._troupe.draw(rng, role)
        driver = self._partner(rng, self._actors.draw(rng), vehicle)
        if driver is None:
            return None
        looking = self._on_point(driver, vehicle, min(driver.y + CHIN, MAX_CHIN))
        if not self._hides(vehicle, looking):
            return None
        return self._foreground(rng, role, driver, vehicle, [looking, Piece(vehicle.sprite)])

    def _inside(self, rng: random.Random) -> Foreground | None:
        vessel = self._troupe.draw(rng, "vessel")
        content = self._partner(rng, self._contents.draw(rng), vessel)
        if content is None:
            return None
        _, rim = point_of(self._properties, vessel.sprite, vessel.x, vessel.y)
        piece = self._on_point(content, vessel, min(content.y + CHIN, MAX_CHIN))
        if not self._hides(vessel, piece):
            return None
        back, front = Piece(vessel.sprite), Piece(vessel.sprite, top=rim + 0.5)
        return self._foreground(rng, "vessel", content, vessel, [back, piece, front])

    def _under(self, rng: random.Random, role: str) -> Foreground | None:
        cover = self._troupe.draw(rng, role)
        guest = self._partner(rng, self._actors.draw(rng), cover)
        if guest is None:
            return None
        pieces = [Piece(cover.sprite), self._on_point(guest, cover, 0)]
        return self._foreground(rng, role, guest, cover, pieces)

    # --- parts

    def _actor(self, rng: random.Random) -> Player:
        return self._troupe.draw(rng, self._actors.draw(rng))

    def _partner(self, rng: random.Random, role: str, other: Player) -> Player | None:
        """Somebody for a role; None if the two must not be in one picture."""
        found, slugs = self._troupe.draw_beside(rng, role, other), self._cast.names.slugs
        if found.concept == other.concept:
            return None
        return found if self._cast.may_meet(slugs[found.concept], slugs[other.concept]) else None

    def _on_point(self, guest: Player, host: Player, down: float) -> Piece:
        """A guest of the width that a host says, at the host's point: its middle, `down` of its height."""
        target = point_of(self._properties, host.sprite, host.x, host.y, host.angle)
        width = host.width * width_of(self._properties, host.sprite)
        return attach(self._properties, guest.sprite, width, (0.5, down), target)

    def _hides(self, host: Player, behind: Piece) -> bool:
        """Whether a host reaches farther down than what looks out of it."""
        return visible_box(self._properties, behind)[3] < self._properties.box(host.sprite)[3] - MIN_DEPTH

    def _foreground(
        self, rng: random.Random, kind: str, first: Player, second: Player, pieces: Sequence[Piece]
    ) -> Foreground | None:
        """The scene of two players and its caption; None where one would be too small to be seen."""
        extents = [extent(visible_box(self._properties, piece)) for piece in pieces]
        if min(extents) < MIN_EXTENT * max(extents):
            return None
        text, stated, facts = describe(rng, self._cast, kind, first, second)
        mirrored = kind not in UNMIRRORED and rng.random() < MIRRORED_SHARE
        layers = fit(self._properties, pieces, PLAIN_SIZE * rng.uniform(MIN_SIDE, 1), mirrored)
        return Foreground(text, layers, frozenset(stated), frozenset(facts))


def _retrying(draw: Draw, kind: str) -> Callable[[random.Random], Foreground]:
    return lambda rng: retry(lambda: draw(rng), f"things for a scene of kind {kind!r}")
