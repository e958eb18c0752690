"""What is measured of sprites, on discs of known size, colour and rim."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from small_set import SIZE, disc, drawing, small_properties, small_set

from dalle.data.scenes.colours import COLOURS, dominant_colour, recolour
from dalle.data.sprite_scenes.properties import SpriteProperties
from dalle.data.sprites.sprite_set import SpriteSet


def properties_of(colour: list[np.ndarray], masks: list[np.ndarray]) -> SpriteProperties:
    """Properties of these drawings, the coloured ones first."""
    known = small_set()
    first = known.sprites[0]
    sprites = [replace(first, row=row, monochrome=False) for row in range(len(colour))]
    sprites += [replace(first, row=row, monochrome=True) for row in range(len(masks))]
    empty = np.empty((0, SIZE, SIZE, 4), np.uint8), np.empty((0, SIZE, SIZE), np.uint8)
    return SpriteProperties(
        replace(
            known,
            sprites=tuple(sprites),
            colour=np.stack(colour) if colour else empty[0],
            masks=np.stack(masks) if masks else empty[1],
        )
    )


def test_box_and_mask_are_those_of_the_visible_part() -> None:
    shifted = disc(0.25, (0.25, 0.5))
    found = properties_of([drawing("blue", 0.25)], [shifted])
    assert found.box(0) == pytest.approx((-0.25, -0.25, 0.25, 0.25), abs=1 / SIZE)
    assert found.box(1) == pytest.approx((-0.5, -0.25, 0.0, 0.25), abs=1 / SIZE)
    assert (found.mask(1) == (shifted > 0)).all()
    assert found.coverage(1) == pytest.approx((shifted > 0).mean())


def test_the_dominant_colour_is_that_of_colours() -> None:
    """Colours are named in bins, for speed; the names must stay those of `dominant_colour`."""
    found = properties_of([drawing(name) for name in COLOURS], [disc(0.4)])
    assert [found.dominant_colour(at) for at in range(len(COLOURS))] == list(COLOURS)
    assert found.dominant_colour(len(COLOURS)) == "black"


def test_a_sprite_takes_the_colours_that_recolouring_gives_it() -> None:
    pixels = drawing("orange", rim=0.1)
    found = properties_of([pixels], [])
    for name in COLOURS:
        painted = recolour(pixels, name)
        seen = dominant_colour(painted[painted[..., 3] > 0][:, :3])
        assert found.takes_colour(0, name) == (seen == name), name


def test_rims_and_thin_lines_count_as_outlines() -> None:
    """A black disc is dark at its edge and inside: that is no outline."""
    found = properties_of(
        [drawing("orange", rim=0.1), drawing("orange"), drawing("black")],
        [disc(0.45) - disc(0.38), disc(0.45)],
    )
    scores = [found.outline_score(at) for at in range(5)]
    assert scores[0] > 0.9 and scores[3] > 0.9
    assert max(scores[1], scores[2], scores[4]) < 0.1


def test_a_loaded_table_needs_no_pixels(tmp_path: Path) -> None:
    """Fifteen workers load it at once; none may read the drawings."""
    known = small_properties()
    write_index(known.sprites, tmp_path / "index.json")
    known.save(tmp_path / "properties.npz")
    loaded = SpriteProperties.load(tmp_path / "properties.npz", tmp_path / "index.json")
    for sprite in range(len(known.sprites.sprites)):
        assert loaded.box(sprite) == known.box(sprite)
        assert loaded.style(sprite) == known.style(sprite)
        assert loaded.concept(sprite) == known.concept(sprite)
        assert (loaded.mask(sprite) == known.mask(sprite)).all()
    for name, array in known.table().items():
        assert (loaded.table()[name] == array).all(), name


def test_a_table_of_another_set_is_refused(tmp_path: Path) -> None:
    known = small_properties()
    known.save(tmp_path / "properties.npz")
    write_index(replace(known.sprites, digest="other"), tmp_path / "index.json")
    with pytest.raises(ValueError, match="another set"):
        SpriteProperties.load(tmp_path / "properties.npz", tmp_path / "index.json")


def write_index(sprites: SpriteSet, path: Path) -> None:
    """An index.json as the build writes it."""
    index = {
        "subset": sprites.subset,
        "size": sprites.size,
        "digest": sprites.digest,
        "concepts": [asdict(concept) for concept in sprites.concepts],
        "sprites": [list(asdict(sprite).values()) for sprite in sprites.sprites],
        "sources": [asdict(source) for source in sprites.sources],
    }
    path.write_text(json.dumps(index))
