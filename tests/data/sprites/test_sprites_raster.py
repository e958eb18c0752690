"""Drawings to pixels: where the content is, what colours it has, and that every size shows the same."""

import io

import numpy as np
import pytest
from PIL import Image

from dalle.data.sprites.measure import measure
from dalle.data.sprites.raster import PADDING, Artwork, draw, padded

CIRCLE = '<circle cx="20" cy="30" r="5" fill="{}"/>'
BOX = (0, 0, 100, 50)


def webp(colour: tuple[int, int, int, int], corner: int) -> bytes:
    """A WebP file of 256 x 256 with a rectangle from its corner."""
    picture = Image.new("RGBA", (256, 256))
    picture.paste(colour, (0, 0, corner, corner // 2))
    file = io.BytesIO()
    picture.save(file, "WEBP", lossless=True)
    return file.getvalue()


def test_content_is_found_and_centred() -> None:
    """Sets leave a sixth of their frame empty, or nothing: the renderer must not have to know."""
    artwork = Artwork(CIRCLE.format("red"), BOX)
    found = measure(artwork)
    np.testing.assert_allclose(found.box, (15, 25, 10, 10), atol=1)
    for size in (64, 128):
        pixels = draw((artwork, padded(found.box), False, size))
        assert pixels.shape == (size, size, 4) and pixels.dtype == np.uint8
        rows, columns = (np.flatnonzero((pixels[..., 3] > 100).any(axis)) for axis in (1, 0))
        edge = round(size * PADDING)
        assert abs(rows[0] - edge) <= 2 and abs(size - 1 - rows[-1] - edge) <= 2
        assert abs(columns[0] - edge) <= 2 and abs(size - 1 - columns[-1] - edge) <= 2


def test_mirrored_drawings_keep_their_content() -> None:
    """The content box is told in the plane of the drawing, which a mirror turns round."""
    half = Artwork('<path fill="red" d="M10 10h20v10h-10v10h-10z"/>', (0, 0, 100, 100), mirrored=True)
    pixels = draw((half, padded(measure(half).box), False, 64))
    assert pixels[12, 12, 3] and pixels[12, 50, 3] and pixels[50, 50, 3] and not pixels[50, 12, 3]


@pytest.mark.parametrize(
    ("colour", "kind"),
    [("#d02020", "colour"), ("black", "monochrome"), ("#888", "grey"), ("#111", "monochrome")],
)
def test_kinds_of_colour(colour: str, kind: str) -> None:
    """A black drawing is stored as a mask: one with any other colour would lose it."""
    assert measure(Artwork(CIRCLE.format(colour), BOX)).colour == kind
    two = CIRCLE.format("black") + '<circle cx="32" cy="30" r="5" fill="#2040d0"/>'
    assert measure(Artwork(two, BOX)).colour == "colour"


def test_monochrome_drawings_are_masks() -> None:
    """A quarter of the bytes, and any colour at composition time."""
    artwork = Artwork(CIRCLE.format("black"), BOX)
    mask = draw((artwork, padded(measure(artwork).box), True, 32))
    assert mask.shape == (32, 32) and mask[16, 16] == 255 and mask[0, 0] == 0


@pytest.mark.parametrize(
    ("body", "defect"),
    [
        ("<g/>", "empty"),
        ('<path d="M0 10h100v1H0z"/>', "too long and thin"),
        ('<path fill="none" stroke="black" stroke-width=".2" d="M0 0L50 50"/>', "nearly empty"),
        ('<path d="M10 10h20v20H10z"/>', "fills its rectangle"),
        ("<path d=", "cannot be drawn"),
        (CIRCLE.format("red"), ""),
    ],
)
def test_defects(body: str, defect: str) -> None:
    """An empty or broken drawing under a good name teaches nothing but noise."""
    found = measure(Artwork(body, BOX)).defect
    assert found.startswith(defect) and bool(found) == bool(defect)


def test_webp_is_cropped_like_svg() -> None:
    """The 3-D set comes as pixels; its soft edges must not darken where they are resized."""
    artwork = Artwork(box=(0, 0, 256, 256), webp=webp((255, 128, 0, 255), 200))
    found = measure(artwork)
    np.testing.assert_allclose(found.box, (0, 0, 200, 100), atol=2)
    pixels = draw((artwork, padded(found.box), False, 64))
    seen = pixels[..., 3] > 100
    np.testing.assert_allclose(pixels[seen][:, :3].astype(int) - (255, 128, 0), 0, atol=4)
    assert seen[32].sum() >= 58 and not seen[8].any() and not pixels[~(pixels[..., 3] > 0)].any()
