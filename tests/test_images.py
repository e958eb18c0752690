"""Tests of dalle/images.py: pixels survive tensors, and hostile files only raise ImageError."""

import io
import math
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from dalle import images
from dalle.images import ImageError


def encoded(picture: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def grey_png(width: int, height: int, rows: bytes, bits: int = 1) -> bytes:
    """A PNG that Pillow would refuse to write."""
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows, 9)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def noise(width: int = 24, height: int = 16, mode: str = "RGB") -> Image.Image:
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(pixels.squeeze())


def test_every_pixel_value_survives_the_tensor() -> None:
    """Guards against an off-by-one in 127.5, and against truncation instead of rounding."""
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    tensor = images.from_arrays(pixels)
    assert tensor.min() == -1 and tensor.max() == 1
    (back,) = images.to_images(tensor)
    assert np.array_equal(np.asarray(back), pixels[0])
    (clipped,) = images.to_images(tensor.to(torch.bfloat16).float() * 1.5)  # not wrapped around
    assert np.asarray(clipped)[0, 0, 0] == 0 and np.asarray(clipped)[-1, -1, 0] == 255


def test_channels_are_not_mixed() -> None:
    """Guards against a reshape instead of a permutation."""
    red = images.from_images([Image.new("RGB", (3, 2), "red")] * 2)
    assert red.shape == (2, 3, 2, 3)
    assert (red[:, 0] == 1).all() and (red[:, 1:] == -1).all()
    assert images.to_images(red)[1].size == (3, 2)


@pytest.mark.parametrize("sizes", [[], [(2, 2), (2, 3)]])
def test_a_batch_has_one_size(sizes: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="one size"):
        images.from_images([Image.new("RGB", size) for size in sizes])


def test_nan_is_refused() -> None:
    """Guards against broken weights that silently give black images."""
    with pytest.raises(ValueError, match="NaN"):
        images.to_images(torch.full((1, 3, 2, 2), math.nan))


def test_psnr_follows_its_definition() -> None:
    """Guards against a value range of 1 instead of 2, which gives 6 dB too few."""
    a = torch.zeros(3, 3, 8, 8)
    b = a.clone()
    b[1] += 0.2  # a tenth of the range: 20 dB
    b[2] += 0.02
    assert images.psnr(a, b).tolist() == pytest.approx([math.inf, 20, 40], rel=1e-5)
    with pytest.raises(ValueError, match="one shape"):
        images.psnr(a, b[:1])


@pytest.mark.parametrize("format", images.FORMATS)
def test_formats_are_told_by_the_content(format: str, tmp_path: Path) -> None:
    """Guards against trusting a file's name."""
    path = tmp_path / "picture.txt"
    picture = Image.new("RGB", (20, 10), (200, 30, 60))
    path.write_bytes(encoded(picture, format))
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        read = images.read(source)
        assert (read.mode, read.size) == ("RGB", (20, 10))
        assert np.abs(np.asarray(read, int) - np.asarray(picture, int)).max() <= 4


def test_transparency_becomes_white_or_is_kept() -> None:
    """Guards against black where an image is transparent."""
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    clear.putpixel((0, 0), (0, 0, 255, 255))
    clear.putpixel((1, 0), (0, 0, 0, 128))
    palette = clear.quantize(4)
    for picture in (clear, palette):
        flat = images.read(encoded(picture))
        assert flat.mode == "RGB"
        assert flat.getpixel((3, 3)) == (255, 255, 255)
        assert flat.getpixel((0, 0)) == (0, 0, 255)
        kept = images.read(encoded(picture), alpha=True)
        assert kept.mode == "RGBA" and kept.getpixel((3, 3))[3] == 0
    assert images.read(encoded(clear)).getpixel((1, 0)) == (127, 127, 127)
    assert images.read(encoded(Image.new("RGB", (2, 2))), alpha=True).getpixel((0, 0)) == (0, 0, 0, 255)


def test_a_transparent_colour_of_png_is_transparent() -> None:
    """Guards against ignoring transparency that PNG stores as one colour (tRNS)."""
    flat = images.read(encoded(Image.new("RGB", (2, 2), (0, 255, 0)), transparency=(0, 255, 0)))
    assert flat.getpixel((0, 0)) == (255, 255, 255)


def test_unusual_modes_are_converted() -> None:
    """Guards against 16 bits clipped to white, and against inverted CMYK."""
    ramp = np.array([[0, 257, 32768, 65535]], np.uint16)
    grey = images.read(encoded(Image.fromarray(ramp)))
    assert [grey.getpixel((x, 0))[0] for x in range(4)] == [0, 1, 128, 255]
    red = images.read(encoded(Image.new("RGB", (16, 16), (250, 10, 10)).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(np.asarray(red, int) - (250, 10, 10)).max() < 12
    for mode in ("1", "L", "LA", "P"):
        assert images.read(encoded(Image.new(mode, (1, 1)))).size == (1, 1)


def test_photos_are_rotated_and_lose_their_metadata() -> None:
    """Guards against sideways phone photos, and against passing on their location."""
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    exif[0x010E] = "at home"
    photo = images.read(encoded(noise(24, 16), "JPEG", exif=exif, icc_profile=b"profile"))
    assert photo.size == (16, 24)
    assert photo.info == {} and not photo.getexif()
    assert b"at home" not in encoded(photo, "JPEG")


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for format in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=50)
        red, _, blue = images.read(data).getpixel((4, 4))
        assert red > 200 and blue < 60


def test_a_decompression_bomb_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against small files that fill the memory: these have 144 and 400 megapixels."""
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("the bomb was decoded"))
    small = grey_png(12_000, 12_000, bytes(12_000 * 1_501))
    assert len(small) < 20_000
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(ImageError, match=r"12000x12000.*make it"),
    ):
        images.read(small)
    with pytest.raises(ImageError, match=r"too large.*make it smaller"):
        images.read(grey_png(20_000, 20_000, b""))


def test_a_decompression_bomb_in_a_text_chunk_is_refused() -> None:
    """Guards against a PNG text that decompresses to gigabytes."""
    picture = encoded(noise())
    text = png_chunk(b"zTXt", b"dalle\0\0" + zlib.compress(bytes(2**25), 9))
    with pytest.raises(ImageError, match="damaged"):
        images.read_png_texts(picture[:33] + text + picture[33:])


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)
    with pytest.raises(ImageError, match="32 MiB"):
        images.read(path)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty", b"", "empty"),
        ("text", b"hello", "no PNG, JPEG, WebP or GIF"),
        ("pickle", pickle.dumps({"weights": [1, 2]}), "no PNG"),
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>', "no PNG"),
        ("tiff", encoded(Image.new("RGB", (4, 4)), "TIFF"), "no PNG"),
        ("bmp", encoded(Image.new("RGB", (4, 4)), "BMP"), "no PNG"),
        ("header only", encoded(Image.new("RGB", (64, 64)))[:33], "damaged|no PNG"),
        ("cut png", encoded(noise(64, 64))[:3_000], "damaged"),
        ("cut jpeg", encoded(noise(64, 64), "JPEG")[:1_500], "damaged"),
        ("cut webp", encoded(noise(64, 64), "WEBP")[:500], "damaged|no PNG"),
        ("cut gif", encoded(noise(64, 64), "GIF")[:1_500], "damaged"),
    ],
)
def test_a_file_that_is_no_image_is_refused(name: str, data: bytes, message: str) -> None:
    """Guards against a decoder's own exceptions, and against half-decoded images."""
    with pytest.raises(ImageError, match=message):
        images.read(data)


def test_corrupted_bytes_give_an_image_or_an_image_error() -> None:
    """Guards against crashes on corrupted files, in every format."""
    rng = np.random.default_rng(1)
    for format in images.FORMATS:
        whole = encoded(noise(16, 16), format)
        for _ in range(150):
            data = bytearray(whole)
            for offset in rng.integers(0, len(data), 4):
                data[offset] = rng.integers(0, 256)
            try:
                assert images.read(bytes(data)).mode == "RGB"
            except ImageError as error:
                assert len(str(error)) > 20


def test_a_missing_file_raises_file_not_found(tmp_path: Path) -> None:
    """Guards against a message that calls a missing file damaged."""
    with pytest.raises(FileNotFoundError):
        images.read(tmp_path / "none.png")


def test_crop_keeps_the_middle_and_pad_keeps_everything() -> None:
    wide = Image.new("RGB", (60, 20), "blue")
    wide.paste("red", (20, 0, 40, 20))
    cropped, padded = images.to_square(wide, 20), images.to_square(wide, 30, "pad")
    assert cropped.getcolors() == [(400, (255, 0, 0))]
    assert padded.size == (30, 30)
    assert padded.getpixel((0, 15))[2] > 200 and padded.getpixel((15, 15))[0] > 200
    assert padded.getpixel((15, 0)) == (255, 255, 255)
    assert images.to_square(wide.convert("RGBA"), 30, "pad").getpixel((15, 0))[3] == 0
    with pytest.raises(ValueError, match="'stretch'"):
        images.to_square(wide, 30, "stretch")


@pytest.mark.parametrize("resize_mode", ["crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (20_000, 20), (3, 4_000)])
def test_any_shape_becomes_a_square(size: tuple[int, int], resize_mode: str) -> None:
    """Guards against a side that rounds to zero."""
    assert images.to_square(Image.new("RGB", size), 128, resize_mode).size == (128, 128)


def test_a_grid_shows_every_picture_in_order() -> None:
    """Guards against a lost last row, and pictures that overlap each other or captions."""
    colours = ["red", "lime", "blue", "cyan", "magenta"]
    pictures = [Image.new("RGB", (40, 40), colour) for colour in colours]
    captions = ["a", "a caption of several words", "", "supercalifragilistic", "b"]
    for texts in (None, captions):
        sheet = images.grid(pictures, 3, texts)
        counts = dict((colour, count) for count, colour in sheet.getcolors(10_000))
        assert [counts.get(picture.getpixel((0, 0))) for picture in pictures] == [40 * 40] * 5
    assert images.grid(pictures, 9).width == images.grid(pictures, 5).width
    with pytest.raises(ValueError, match="one caption"):
        images.grid(pictures, 3, captions[:2])
    with pytest.raises(ValueError, match="needs pictures"):
        images.grid([], 3)


def test_a_png_is_written_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a page that reads a sample grid while training writes it."""
    path, existed = tmp_path / "sheet.png", []
    save = Image.Image.save

    def save_and_look(self: Image.Image, *arguments: object) -> None:
        save(self, *arguments)
        existed.append(path.exists())

    monkeypatch.setattr(Image.Image, "save", save_and_look)
    images.write_png(Image.new("RGB", (4, 4), "red"), path)
    assert existed == [False] and [file.name for file in tmp_path.iterdir()] == ["sheet.png"]
    assert images.read(path).getpixel((0, 0)) == (255, 0, 0)
