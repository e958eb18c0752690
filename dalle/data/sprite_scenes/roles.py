"""Which sprites can wear, hold, ride and contain each other, and where: roles.tsv, made by eye.

A row says for some concepts, in some sets of drawings, where on the drawing another one is attached: a point
and a width as fractions of the visible box, x to the right and y downwards.

| role | point | width |
|---|---|---|
| face, animal, person, thing | between the eyes of who can wear something | of the head |
| side | likewise; no glasses: the head from the side, or eyes that make the face | of the head |
| hat, ears | what meets the brow, the top of the head | of the thing, in widths of the head |
| eyewear, bow, neck | what meets the eyes, the side of the head's top, the neck | likewise |
| held | where it is held | of the thing, in widths of the holder |
| mount | where the rider sits | of the rider, in widths of the mount |
| vehicle, boat | the edge over which the driver looks | of the driver, likewise |
| vessel | the middle of the rim | of the content, likewise |
| cover, sky | where the top of what is under it is | of what is under it, likewise |
| small | the middle | 1: things that lie in a heap or around a large one |
"""

import random
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dalle.data.sprite_scenes.properties import SpriteProperties
from dalle.data.sprite_scenes.sampling import pick

ROLES_FILE = Path(__file__).with_name("roles.tsv")
COLUMNS = 8
SETS = {  # letters of roles.tsv -> names of sources; drawings of the letters in one word agree
    "n": ("noto",),
    "b": ("noto-v1",),
    "t": ("twemoji",),
    "f": ("fluent-emoji", "fluent-emoji-flat", "fluent-emoji-3d"),
    "l": ("fluent-emoji", "fluent-emoji-flat"),
    "3": ("fluent-emoji-3d",),
    "x": ("fxemoji",),
    "e": ("emojione",),
    "s": ("streamline-emojis",),
    "c": ("openclipart",),
}
MIXED_STYLE_SHARE = 0.3  # of pairs: the second drawing is of any set


@dataclass(frozen=True)
class Player:
    """One sprite in a role."""

    concept: int
    sprite: int
    x: float
    y: float
    width: float
    angle: float = 0.0  # degrees by which the drawing is turned to be level
    names: tuple[str, ...] = ()  # in captions, where they are others than the concept's label


class Troupe:
    """Draws who plays a role. Concepts have equal chances, and so have the sprites of one."""

    def __init__(self, properties: SpriteProperties, players: dict[str, list[Player]]):
        self._properties = properties
        self._all: dict[str, list[list[Player]]] = {}
        self._by_style: dict[tuple[str, str], list[list[Player]]] = {}
        for role, members in players.items():
            by_style: dict[str, list[Player]] = defaultdict(list)
            for member in members:
                by_style[properties.style(member.sprite)].append(member)
            self._all[role] = _by_concept(members)
            self._by_style |= {(role, style): _by_concept(drawn) for style, drawn in by_style.items()}

    def has(self, *roles: str) -> bool:
        """Whether there is somebody for each of the roles."""
        return all(self._all.get(role) for role in roles)

    def draw(self, rng: random.Random, role: str) -> Player:
        """Somebody for a role; KeyError where there is nobody."""
        return pick(rng, pick(rng, self._all[role]))

    def draw_beside(self, rng: random.Random, role: str, other: Player) -> Player:
        """The same, mostly in the style of another one where there is somebody in it."""
        same = self._by_style.get((role, self._properties.style(other.sprite)))
        if same is None or rng.random() < MIXED_STYLE_SHARE:
            return self.draw(rng, role)
        return pick(rng, pick(rng, same))


def _by_concept(players: list[Player]) -> list[list[Player]]:
    groups: dict[int, list[Player]] = defaultdict(list)
    for player in players:
        groups[player.concept].append(player)
    return list(groups.values())


@cache
def rows() -> list[list[str]]:
    """The rows of roles.tsv, each of COLUMNS texts."""
    lines = ROLES_FILE.read_text(encoding="utf-8").splitlines()
    return [
        (line.split("\t") + [""] * COLUMNS)[:COLUMNS] for line in lines if line and not line.startswith("#")
    ]


def find_players(properties: SpriteProperties, concepts: Collection[int]) -> dict[str, list[Player]]:
    """Role -> the sprites of these concepts that can play it."""
    sprites = properties.sprites
    by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
    for concept in concepts:
        for at in sprites.by_concept[concept]:
            source = sprites.sources[sprites.sprites[at].source].name
            by_name[sprites.concepts[concept].slug, source].append(at)
    found: dict[str, list[Player]] = defaultdict(list)
    for role, slugs, sets, x, y, width, angle, names in rows():
        words = tuple(name.strip() for name in names.split(";") if name.strip())
        numbers = float(x), float(y), float(width), float(angle or 0)
        for slug in slugs.split():
            for source in (source for letter in sets for source in SETS[letter]):
                for at in by_name.get((slug, source), ()):
                    found[role].append(Player(properties.concept_index(at), at, *numbers, words))
    return dict(found)
