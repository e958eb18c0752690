"""Icon files of one image: PNG with alpha at the sizes that programs ask for, and a favicon."""

import io

from PIL import Image

from dalle.files import zip_bytes

ICON_SIZES = (16, 32, 48, 64, 128, 180, 192, 256, 512)  # pixels a side: favicons, iOS, Android, app stores
FAVICON_SIZES = (16, 32, 48)


def resize_icon(image: Image.Image, size: int) -> Image.Image:
    """The whole image, centred in an RGBA square of `size` pixels a side; padding is transparent."""
    rgba = image.convert("RGBA")
    scale = size / max(rgba.size)
    width, height = (max(1, round(side * scale)) for side in rgba.size)
    square = Image.new("RGBA", (size, size))
    # Pillow multiplies by alpha before it resizes, so no dark fringe appears at the edges.
    resized = rgba.resize((width, height), Image.Resampling.LANCZOS)
    square.paste(resized, ((size - width) // 2, (size - height) // 2))
    return square


def encode_icon(image: Image.Image, size: int) -> bytes:
    """The content of a PNG file."""
    file = io.BytesIO()
    resize_icon(image, size).save(file, "PNG")
    return file.getvalue()


def encode_favicon(image: Image.Image) -> bytes:
    """The content of an ICO file with all FAVICON_SIZES."""
    file = io.BytesIO()
    *smaller, largest = (resize_icon(image, size) for size in FAVICON_SIZES)
    largest.save(file, "ICO", sizes=[(size, size) for size in FAVICON_SIZES], append_images=smaller)
    return file.getvalue()


def export_icons(image: Image.Image) -> bytes:
    """The content of a zip file with all sizes and the favicon; the same image gives the same bytes."""
    files = {f"icon-{size}.png": encode_icon(image, size) for size in ICON_SIZES}
    return zip_bytes({"favicon.ico": encode_favicon(image)} | files)
