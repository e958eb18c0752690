"""Images: safe decoding of untrusted files, PIL <-> float tensors in [-1, 1], PSNR, image grids.

    file  --read-->  PIL  --to_square-->  PIL  --from_images-->  (B, 3, H, W) in [-1, 1]  --to_images-->  PIL

Only this module converts between 0..255 and [-1, 1], and only it decodes files of unknown origin.
"""

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError
from torch import Tensor

from dalle.errors import InputError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_BYTES = 32 * 2**20
MAX_PIXELS = 2**25  # 33 megapixels: more than most cameras take, 100 MB when decoded

HALF_RANGE = 127.5  # of 0..255: 0 <-> -1, 255 <-> 1
WHITE = (255, 255, 255)

Source = str | Path | bytes | BinaryIO  # a path, a file's content, or an open file


class ImageError(InputError):
    """A file that cannot be used as an image."""


# --- untrusted files


def read(source: Source, alpha: bool = False) -> Image.Image:
    """The first frame of an image file, upright, without metadata: RGB on white, or RGBA with `alpha`.

    The format is told by the content, never by the name. Raises ImageError for a file that is no PNG, JPEG,
    WebP or GIF, is damaged, or has more than MAX_BYTES or MAX_PIXELS; OSError where a path cannot be opened.
    """
    with _open_image(source) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip instead of scaling
            image = Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8))
        image = image.convert("RGBA" if alpha or image.has_transparency_data else "RGB")
    if not alpha:
        image = flatten_alpha(image)
    image.info = {}
    return image


def read_png_texts(source: Source) -> dict[str, str]:
    """The text chunks of a PNG file by keyword; empty for other formats. Raises what `read` raises."""
    with _open_image(source) as image:
        return {str(key): str(text) for key, text in getattr(image, "text", {}).items()}


@contextmanager
def _open_image(source: Source) -> Iterator[Image.Image]:
    """An image within the limits, not yet decoded; whatever decoding it raises becomes ImageError."""
    content = io.BytesIO(_read_bytes(source))
    try:
        with Image.open(content, formats=FORMATS) as image:
            _check_size(*image.size)
            yield image
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError("bomb", error=str(error), **_LIMITS) from error
    except UnidentifiedImageError as error:
        raise ImageError("foreign") from error
    except Exception as error:  # on hostile bytes decoders raise SyntaxError, struct.error, IndexError, ...
        raise ImageError("damaged", error=str(error)) from error


_LIMITS = {"megapixels": round(MAX_PIXELS / 1e6), "size": f"{MAX_BYTES // 2**20} MiB"}


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError("pixels", width=width, height=height, **_LIMITS)


def _read_bytes(source: Source) -> bytes:
    if isinstance(source, str | Path):
        with open(source, "rb") as file:
            return _read_bytes(file)
    data = source if isinstance(source, bytes) else source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageError("bytes", **_LIMITS)
    if not data:
        raise ImageError("empty")
    return data


def digest(source: Source) -> str:
    """The first 16 hex digits of a file's SHA-256, by which recipes name files. Raises what `read` raises."""
    return hashlib.sha256(_read_bytes(source)).hexdigest()[:16]


# --- PIL images


def flatten_alpha(image: Image.Image) -> Image.Image:
    """-> RGB; transparent parts become white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def to_square(image: Image.Image, size: int, resize_mode: Literal["crop", "pad"] = "crop") -> Image.Image:
    """An image in its own mode as a square of `size` pixels a side.

    "crop" keeps the middle; "pad" keeps the whole image and adds white, or in RGBA transparent white.
    """
    if resize_mode == "crop":
        return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    if resize_mode != "pad":
        raise ValueError(f"a picture is made square by 'crop' or 'pad'; got {resize_mode!r}")
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    square = Image.new(image.mode, (size, size), (*WHITE, 0) if image.mode == "RGBA" else "white")
    resized = image.resize((width, height), Image.Resampling.LANCZOS)
    square.paste(resized, ((size - width) // 2, (size - height) // 2))
    return square


def write_png(image: Image.Image, path: Path) -> None:
    """Write a PNG to a temporary file and rename it, so that a reader never sees half of it."""
    scratch = path.with_suffix(".writing")
    image.save(scratch, "PNG")
    os.replace(scratch, path)


# --- tensors


def from_arrays(pixels: np.ndarray | Sequence[np.ndarray]) -> Tensor:
    """uint8 (B, H, W, 3) -> float32 (B, 3, H, W) in [-1, 1], channels last in memory."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3:
        raise ValueError(f"pixels must be uint8 (B, H, W, 3); got {pixels.dtype} {pixels.shape}")
    return from_pixels(torch.tensor(pixels))


def from_pixels(pixels: Tensor) -> Tensor:
    """uint8 (B, H, W, 3) -> float32 (B, 3, H, W) in [-1, 1], on the same device, channels last in memory."""
    return pixels.permute(0, 3, 1, 2).float().div_(HALF_RANGE).sub_(1)


def from_images(pictures: Sequence[Image.Image]) -> Tensor:
    """RGB images of one size -> float32 (B, 3, H, W) in [-1, 1]."""
    formats = {(picture.mode, *picture.size) for picture in pictures}
    if len(formats) != 1 or next(iter(formats))[0] != "RGB":
        raise ValueError(f"a batch is of RGB pictures of one size; got {sorted(formats)}")
    return from_arrays([np.asarray(picture) for picture in pictures])


def to_images(pictures: Tensor) -> list[Image.Image]:
    """(B, 3, H, W) -> RGB images; values outside [-1, 1] are clipped. Raises ValueError for NaN."""
    if pictures.dim() != 4 or pictures.shape[1] != 3:
        raise ValueError(f"pictures must be (B, 3, H, W); got {tuple(pictures.shape)}")
    pixels = pictures.detach().float().cpu().clamp(-1, 1).add(1).mul(HALF_RANGE)
    if pixels.isnan().any():
        raise ValueError("the pictures hold NaN: their weights are broken, use another checkpoint")
    arrays = pixels.round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return [Image.fromarray(array) for array in arrays]


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of two batches (B, 3, H, W) -> (B,) in dB, infinite where they are equal.

    Values outside [-1, 1] count as clipped, as in a file.
    """
    if a.shape != b.shape:
        raise ValueError(f"only pictures of one shape compare; got {tuple(a.shape)} and {tuple(b.shape)}")
    error = (a.float().clamp(-1, 1) - b.float().clamp(-1, 1)).square().flatten(1).mean(1)
    return 10 * torch.log10(4 / error)  # the peak is the range of values, 2


# --- grids


GRID_GAP = 4  # pixels between cells
LINE_HEIGHT = 13  # pixels a line of caption
MAX_CAPTION_LINES = 4


def grid(pictures: Sequence[Image.Image], columns: int, captions: Sequence[str] | None = None) -> Image.Image:
    """A contact sheet, row by row, each picture above its caption where there are captions.

    Captions are wrapped to the pictures' width and drawn in Pillow's own font, which has Latin letters only.
    """
    if not pictures or columns < 1:
        raise ValueError(f"a sheet needs pictures and columns; got {len(pictures)} and {columns}")
    if captions is not None and len(captions) != len(pictures):
        raise ValueError(f"each picture needs one caption; got {len(captions)} for {len(pictures)}")
    font = ImageFont.load_default(11)
    width = max(picture.width for picture in pictures)
    height = max(picture.height for picture in pictures)
    wrapped = [_wrap_text(caption, font, width) for caption in captions or [""] * len(pictures)]
    caption_height = LINE_HEIGHT * max(map(len, wrapped))
    rows = -(-len(pictures) // columns)
    columns = min(columns, len(pictures))
    cell_width, cell_height = width + GRID_GAP, height + caption_height + GRID_GAP
    sheet = Image.new("RGB", (columns * cell_width + GRID_GAP, rows * cell_height + GRID_GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (picture, lines) in enumerate(zip(pictures, wrapped, strict=True)):
        x = GRID_GAP + index % columns * cell_width
        y = GRID_GAP + index // columns * cell_height
        sheet.paste(picture, (x, y))
        for line_number, line in enumerate(lines):
            pen.text((x, y + height + line_number * LINE_HEIGHT), line, "black", font)
    return sheet


def _wrap_text(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """At most MAX_CAPTION_LINES lines of `width` pixels; an ellipsis ends text that was cut off."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > MAX_CAPTION_LINES:
        lines[MAX_CAPTION_LINES - 1 :] = [lines[MAX_CAPTION_LINES - 1] + "…"]
    return lines
