"""Pictures in and out: untrusted files, PIL images, and float tensors in [-1, 1].

    file  --read-->  PIL  --fit-->  square PIL  --from_images-->  (B, 3, H, W) in [-1, 1]  --to_images-->  PIL

The only place that knows how 0..255 and [-1, 1] correspond, and the only one that decodes a stranger's file.
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

HALF = 127.5  # half of the range 0..255: 0 <-> -1, 255 <-> 1
WHITE = (255, 255, 255)

Source = str | Path | bytes | BinaryIO  # a path, a file's content, or an open file


class ImageError(InputError):
    """A file that is no picture we read; the message says what is wrong with it and what to do."""


# --- untrusted files


def read(source: Source, alpha: bool = False) -> Image.Image:
    """The first frame of a picture file, upright, without metadata: RGB, transparency on white; or RGBA.

    What a file is depends on its content, never on its name. Raises ImageError where it is no PNG, JPEG, WebP
    or GIF, is damaged, or has more than MAX_BYTES or MAX_PIXELS; OSError where a path cannot be opened.
    """
    with _opened(source) as picture:
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith("I"):  # 16-bit grey, which convert() would clip instead of scaling
            picture = Image.fromarray(((np.asarray(picture).astype(np.uint32) + 128) // 257).astype(np.uint8))
        clean = picture.convert("RGBA" if alpha or picture.has_transparency_data else "RGB")
    if not alpha:
        clean = flattened(clean)
    clean.info = {}
    return clean


def read_texts(source: Source) -> dict[str, str]:
    """The texts that a PNG file carries beside its pixels, by keyword; none where it is of another format.

    Raises what `read` raises.
    """
    with _opened(source) as picture:
        return {str(key): str(text) for key, text in getattr(picture, "text", {}).items()}


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    """A picture of bearable size, not yet decoded; whatever decoding it raises becomes ImageError."""
    content = io.BytesIO(_content(source))
    try:
        with Image.open(content, formats=FORMATS) as picture:
            _check_size(*picture.size)
            yield picture
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError("bomb", error=str(error), **_MOST) from error
    except UnidentifiedImageError as error:
        raise ImageError("foreign") from error
    except Exception as error:  # on hostile bytes decoders raise SyntaxError, struct.error, IndexError, ...
        raise ImageError("damaged", error=str(error)) from error


_MOST = {"megapixels": round(MAX_PIXELS / 1e6), "size": f"{MAX_BYTES // 2**20} MiB"}


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError("pixels", width=width, height=height, **_MOST)


def _content(source: Source) -> bytes:
    if isinstance(source, str | Path):
        with open(source, "rb") as file:
            return _content(file)
    data = source if isinstance(source, bytes) else source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageError("bytes", **_MOST)
    if not data:
        raise ImageError("empty")
    return data


def digest(source: Source) -> str:
    """What a recipe calls a file by: the first 16 hex digits of its SHA-256. Raises what `read` raises."""
    return hashlib.sha256(_content(source)).hexdigest()[:16]


# --- squares


def flattened(picture: Image.Image) -> Image.Image:
    """A picture as RGB, what is transparent on white."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def fit(picture: Image.Image, size: int, how: Literal["crop", "pad"] = "crop") -> Image.Image:
    """A picture as a square of `size` pixels a side, in its own mode.

    "crop" keeps the middle and cuts what juts out; "pad" keeps everything, on white or, in RGBA, on nothing.
    """
    if how == "crop":
        return ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    if how != "pad":
        raise ValueError(f"a picture is made square by 'crop' or 'pad'; got {how!r}")
    scale = size / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    square = Image.new(picture.mode, (size, size), (*WHITE, 0) if picture.mode == "RGBA" else "white")
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square


# --- tensors


def from_arrays(pixels: np.ndarray | Sequence[np.ndarray]) -> Tensor:
    """uint8 pixels (B, H, W, 3) -> float32 (B, 3, H, W) in [-1, 1], channels last in memory."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3:
        raise ValueError(f"pixels must be uint8 (B, H, W, 3); got {pixels.dtype} {pixels.shape}")
    return from_pixels(torch.tensor(pixels))


def from_pixels(pixels: Tensor) -> Tensor:
    """uint8 (B, H, W, 3) -> float32 (B, 3, H, W) in [-1, 1], on its device, channels last in memory."""
    return pixels.permute(0, 3, 1, 2).float().div_(HALF).sub_(1)


def from_images(pictures: Sequence[Image.Image]) -> Tensor:
    """RGB pictures of one size -> float32 (B, 3, H, W) in [-1, 1]."""
    kinds = {(picture.mode, *picture.size) for picture in pictures}
    if len(kinds) != 1 or next(iter(kinds))[0] != "RGB":
        raise ValueError(f"a batch is of RGB pictures of one size; got {sorted(kinds)}")
    return from_arrays([np.asarray(picture) for picture in pictures])


def to_images(pictures: Tensor) -> list[Image.Image]:
    """(B, 3, H, W) -> RGB pictures; what lies beyond [-1, 1] is clipped."""
    if pictures.dim() != 4 or pictures.shape[1] != 3:
        raise ValueError(f"pictures must be (B, 3, H, W); got {tuple(pictures.shape)}")
    pixels = pictures.detach().float().cpu().clamp(-1, 1).add(1).mul(HALF)
    if pixels.isnan().any():
        raise ValueError("the pictures hold NaN: their weights are broken, use another checkpoint")
    arrays = pixels.round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return [Image.fromarray(array) for array in arrays]


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of two batches (B, 3, H, W) -> (B,) in dB, infinite where they are equal.

    Values beyond [-1, 1] count as clipped, as a file would hold them.
    """
    if a.shape != b.shape:
        raise ValueError(f"only pictures of one shape compare; got {tuple(a.shape)} and {tuple(b.shape)}")
    error = (a.float().clamp(-1, 1) - b.float().clamp(-1, 1)).square().flatten(1).mean(1)
    return 10 * torch.log10(4 / error)  # the range of values is 2, squared


# --- sheets


GAP = 4  # pixels between the cells of a sheet
LINE = 13  # height of a line of caption
MAX_LINES = 4


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
    texts = [_wrapped(caption, font, width) for caption in captions or [""] * len(pictures)]
    room = LINE * max(map(len, texts))
    rows = -(-len(pictures) // columns)
    columns = min(columns, len(pictures))
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + room + GAP) + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        x = GAP + index % columns * (width + GAP)
        y = GAP + index // columns * (height + room + GAP)
        sheet.paste(picture, (x, y))
        for row, line in enumerate(text):
            pen.text((x, y + height + row * LINE), line, "black", font)
    return sheet


def save(picture: Image.Image, path: Path) -> None:
    """Write a PNG that appears whole: somebody may be waiting for it."""
    scratch = path.with_suffix(".writing")
    picture.save(scratch, "PNG")
    os.replace(scratch, path)


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """At most MAX_LINES lines of `width` pixels; the last ends with an ellipsis where more would follow."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > MAX_LINES:
        lines[MAX_LINES - 1 :] = [lines[MAX_LINES - 1] + "…"]
    return lines
