"""A small set of sprites: discs in colour and monochrome, with emoji, nouns and a composition as concepts."""

from functools import cache

import numpy as np

from dalle.data.scenes.colours import COLOURS
from dalle.data.sprite_scenes.properties import SpriteProperties
from dalle.data.sprites.sprite_set import Concept, Source, Sprite, SpriteSet

SIZE = 32
EMOJI = {
    **{"cat": "animals & nature", "dog": "animals & nature", "fox": "animals & nature"},
    **{"melon": "food & drink", "red apple": "food & drink", "pear": "food & drink", "bread": "food & drink"},
    **{"chef": "people & body", "hammer": "objects", "guitar": "objects", "wave dash": "symbols"},
}
NOUNS = (
    "chair",
    "kettle",
    "lamp",
    "sword",
    "boot",
    "sausage",
    "honey",
    "wheel",
    "knife",
    "drum",
    "kite",
    "oak",
)
EMOJI_SOURCES, OTHER_SOURCES, ICON_SOURCES = ("noto", "twemoji"), ("openclipart",), ("tabler", "mdi")
STYLES = {
    "noto": "noto",
    "twemoji": "twemoji",
    "openclipart": "clip art",
    "tabler": "outline icon",
    "mdi": "solid icon",
}


def disc(radius: float, centre: tuple[float, float] = (0.5, 0.5)) -> np.ndarray:
    """Alpha of a disc: (SIZE, SIZE) uint8; lengths are fractions of the side."""
    at = (np.arange(SIZE) + 0.5) / SIZE
    distance = np.hypot(at[None] - centre[0], at[:, None] - centre[1])
    return np.where(distance < radius, 255, 0).astype(np.uint8)


def drawing(colour: str, radius: float = 0.45, rim: float = 0.0) -> np.ndarray:
    """A disc in a colour with a black rim of this width: (SIZE, SIZE, 4) uint8."""
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    pixels[..., :3] = COLOURS[colour]
    pixels[disc(radius - rim) == 0, :3] = 0
    pixels[..., 3] = disc(radius)
    return pixels


def small_set() -> SpriteSet:
    """Every emoji in both emoji sources, every noun as clip art with and without a rim, or as two icons."""
    concepts, sprites, colour, masks = [], [], [], []
    sources = [*EMOJI_SOURCES, *OTHER_SOURCES, *ICON_SOURCES]

    def add(source: str, pixels: np.ndarray) -> None:
        rows = colour if pixels.ndim == 3 else masks
        sprites.append(
            Sprite(len(concepts) - 1, sources.index(source), len(rows), pixels.ndim == 2, "", "", "")
        )
        rows.append(pixels)

    for at, (label, group) in enumerate(EMOJI.items()):
        words = {"en": ("pet", "animal") if at < 3 else (), "de": ("Tier",) if at < 3 else ()}
        labels = {"en": label, "de": f"{label} auf Deutsch"}
        slug = label.replace(" ", "-")
        concepts.append(Concept(slug, "emoji", chr(0x1F400 + at), group, "", slug, labels, words))
        for source in EMOJI_SOURCES:
            add(source, drawing(list(COLOURS)[at % 8], 0.3 + 0.01 * at))
    for at, label in enumerate((*NOUNS, "person riding horse")):
        kind = "noun" if label in NOUNS else "composition"
        slug = label.replace(" ", "-")
        concepts.append(Concept(slug, kind, "", "artifact", "", slug, {"en": label}, {}))
        if at % 2 == 0:
            add("openclipart", drawing("orange", rim=0.1))
            add("openclipart", drawing("orange"))
        add("mdi", disc(0.4))
        if at % 3 == 0:
            add("tabler", disc(0.4) - disc(0.33))
    return SpriteSet(
        subset="training",
        size=SIZE,
        digest="small",
        concepts=tuple(concepts),
        sprites=tuple(sprites),
        sources=tuple(Source(name, STYLES[name], name, "1", name, "", "", "MIT", "") for name in sources),
        colour=np.stack(colour),
        masks=np.stack(masks),
    )


@cache
def small_properties() -> SpriteProperties:
    return SpriteProperties(small_set())
