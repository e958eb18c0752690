"""Icons as programs want them: one picture as PNG files with alpha at the usual sizes, and a favicon."""

import io

from PIL import Image

from dalle.files import zipped

SIZES = (16, 32, 48, 64, 128, 180, 192, 256, 512)  # pixels a side: favicons, Apple's, Android's, stores'
FAVICON = (16, 32, 48)


def sized(picture: Image.Image, size: int) -> Image.Image:
    """A picture as RGBA within a square of `size`, whole, in the middle; what is added is transparent."""
    rgba = picture.convert("RGBA")
    scale = size / max(rgba.size)
    shape = tuple(max(1, round(side * scale)) for side in rgba.size)
    square = Image.new("RGBA", (size, size))
    # Pillow multiplies by alpha before it resizes, so that no dark rim appears.
    small = rgba.resize(shape, Image.Resampling.LANCZOS)
    square.paste(small, ((size - shape[0]) // 2, (size - shape[1]) // 2))
    return square


def png(picture: Image.Image, size: int) -> bytes:
    file = io.BytesIO()
    sized(picture, size).save(file, "PNG")
    return file.getvalue()


def ico(picture: Image.Image) -> bytes:
    """A favicon of several sizes in one file."""
    file = io.BytesIO()
    *smaller, largest = (sized(picture, size) for size in FAVICON)
    largest.save(file, "ICO", sizes=[(size, size) for size in FAVICON], append_images=smaller)
    return file.getvalue()


def export(picture: Image.Image) -> bytes:
    """A zip file of all sizes and the favicon; the same picture gives the same bytes."""
    files = {f"icon-{size}.png": png(picture, size) for size in SIZES}
    return zipped({"favicon.ico": ico(picture)} | files)
