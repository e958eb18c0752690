"""Random augmentation of a user's image, and the caption that is true of the result.

Transparent parts get a background: white, or a colour that the caption then names. The image is shifted and
scaled a little. It is flipped only on request, since a flip would change letters, faces and sides.
"""

from typing import Literal

import numpy as np
from PIL import Image

from dalle import images
from dalle.data.scenes.captions import with_background
from dalle.data.scenes.colours import COLOURS, dominant_colour

MIN_AUGMENTED_SCALE = (
    0.85  # least share of the square's side that an image fills, or of its own that a crop keeps
)
COLOURED_BACKGROUND_SHARE = 0.35  # of transparent images with an English caption, which can name the colour
OPAQUE_ALPHA = 128  # from this alpha on a pixel counts for the image's own colour

ResizeMode = Literal["crop", "pad"]


def fit_on_white(picture: Image.Image, size: int, resize_mode: ResizeMode) -> Image.Image:
    """An RGB or RGBA image as a square (size, size) RGB, transparency on white; not augmented."""
    return _on_colour(images.to_square(picture, size, _resize_mode(picture, resize_mode)), "white")


def augment(
    picture: Image.Image,
    caption: str,
    size: int,
    resize_mode: ResizeMode,
    horizontal_flip: bool,
    rng: np.random.Generator,
) -> tuple[np.ndarray, str]:
    """A random variant of an RGB or RGBA image, (size, size, 3) uint8, and its caption."""
    if horizontal_flip and rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if _resize_mode(picture, resize_mode) == "crop":
        return np.asarray(_random_crop(picture, size, rng)), caption
    scale = rng.uniform(MIN_AUGMENTED_SCALE, 1)
    inner = images.to_square(picture, round(scale * size), "pad")
    background = "white"
    if picture.mode == "RGBA" and caption.isascii() and rng.random() < COLOURED_BACKGROUND_SHARE:
        background = _draw_background(picture, rng)
        caption = with_background(rng, caption, background)
    square = Image.new("RGB", (size, size), COLOURS[background])
    left, top = (int(rng.integers(0, size - inner.width + 1)) for _ in range(2))
    square.paste(_on_colour(inner, background), (left, top))
    return np.asarray(square), caption


def _resize_mode(picture: Image.Image, requested: ResizeMode) -> ResizeMode:
    """Images with transparency are always shown whole: what surrounds them is empty."""
    return "pad" if picture.mode == "RGBA" else requested


def _random_crop(picture: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """A square near the middle, at least MIN_AUGMENTED_SCALE of the largest there is, as (size, size)."""
    side = rng.uniform(MIN_AUGMENTED_SCALE, 1) * min(picture.size)
    left, top = (
        np.clip(
            (length - side) / 2 + rng.uniform(-0.5, 0.5) * (1 - MIN_AUGMENTED_SCALE) * side, 0, length - side
        )
        for length in picture.size
    )
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.LANCZOS, box, reducing_gap=3.0)


def _on_colour(picture: Image.Image, background: str) -> Image.Image:
    """RGBA on a colour of `COLOURS` -> RGB; an RGB image as it is."""
    if picture.mode == "RGB":
        return picture
    ground = Image.new("RGBA", picture.size, (*COLOURS[background], 255))
    return Image.alpha_composite(ground, picture).convert("RGB")


def _draw_background(picture: Image.Image, rng: np.random.Generator) -> str:
    """A colour, not white, on which the image shows."""
    pixels = np.asarray(picture)
    opaque = pixels[pixels[..., 3] >= OPAQUE_ALPHA][:, :3]
    own = dominant_colour(opaque) if len(opaque) else ""
    return str(rng.choice([name for name in COLOURS if name not in ("white", own)]))
