"""Tests of dalle/editing/icon_files.py."""

import io
import zipfile

from PIL import Image, ImageDraw

from dalle.editing import icon_files


def test_an_icon_has_every_size_and_its_transparency() -> None:
    """Guards against a favicon that browsers do not read, and an icon on a white square."""
    image = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(image).ellipse((8, 8, 56, 56), "red")
    exported = icon_files.export_icons(image)
    assert exported == icon_files.export_icons(image)
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        for size in icon_files.ICON_SIZES:
            with Image.open(io.BytesIO(archive.read(f"icon-{size}.png"))) as icon:
                assert (icon.mode, icon.size) == ("RGBA", (size, size))
                assert icon.getpixel((0, 0))[3] == 0 and icon.getpixel((size // 2, size // 4))[3] > 250
        with Image.open(io.BytesIO(archive.read("favicon.ico"))) as favicon:
            assert favicon.format == "ICO" and favicon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}


def test_an_icon_is_whole_and_centred() -> None:
    """Guards against an icon that is stretched, or cut at its sides."""
    wide = icon_files.resize_icon(Image.new("RGB", (100, 50), "red"), 40)
    assert wide.getbbox() == (0, 10, 40, 30)
