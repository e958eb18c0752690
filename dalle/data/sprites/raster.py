"""Drawings to pixels: SVG and WebP to RGBA of any size, seen through any box of their plane."""

import io
from dataclasses import dataclass

import numpy as np

PADDING = 1 / 32  # of the side, transparent, on each side of the content

Box = tuple[float, float, float, float]  # left, top, width, height


@dataclass(frozen=True)
class Artwork:
    """A drawing as its package has it: SVG elements and the part of the plane that shows, or a WebP file."""

    body: str = ""
    box: Box = (0, 0, 1, 1)
    mirrored: bool = False
    attributes: str = ""  # of the svg element: namespaces that the elements use
    webp: bytes = b""


def render(artwork: Artwork, box: Box, size: int) -> np.ndarray:
    """The square of `box` (its shorter side is centred) -> (size, size, 4) uint8, straight alpha.

    Raises ValueError for an SVG or WebP file that cannot be read.
    """
    return _render_webp(artwork, box, size) if artwork.webp else _render_svg(artwork, box, size)


def _render_svg(artwork: Artwork, box: Box, size: int) -> np.ndarray:
    import resvg_py
    from PIL import Image

    view = " ".join(f"{side:.6g}" for side in box)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{artwork.attributes} width="{size}" height="{size}" viewBox="{view}">{artwork.body}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    return np.ascontiguousarray(pixels[:, ::-1] if artwork.mirrored else pixels)


def _render_webp(artwork: Artwork, box: Box, size: int) -> np.ndarray:
    from PIL import Image

    left, top, width, height = square(box)
    try:
        picture = Image.open(io.BytesIO(artwork.webp)).convert("RGBA")
    except OSError as error:
        raise ValueError(f"a WebP file cannot be read: {error}") from error
    # A frame of nothing around the picture, so that the box may reach beyond it.
    frame = max(picture.size)
    framed = Image.new("RGBA", (picture.width + 2 * frame, picture.height + 2 * frame))
    framed.paste(picture, (frame, frame))
    corners = (left + frame, top + frame, left + width + frame, top + height + frame)
    premultiplied = framed.convert("RGBa")
    # A filter without negative lobes: others brighten the colours beside an edge.
    return np.asarray(
        premultiplied.resize((size, size), Image.Resampling.HAMMING, box=corners).convert("RGBA")
    )


def draw(task: tuple[Artwork, Box, bool, int]) -> np.ndarray:
    """(artwork, square box, monochrome, size) -> (size, size, 4) or, of a monochrome one, alpha (size, size).

    Runs in a worker process.
    """
    artwork, box, monochrome, size = task
    pixels = render(artwork, box, size)
    return np.ascontiguousarray(pixels[..., 3]) if monochrome else _without_hidden_colours(pixels)


def _without_hidden_colours(pixels: np.ndarray) -> np.ndarray:
    """Transparent black where alpha is 0: hidden colours would be noise in the file."""
    return np.where(pixels[..., 3:] > 0, pixels, 0).astype(np.uint8)


def square(box: Box) -> Box:
    left, top, width, height = box
    side = max(width, height)
    return (left - (side - width) / 2, top - (side - height) / 2, side, side)


def padded(box: Box) -> Box:
    """The square around a content box, with the padding."""
    left, top, side, _ = square(box)
    edge = side * PADDING / (1 - 2 * PADDING)
    return (left - edge, top - edge, side + 2 * edge, side + 2 * edge)
