"""The colours that captions name: telling them apart, and painting an icon in one of them.

Everything is decided in Oklab, where equal distances look about equally different:
lightness in [0, 1], and two axes whose length is chroma (grey 0, pure red about 0.26).
Source: B. Ottosson, "A perceptual color space for image processing", 2020.
"""

import numpy as np

# English's eleven basic colour terms.
COLOURS: dict[str, tuple[int, int, int]] = {
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
COLOURFUL = 0.055  # chroma from which a person no longer says grey

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)
_FROM_LMS = np.linalg.inv(_TO_LMS)
_FROM_LAB = np.linalg.inv(_TO_LAB)


def _linear_light() -> np.ndarray:
    value = np.arange(256, dtype=np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _display_values(steps: int = 4096) -> np.ndarray:
    light = np.linspace(0, 1, steps)
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(value * 255).astype(np.uint8)


_LIGHT = _linear_light()  # of each of the 256 display values
_DISPLAY = _display_values()


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) uint8 -> Oklab (..., 3) float32."""
    return np.cbrt(_LIGHT[rgb] @ _TO_LMS.T) @ _TO_LAB.T


def from_lab(lab: np.ndarray) -> np.ndarray:
    """Oklab (..., 3) -> sRGB (..., 3) uint8; what a screen cannot show is clipped."""
    light = (lab @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T
    return _DISPLAY[np.clip(light * (len(_DISPLAY) - 1) + 0.5, 0, len(_DISPLAY) - 1).astype(np.int32)]


_NAMES = list(COLOURS)
_PALETTE = to_lab(np.array(list(COLOURS.values()), dtype=np.uint8))
_HUED = np.array([name not in NEUTRAL for name in _NAMES])
BODY_SHARE = 0.25  # a thing is as colourful as its colourful parts, if they cover this much of it


def chroma(lab: np.ndarray) -> np.ndarray:
    """Oklab (..., 3) -> distance from grey (...)."""
    return np.hypot(lab[..., 1], lab[..., 2])


def _nearest(lab: np.ndarray) -> np.ndarray:
    """Oklab (N, 3) -> index of the colour that a person would name (N,).

    Greys go by lightness alone; the others by hue first, so that shade and highlight keep their name.
    """
    strength = chroma(lab)
    hue = lab[:, None, 1:] / np.maximum(strength, 1e-6)[:, None, None]
    hues = _PALETTE[:, 1:] / np.maximum(chroma(_PALETTE), 1e-6)[:, None]
    turn = ((hue - hues) ** 2).sum(-1)
    shade = (lab[:, None, 0] - _PALETTE[:, 0]) ** 2
    hued = (strength >= COLOURFUL) & (lab[:, 0] > 0.2)
    distance = np.where(hued[:, None], turn + 2 * shade, shade)
    return np.where(hued[:, None] == _HUED, distance, np.inf).argmin(-1)


def nearest_colour(rgb: tuple[int, int, int]) -> str:
    """The name in `COLOURS` that a person would give to this sRGB colour."""
    return _NAMES[_nearest(to_lab(np.array([rgb], dtype=np.uint8)))[0]]


def dominant_colour(rgb: np.ndarray) -> str:
    """The colour a person would name a thing by, from its pixels (N, 3) uint8: hues outweigh greys."""
    if not len(rgb):
        raise ValueError("no pixels to name a colour of; pass the opaque pixels of a thing that can be seen")
    votes = np.bincount(_nearest(to_lab(rgb)), minlength=len(_NAMES))
    if votes[_HUED].sum() >= BODY_SHARE * votes.sum():
        votes = votes * _HUED
    return _NAMES[votes.argmax()]


def recolour(rgba: np.ndarray, name: str) -> np.ndarray:
    """An icon (H, W, 4) uint8, straight alpha, painted in a colour of `COLOURS`; the same shape.

    Coloured parts take the colour's hue, and their shading stands around its lightness; outlines, eyes and
    teeth stay. What has hardly any colour, such as an elephant, is painted all over.
    """
    if name not in COLOURS:
        raise ValueError(f"unknown colour {name!r}; choose one of {', '.join(COLOURS)}")
    seen = rgba[..., 3] > 0
    lab = to_lab(rgba[..., :3][seen])
    if not len(lab):
        return rgba.copy()
    strength = chroma(lab)
    hued = strength > COLOURFUL
    if hued.mean() >= BODY_SHARE:
        paint = np.clip((strength - 0.2 * COLOURFUL) / (0.6 * COLOURFUL), 0, 1)
        relative = np.clip(strength / np.median(strength[hued]), 0.6, 1.2)
    else:
        hued = lab[:, 0] > 0.5
        if hued.mean() < 0.45:  # not a light thing with dark patches, such as a panda
            hued = np.ones_like(hued)
        paint = relative = np.ones_like(strength)
    goal = _PALETTE[_NAMES.index(name)]
    middle = np.clip(goal[0], 0.3, 0.94)  # even black and white leave room for shading
    light = _shade(lab[:, 0], np.median(lab[hued, 0]), middle)
    pale = np.where(light < middle, light / middle, (1.02 - light) / (1.02 - middle))
    painted = np.column_stack([light, (relative * pale)[:, None] * goal[1:]])
    out = rgba.copy()
    out[seen, :3] = from_lab(lab + paint[:, None] * (painted - lab))
    return out


def _shade(light: np.ndarray, middle: float, goal: float) -> np.ndarray:
    """Lightness moved so that `middle` falls on `goal`; black stays black, and nothing passes white."""
    below = light * (goal / max(middle, 0.05))
    above = goal + (light - middle) * min(1.0, (1.0 - goal) / max(1.0 - middle, 0.05))
    return np.where(light < middle, below, above)
