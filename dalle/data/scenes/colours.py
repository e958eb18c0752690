"""The colours that captions name: finding the name of a colour, and recolouring an icon.

All is computed in Oklab, where equal distances look about equally different: lightness in [0, 1], and two
axes whose length is the chroma (grey 0, pure red about 0.26).
Source: B. Ottosson, "A perceptual color space for image processing", 2020.
"""

import numpy as np

from dalle.networks.oklab_matrices import FROM_LAB, FROM_LMS, TO_LAB, TO_LMS

RGB = tuple[int, int, int]  # sRGB, 0 to 255

# The eleven basic colour terms of English.
COLOURS: dict[str, RGB] = {
    "red": (215, 38, 45),
    "orange": (245, 130, 32),
    "yellow": (253, 208, 50),
    "green": (64, 160, 67),
    "blue": (42, 112, 216),
    "purple": (134, 71, 184),
    "pink": (247, 140, 186),
    "brown": (128, 78, 44),
    "black": (32, 32, 36),
    "grey": (146, 149, 155),
    "white": (255, 255, 255),
}
NEUTRAL = frozenset({"black", "grey", "white"})
MIN_CHROMA = 0.055  # below it people call a colour grey


def _linear_light() -> np.ndarray:
    """Linear light, in [0, 1], of each of the 256 sRGB values."""
    value = np.arange(256, dtype=np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _srgb_values(steps: int = 4096) -> np.ndarray:
    """The sRGB value, uint8, of evenly spaced amounts of linear light from 0 to 1."""
    light = np.linspace(0, 1, steps)
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(value * 255).astype(np.uint8)


_LIGHT = _linear_light()
_SRGB = _srgb_values()


def rgb_to_oklab(rgb: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) uint8 -> Oklab (..., 3) float32."""
    return np.cbrt(_LIGHT[rgb] @ TO_LMS.T) @ TO_LAB.T


def oklab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """Oklab (..., 3) -> sRGB (..., 3) uint8; colours outside sRGB are clipped."""
    light = (lab @ FROM_LAB.T) ** 3 @ FROM_LMS.T
    return _SRGB[np.clip(light * (len(_SRGB) - 1) + 0.5, 0, len(_SRGB) - 1).astype(np.int32)]


_NAMES = list(COLOURS)
PALETTE = rgb_to_oklab(np.array(list(COLOURS.values()), dtype=np.uint8))
_HUED = np.array([name not in NEUTRAL for name in _NAMES])
MIN_HUED_SHARE = 0.25  # an icon has the colour of its parts that are not grey, if they cover this share of it


def chroma(lab: np.ndarray) -> np.ndarray:
    """Oklab (..., 3) -> distance from grey (...)."""
    return np.hypot(lab[..., 1], lab[..., 2])


def _nearest(lab: np.ndarray) -> np.ndarray:
    """Oklab (N, 3) -> index in `COLOURS` of the colour that a person would name (N,).

    Greys are told apart by lightness alone; other colours by hue first, so that shadows and highlights of a
    colour keep its name.
    """
    pixel_chroma = chroma(lab)
    hue = lab[:, None, 1:] / np.maximum(pixel_chroma, 1e-6)[:, None, None]
    palette_hue = PALETTE[:, 1:] / np.maximum(chroma(PALETTE), 1e-6)[:, None]
    hue_distance = ((hue - palette_hue) ** 2).sum(-1)
    lightness_distance = (lab[:, None, 0] - PALETTE[:, 0]) ** 2
    hued = (pixel_chroma >= MIN_CHROMA) & (lab[:, 0] > 0.2)
    distance = np.where(hued[:, None], hue_distance + 2 * lightness_distance, lightness_distance)
    return np.where(hued[:, None] == _HUED, distance, np.inf).argmin(-1)


def nearest_colour(rgb: RGB) -> str:
    """The name in `COLOURS` that a person would give to the colour."""
    return _NAMES[_nearest(rgb_to_oklab(np.array([rgb], dtype=np.uint8)))[0]]


def dominant_colour(rgb: np.ndarray) -> str:
    """The name of the most frequent colour among pixels (N, 3) uint8; greys count only where hues are few.

    Raises ValueError for no pixels.
    """
    if not len(rgb):
        raise ValueError("no pixels to name a colour of; pass the opaque pixels of a thing that can be seen")
    votes = np.bincount(_nearest(rgb_to_oklab(rgb)), minlength=len(_NAMES))
    if votes[_HUED].sum() >= MIN_HUED_SHARE * votes.sum():
        votes = votes * _HUED
    return _NAMES[votes.argmax()]


def recolour(rgba: np.ndarray, name: str) -> np.ndarray:
    """An icon (H, W, 4) uint8, straight alpha, in a colour of `COLOURS` -> a copy of the same shape.

    Coloured parts take the hue, and their shading is centred on the colour's lightness; outlines, eyes and
    teeth stay. An icon with hardly any colour, such as an elephant, is recoloured all over. Raises ValueError
    for an unknown colour.
    """
    if name not in COLOURS:
        raise ValueError(f"unknown colour {name!r}; choose one of {', '.join(COLOURS)}")
    visible = rgba[..., 3] > 0
    lab = rgb_to_oklab(rgba[..., :3][visible])
    if not len(lab):
        return rgba.copy()
    body, opacity, relative_chroma = _body(lab)
    target = PALETTE[_NAMES.index(name)]
    target_lightness = np.clip(target[0], 0.3, 0.94)  # even black and white leave room for shading
    lightness = _shift_lightness(lab[:, 0], np.median(lab[body, 0]), target_lightness)
    fading = np.where(  # chroma falls towards black and towards white
        lightness < target_lightness,
        lightness / target_lightness,
        (1.02 - lightness) / (1.02 - target_lightness),
    )
    painted = np.column_stack([lightness, (relative_chroma * fading)[:, None] * target[1:]])
    recoloured = rgba.copy()
    recoloured[visible, :3] = oklab_to_rgb(lab + opacity[:, None] * (painted - lab))
    return recoloured


def _body(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pixels (N, 3) carry an icon's colour.

    -> the body, (N,) bool; how far each pixel is recoloured, (N,) in [0, 1]; its chroma relative to the
    body's, (N,).
    """
    pixel_chroma = chroma(lab)
    coloured = pixel_chroma > MIN_CHROMA
    if coloured.mean() >= MIN_HUED_SHARE:
        opacity = np.clip((pixel_chroma - 0.2 * MIN_CHROMA) / (0.6 * MIN_CHROMA), 0, 1)
        return coloured, opacity, np.clip(pixel_chroma / np.median(pixel_chroma[coloured]), 0.6, 1.2)
    everywhere = np.ones_like(pixel_chroma)
    light = lab[:, 0] > 0.5
    if light.mean() < 0.45:  # not a light icon with dark patches, such as a panda
        light = np.ones_like(light)
    return light, everywhere, everywhere


def _shift_lightness(lightness: np.ndarray, middle: float, target: float) -> np.ndarray:
    """Lightness (N,) with `middle` moved to `target`; black stays black, and nothing passes white."""
    below = lightness * (target / max(middle, 0.05))
    above = target + (lightness - middle) * min(1.0, (1.0 - target) / max(1.0 - middle, 0.05))
    return np.where(lightness < middle, below, above)
