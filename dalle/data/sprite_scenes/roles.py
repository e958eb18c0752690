"""Which sprites can wear, hold, ride and hold each other, and where: roles.tsv, found by looking at drawings.

A row says for some concepts, in some sets of drawings, where on the drawing another one is attached: a point
and a width as fractions of the visible box, x to the right and y downwards.

| role | point | width |
|---|---|---|
| face, animal, side, person, thing | between the eyes of who can wear | of the head |
| hat, ears | what meets the top of the head | of the thing, in widths of the head |
| eyewear, bow, neck | what meets the eyes, the side of the head's top, the neck | likewise |
| held | where it is held | of the thing, in widths of the holder |
| mount, vehicle, boat | where the rider sits, or the roof | of the rider |
| vessel | the middle of the rim | of the content |
| cover | where the top of what is under it is | of what is under it |
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dalle.data.sprite_scenes.properties import SpriteProperties

ROLES_FILE = Path(__file__).with_name("roles.tsv")
SETS = {  # letters of roles.tsv -> names of sources; drawings of the letters in one word agree
    "n": ("noto",),
    "b": ("noto-v1",),
    "t": ("twemoji",),
    "f": ("fluent-emoji", "fluent-emoji-flat", "fluent-emoji-3d"),
    "l": ("fluent-emoji-flat",),
    "3": ("fluent-emoji-3d",),
    "x": ("fxemoji",),
    "e": ("emojione",),
    "s": ("streamline-emojis",),
    "c": ("openclipart",),
}


@dataclass(frozen=True)
class Role:
    """One sprite in a role."""

    sprite: int
    x: float
    y: float
    width: float
    angle: float  # degrees by which the drawing is turned to be level
    names: tuple[str, ...]  # in captions, where they are others than the concept's label


@cache
def _rows() -> list[list[str]]:
    lines = ROLES_FILE.read_text(encoding="utf-8").splitlines()
    return [(line.split("\t") + [""] * 8)[:8] for line in lines if line and not line.startswith("#")]


def find_roles(properties: SpriteProperties) -> dict[str, list[Role]]:
    """Role -> the sprites of a set that can play it; of two rows for a sprite the later one counts."""
    sprites = properties.sprites
    by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, sprite in enumerate(sprites.sprites):
        by_name[sprites.concepts[sprite.concept].slug, sprites.sources[sprite.source].name].append(at)
    found: dict[str, dict[int, Role]] = defaultdict(dict)
    for role, slugs, sets, x, y, width, angle, names in _rows():
        words = tuple(name.strip() for name in names.split(";") if name.strip())
        for slug in slugs.split():
            for source in (source for letter in sets for source in SETS[letter]):
                for at in by_name[slug, source]:
                    found[role][at] = Role(at, float(x), float(y), float(width), float(angle or 0), words)
    return {role: list(members.values()) for role, members in found.items()}
