"""A sprite set of plain shapes: built in milliseconds, with all that the loader of a built set asks for."""

import json
from pathlib import Path

import numpy as np

from dalle.data.sprites.sprite_set import SpriteSet

SIZE = 32
LABELS = ("cat", "dog", "apple", "house", "tree", "ball", "crown", "car")
STYLES = ("plain", "outlined", "pictogram")  # the last is monochrome
PALETTE = ((215, 38, 45), (245, 130, 32), (253, 208, 50), (64, 160, 67), (42, 112, 216), (134, 71, 184))


def _shape(number: int) -> np.ndarray:
    """(SIZE, SIZE) bool: an ellipse or a rectangle, another for each number."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE - 0.5
    wide, tall = 0.25 + 0.2 * (number % 2), 0.45 - 0.05 * (number % 4)
    inside = (x / wide) ** 2 + (y / tall) ** 2 < 1 if number % 3 else (abs(x) < wide) & (abs(y) < tall)
    return inside & ~((abs(x) < 0.05) & (y < -0.1))  # a notch at the top: up is not down


def _colour_drawing(number: int, outlined: bool) -> np.ndarray:
    shape = _shape(number)
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = PALETTE[number % len(PALETTE)], 255 * shape
    if outlined:
        inner = shape.copy()
        for axis in (0, 1):
            for step in (-1, 1):
                inner &= np.roll(shape, step, axis)
        pixels[shape & ~inner, :3] = 20
    pixels[~shape] = 0
    return pixels


def tiny_sprites(folder: Path) -> SpriteSet:
    """Write a set of `LABELS`, each in all `STYLES`, into `folder` -> the set."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(len(LABELS))
    colour = [_colour_drawing(number, outlined) for outlined in (False, True) for number in numbers]
    np.save(folder / "colour.npy", np.stack(colour))
    np.save(folder / "masks.npy", np.stack([255 * _shape(number).astype(np.uint8) for number in numbers]))
    concepts = [
        {
            "slug": label,
            "kind": "emoji",
            "emoji": "",
            "group": "animals & nature" if label in ("cat", "dog", "tree") else "objects",
            "subgroup": "",
            "canonical": label,
            "labels": {"en": label, "de": label.upper()},
            "keywords": {"en": [f"{label} thing"]},
        }
        for label in LABELS
    ]
    sprites = [
        [number, source, row, source == 2, f"{STYLES[source]}-{number}", "", ""]
        for source in range(len(STYLES))
        for number in numbers
        for row in [number if source == 2 else source * len(LABELS) + number]
    ]
    sources = [
        {
            "name": style,
            "style": style,
            "package": style,
            "version": "1",
            "title": style,
            "author": "somebody",
            "url": "",
            "licence": "CC0-1.0",
            "licence_url": "",
        }
        for style in STYLES
    ]
    index = {"subset": "training", "size": SIZE, "digest": "0", "concepts": concepts}
    index |= {"sprites": sprites, "sources": sources}
    (folder / "index.json").write_text(json.dumps(index))
    return SpriteSet.load(folder)
