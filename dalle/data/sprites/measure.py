"""What a drawing looks like, before it is drawn: where its content is, its colours, and its defects.

A drawing is measured at MEASURED_SIZE whatever size it is drawn at, so that sets of different sizes hold the
same sprites.
"""

from dataclasses import dataclass

import numpy as np

from dalle.data.sprites.raster import Artwork, Box, render, square

MEASURED_SIZE = 128  # pixels a side
THUMBNAIL = 16  # pixels a side
VISIBLE = 8  # of 255: alpha from which a pixel counts as content
MIN_COVERAGE = 0.01  # share of the content box
MAX_FILLED = 0.995  # share of opaque pixels in the content box: what has more is a picture, not a drawing
MAX_ASPECT = 6.0  # longer side to shorter side of the content box
COLOURED = 24  # of 255: chroma (largest less smallest channel) of a pixel that has a colour
MIN_COLOURED = 0.03  # share of the visible pixels of a drawing in colour
DARK = 48  # of 255: no pixel of a monochrome drawing is lighter


@dataclass(frozen=True)
class Measured:
    """What is known of a drawing before it is drawn. `defect` says why it is unusable, or is empty."""

    box: Box  # of the content, in the artwork's own units
    colour: str  # "colour", "grey" or "monochrome"
    thumbnail: bytes  # (THUMBNAIL, THUMBNAIL, 3) uint8 of the content on white
    defect: str = ""


NOTHING = Measured((0, 0, 0, 0), "", b"")


def measure(artwork: Artwork) -> Measured:
    """Find a drawing's content, its colours and its defects; runs in a worker process."""
    try:
        pixels = render(artwork, artwork.box, MEASURED_SIZE)
    except ValueError as error:
        return Measured(NOTHING.box, "", b"", f"cannot be drawn: {str(error).splitlines()[0][:80]}")
    seen = pixels[..., 3] > VISIBLE
    if not seen.any():
        return Measured(NOTHING.box, "", b"", "empty")
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    inside = (columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0])
    box = _to_units(inside, artwork)
    thumbnail = _thumbnail(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return Measured(box, _colour(pixels[seen]), thumbnail, _defect(pixels, inside))


def _to_units(inside: tuple[int, int, int, int], artwork: Artwork) -> Box:
    """Pixels of the measured picture -> units of the artwork's plane."""
    left, top, width, _ = square(artwork.box)
    scale = width / MEASURED_SIZE
    x = MEASURED_SIZE - inside[0] - inside[2] if artwork.mirrored else inside[0]
    return (left + x * scale, top + inside[1] * scale, inside[2] * scale, inside[3] * scale)


def _thumbnail(content: np.ndarray) -> bytes:
    from PIL import Image

    white = Image.new("RGBA", (content.shape[1], content.shape[0]), "white")
    white.alpha_composite(Image.fromarray(content))
    return white.convert("RGB").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX).tobytes()


def _colour(visible: np.ndarray) -> str:
    """Visible pixels (n, 4) -> "colour", "grey", or "monochrome" where all of them are black."""
    rgb = visible[visible[:, 3] > 64, :3].astype(np.int16)
    if not len(rgb):
        rgb = visible[:, :3].astype(np.int16)
    chroma = rgb.max(1) - rgb.min(1)
    if np.mean(chroma > COLOURED) > MIN_COLOURED:
        return "colour"
    return "monochrome" if np.mean(rgb.max(1) > DARK) < 0.002 else "grey"


def _defect(pixels: np.ndarray, inside: tuple[int, int, int, int]) -> str:
    left, top, width, height = inside
    content = pixels[top : top + height, left : left + width, 3]
    if max(width, height) > MAX_ASPECT * min(width, height):
        return "too long and thin"
    if content.sum() < 255 * MIN_COVERAGE * max(width, height) ** 2:
        return "nearly empty"
    if np.mean(content[1:-1, 1:-1] > 250) > MAX_FILLED:  # its edge may be soft
        return "fills its rectangle"
    return ""
