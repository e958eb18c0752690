"""The built set of sprites: drawings with transparency, and the concepts that they show.

    data/sprites-128/{colour.npy, masks.npy, index.json}  --SpriteSet.load-->  pixels, sprites, concepts

Drawings in colour are (size, size, 4) uint8 with straight alpha. Monochrome ones are stored as their alpha
alone, black by default, and can be painted in any colour. Both files are memory-mapped: a set opens at once,
and reads only the pictures that are asked for.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dalle.data.emoji.emoji_set import is_held_out
from dalle.data.emoji.names import read_json

SPRITES_FOLDER = Path("data/sprites-128")
SPRITES_COMMAND = "python -m dalle dataset sprites"
FILES = ("colour.npy", "masks.npy", "index.json")


@dataclass(frozen=True)
class Concept:
    """What sprites show. `labels` and `keywords` are by language: "en", "de", "zh-hant"."""

    slug: str  # the concept's id: letters, digits and hyphens
    kind: str  # "emoji", "noun", or "composition" of several things: "person riding horse"
    emoji: str  # the character; empty where there is none
    group: str  # Unicode's: "food & drink"; of a noun WordNet's: "artifact"
    subgroup: str  # Unicode's: "food-fruit"; of a noun the next wider one: "hand tool"
    canonical: str  # slug of the concept that this one nearly repeats ("man-running": "person-running")
    labels: dict[str, str]
    keywords: dict[str, tuple[str, ...]]

    @property
    def label(self) -> str:
        """The English name, a singular noun phrase where the thing can be counted."""
        return self.labels["en"]


@dataclass(frozen=True)
class Sprite:
    """One drawing. `row` is its place in colour.npy, or in masks.npy where it is monochrome."""

    concept: int  # index into SpriteSet.concepts
    source: int  # index into SpriteSet.sources
    row: int
    monochrome: bool
    id: str  # the drawing's name in its source
    title: str  # what the source calls it, where that tells more than the label: "spiked snail"
    credit: str  # the author, where the source names one for each drawing


@dataclass(frozen=True)
class Source:
    """One set of drawings, or of names where `style` is empty: whom to credit, and what became of it."""

    name: str
    style: str  # what a caption calls it: "clip art" for "a cat, clip art style"
    package: str
    version: str
    title: str
    author: str
    url: str
    licence: str  # SPDX
    licence_url: str
    colour: int = 0  # sprites in colour
    monochrome: int = 0
    left_out: dict[str, int] = field(default_factory=dict)  # reason -> drawings


@dataclass(frozen=True, eq=False)
class SpriteSet:
    """All sprites of one size. `digest` is the sha256 of both pixel files and the index."""

    subset: str  # "training" or "held-out"
    size: int  # pixels a side
    digest: str
    concepts: tuple[Concept, ...]
    sprites: tuple[Sprite, ...]
    sources: tuple[Source, ...]
    colour: np.ndarray  # (n, size, size, 4) uint8, read-only
    masks: np.ndarray  # (m, size, size) uint8, read-only

    @classmethod
    def load(cls, folder: Path = SPRITES_FOLDER) -> "SpriteSet":
        """Open the set in `folder`. FileNotFoundError where there is none, ValueError where it is damaged."""
        folder = Path(folder)
        if not is_sprite_set(folder):
            raise FileNotFoundError(f"no sprites in {folder}; build them by: {SPRITES_COMMAND}")
        try:
            return cls._read(folder)
        except (ValueError, KeyError, TypeError, EOFError) as error:
            advice = f"delete the folder and build it again by: {SPRITES_COMMAND}"
            raise ValueError(f"the sprites in {folder} are damaged ({error}); {advice}") from error

    @classmethod
    def _read(cls, folder: Path) -> "SpriteSet":
        index = read_json(folder / "index.json")
        colour, masks = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in FILES[:2])
        sprites = tuple(Sprite(*row) for row in index["sprites"])
        size, monochrome = index["size"], sum(sprite.monochrome for sprite in sprites)
        shapes = (len(sprites) - monochrome, size, size, 4), (monochrome, size, size)
        if (colour.shape, masks.shape) != shapes or colour.dtype != np.uint8 or masks.dtype != np.uint8:
            raise ValueError(f"arrays of {shapes} are expected, and {colour.shape, masks.shape} were found")
        return cls(
            subset=index["subset"],
            size=size,
            digest=index["digest"],
            concepts=tuple(_concept(row) for row in index["concepts"]),
            sprites=sprites,
            sources=tuple(Source(**row) for row in index["sources"]),
            colour=colour,
            masks=masks,
        )

    def rgba(self, sprite: int, colour: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
        """The pixels of a sprite: (size, size, 4) uint8, straight alpha; a monochrome one in `colour`."""
        known = self.sprites[sprite]
        if not known.monochrome:
            return np.array(self.colour[known.row])
        pixels = np.empty((self.size, self.size, 4), np.uint8)
        pixels[..., :3] = colour
        pixels[..., 3] = self.masks[known.row]
        return pixels

    def style(self, sprite: int) -> str:
        """What a caption calls the style of a sprite."""
        return self.sources[self.sprites[sprite].source].style

    @cached_property
    def by_concept(self) -> tuple[tuple[int, ...], ...]:
        """The sprites of each concept, as indices."""
        found: list[list[int]] = [[] for _ in self.concepts]
        for at, sprite in enumerate(self.sprites):
            found[sprite.concept].append(at)
        return tuple(map(tuple, found))

    def held_out(self, concept: int) -> bool:
        """Whether the autoencoder never sees this concept: about 5%, near-identical ones always together."""
        return is_held_out(self.concepts[concept].canonical)

    def sources_of(self, concept: int) -> tuple[str, ...]:
        """The names of the sources that have drawings of a concept."""
        return tuple(
            dict.fromkeys(self.sources[self.sprites[at].source].name for at in self.by_concept[concept])
        )


def is_sprite_set(folder: Path) -> bool:
    """Whether a folder has the files of a built set."""
    return all((folder / name).is_file() for name in FILES)


def _concept(row: dict[str, Any]) -> Concept:
    keywords = {language: tuple(words) for language, words in row["keywords"].items()}
    return Concept(**{**row, "keywords": keywords})
