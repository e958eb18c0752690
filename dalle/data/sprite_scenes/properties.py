"""Properties of sprites that planning needs: what each shows, where it is visible, its colours, its outline.

SpriteSet --SpriteProperties--> table --save, load--> planning in many processes, which touch no pixels
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from dalle.data.emoji.names import read_json
from dalle.data.sprite_scenes.measures import measure
from dalle.data.sprite_scenes.plan import COLOUR_NAMES
from dalle.data.sprites.sprite_set import SPRITES_FOLDER, Concept, Source, Sprite, SpriteSet

PROPERTIES_FILE = SPRITES_FOLDER / "properties.npz"

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class PropertyTable:
    """Properties of n sprites as arrays; `measures.py` says how they are found."""

    boxes: np.ndarray  # (n, 4) float32: left, top, right, bottom of the visible part, from -0.5 to 0.5
    dominant: np.ndarray  # (n,) int8: index in COLOURS of the colour that it was drawn in
    takes: np.ndarray  # (n, colours) bool: whether it is named by the colour once painted in it
    outline: np.ndarray  # (n,) float32 from 0 to 1: how far the drawing consists of dark lines
    masks: np.ndarray  # (n, M * M / 8) uint8: where it is visible, M by M bits


class SpriteProperties:
    """Properties of the sprites of a set, by their indices. Without a table, measures all sprites at once."""

    def __init__(self, sprites: SpriteSet, table: PropertyTable | None = None):
        self.sprites = sprites
        self._table = table or PropertyTable(**measure(sprites))
        if len(self._table.boxes) != len(sprites.sprites):
            raise ValueError(f"a table of {len(self._table.boxes)} sprites for {len(sprites.sprites)}")
        self._boxes: list[Box] = [tuple(box) for box in self._table.boxes.tolist()]  # floats: quick to read
        self._dominant = [COLOUR_NAMES[colour] for colour in self._table.dominant.tolist()]
        self._outline: list[float] = self._table.outline.tolist()
        self._styles = [source.style for source in sprites.sources]
        bits = np.bitwise_count(self._table.masks).sum(1, dtype=np.int64)
        self._coverage: list[float] = (bits / (8 * self._table.masks.shape[1])).tolist()
        self._mask_size = round((self._table.masks.shape[1] * 8) ** 0.5)

    # --- files

    @classmethod
    def load(
        cls, path: Path = PROPERTIES_FILE, index: Path = SPRITES_FOLDER / "index.json"
    ) -> "SpriteProperties":
        """Properties that `save` wrote, of the set with this index; its files of pixels are not opened.

        Raises FileNotFoundError where a file is missing, ValueError where they do not belong together.
        """
        sprites = _read_index(index)
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["digest"]) != sprites.digest:
                raise ValueError(f"{path} was measured on another set than {index}; delete it")
            return cls(
                sprites, PropertyTable(**{name.name: arrays[name.name] for name in fields(PropertyTable)})
            )

    def save(self, path: Path = PROPERTIES_FILE) -> None:
        """Write the table to an .npz file."""
        arrays: dict[str, Any] = {"digest": np.array(self.sprites.digest), **self.table()}
        np.savez(path, **arrays)

    def table(self) -> dict[str, np.ndarray]:
        """The arrays of `PropertyTable`, by name."""
        return {name.name: getattr(self._table, name.name) for name in fields(PropertyTable)}

    # --- one sprite

    def concept_index(self, sprite: int) -> int:
        return self.sprites.sprites[sprite].concept

    def concept(self, sprite: int) -> Concept:
        return self.sprites.concepts[self.sprites.sprites[sprite].concept]

    def style(self, sprite: int) -> str:
        """What a caption calls the drawing's style."""
        return self._styles[self.sprites.sprites[sprite].source]

    def is_monochrome(self, sprite: int) -> bool:
        return self.sprites.sprites[sprite].monochrome

    def box(self, sprite: int) -> Box:
        """Left, top, right and bottom of the visible part, from -0.5 to 0.5 of the sprite's side."""
        return self._boxes[sprite]

    def dominant_colour(self, sprite: int) -> str:
        """The name of the colour that it was drawn in; "black" of a monochrome one."""
        return self._dominant[sprite]

    def takes_colour(self, sprite: int, colour: str) -> bool:
        """Whether the sprite, recoloured, is named by that colour of COLOURS."""
        return bool(self._table.takes[sprite, COLOUR_NAMES.index(colour)])

    def colours_taken(self, sprite: int) -> list[str]:
        """All colours that the sprite takes."""
        return [COLOUR_NAMES[at] for at in np.flatnonzero(self._table.takes[sprite]).tolist()]

    def outline_score(self, sprite: int) -> float:
        """How far the drawing consists of dark lines, from 0 to 1."""
        return self._outline[sprite]

    def coverage(self, sprite: int) -> float:
        """The share of its square where the sprite is visible."""
        return self._coverage[sprite]

    def mask(self, sprite: int) -> np.ndarray:
        """Where the sprite is visible: (M, M) bool."""
        bits = np.unpackbits(self._table.masks[sprite])
        return bits.reshape(self._mask_size, self._mask_size).view(bool)


def _read_index(path: Path) -> SpriteSet:
    """The set of an index.json, with no pixels."""
    index = read_json(path)
    concepts = []
    for row in index["concepts"]:
        keywords = {language: tuple(words) for language, words in row["keywords"].items()}
        concepts.append(Concept(**{**row, "keywords": keywords}))
    size = index["size"]
    return SpriteSet(
        subset=index["subset"],
        size=size,
        digest=index["digest"],
        concepts=tuple(concepts),
        sprites=tuple(Sprite(*row) for row in index["sprites"]),
        sources=tuple(Source(**row) for row in index["sources"]),
        colour=np.empty((0, size, size, 4), np.uint8),
        masks=np.empty((0, size, size), np.uint8),
    )
