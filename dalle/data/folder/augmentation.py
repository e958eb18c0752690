"""Views: a person's picture as training sees it, never twice quite the same.

    picture (RGB or RGBA)  --view-->  pixels (S, S, 3) uint8, and a caption that is true of them

What is transparent gets a background, white or a colour that the caption then names; all is shifted and
scaled a little. Nothing is mirrored unless asked for: letters, faces and sides would change.
"""

from typing import Literal

import numpy as np
from PIL import Image

from dalle import images
from dalle.data.scenes.captions import with_background
from dalle.data.scenes.colours import COLOURS, dominant_colour

LEAST = 0.85  # of its full size, in a view
COLOURED = 0.35  # share of coloured backgrounds, where a caption can name them
OPAQUE = 128  # alpha

ResizeMode = Literal["crop", "pad"]


def plain(picture: Image.Image, size: int, how: ResizeMode) -> Image.Image:
    """A picture as it is, square, on white: (size, size) RGB."""
    return _on(images.fit(picture, size, _fitting(picture, how)), "white")


def augment(
    picture: Image.Image, caption: str, size: int, how: ResizeMode, flips: bool, rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    """A picture as it might be, (size, size, 3) uint8, and its caption."""
    if flips and rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if _fitting(picture, how) == "crop":
        return np.asarray(_cropped(picture, size, rng)), caption
    scale = rng.uniform(LEAST, 1)
    inner = images.fit(picture, round(scale * size), "pad")
    background = "white"
    if picture.mode == "RGBA" and caption.isascii() and rng.random() < COLOURED:
        background = _other_colour(picture, rng)
        caption = with_background(rng, caption, background)
    square = Image.new("RGB", (size, size), COLOURS[background])
    left, top = (int(rng.integers(0, size - inner.width + 1)) for _ in range(2))
    square.paste(_on(inner, background), (left, top))
    return np.asarray(square), caption


def _fitting(picture: Image.Image, how: ResizeMode) -> ResizeMode:
    """Pictures with transparency are shown whole: what is around them is nothing."""
    return "pad" if picture.mode == "RGBA" else how


def _cropped(picture: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """A square near the middle, at least LEAST of the largest there is."""
    side = rng.uniform(LEAST, 1) * min(picture.size)
    left, top = (
        np.clip((length - side) / 2 + rng.uniform(-0.5, 0.5) * (1 - LEAST) * side, 0, length - side)
        for length in picture.size
    )
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.LANCZOS, box, reducing_gap=3.0)


def _on(picture: Image.Image, background: str) -> Image.Image:
    """RGB, or RGBA on a colour -> RGB."""
    if picture.mode == "RGB":
        return picture
    ground = Image.new("RGBA", picture.size, (*COLOURS[background], 255))
    return Image.alpha_composite(ground, picture).convert("RGB")


def _other_colour(picture: Image.Image, rng: np.random.Generator) -> str:
    """A colour on which the picture shows."""
    pixels = np.asarray(picture)
    opaque = pixels[pixels[..., 3] >= OPAQUE][:, :3]
    own = dominant_colour(opaque) if len(opaque) else ""
    return str(rng.choice([name for name in COLOURS if name not in ("white", own)]))
