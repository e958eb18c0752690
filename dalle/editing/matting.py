"""Matting: a picture on a flat background becomes one on nothing.

    RGB  --cut_out-->  RGBA, alpha straight

The background is what is like the frame and hangs together with it, so that the white of an eye stays. At
the rim a pixel c mixes the thing's colour f and the background's b: c = alpha f + (1 - alpha) b. With f taken
from the neighbour that is least like the background, alpha is how far c has gone from b to f.
"""

import numpy as np
from PIL import Image

from dalle.errors import InputError

LIKE = 0.05  # of the range of values: so near to the background's colour is background
DRIFT = 0.15  # that a background may be off its usual colour, as a drawn one is from corner to corner
FLAT = 0.5  # share of the frame that must be like it
RIM = 2  # pixels over which an edge may be soft
GREY = 0.08  # chroma up to which an enclosed patch of the background's colour is the thing's own
MAX_PIXELS = 2**22


def cut_out(picture: Image.Image) -> Image.Image:
    """An RGB picture without its background. Raises ValueError where that is not one flat colour."""
    if picture.width * picture.height > MAX_PIXELS:
        most = f"{MAX_PIXELS / 1e6:.0f}"
        raise InputError("cut_large", width=picture.width, height=picture.height, most=most)
    pixels = np.asarray(picture.convert("RGB"), np.float32) / 255
    ground = _ground_colour(pixels)
    far = np.abs(pixels - ground).max(-1)
    outside = _background(far < LIKE)
    if np.ptp(ground.mean((0, 1))) > GREY:  # no thing has a patch of just this colour: it is a hole
        outside |= far < LIKE / 2
    alpha = np.where(outside, 0, 1).astype(np.float32)
    rim = _widened(outside, RIM) & ~outside
    towards = _farthest(pixels, far)[rim] - ground[rim]
    gone = ((pixels[rim] - ground[rim]) * towards).sum(-1)
    alpha[rim] = np.clip(gone / np.maximum((towards**2).sum(-1), 1e-6), 0, 1)
    unmixed = ground + (pixels - ground) / np.maximum(alpha, 1 / 255)[..., None]
    both = np.concatenate([np.where(alpha[..., None] > 0, unmixed, 0), alpha[..., None]], -1)
    return Image.fromarray((both.clip(0, 1) * 255).round().astype(np.uint8))


def _ground_colour(pixels: np.ndarray) -> np.ndarray:
    """The background's colour at every pixel (H, W, 3): the plane nearest to the frame's usual colours."""
    height, width = pixels.shape[:2]
    down, across = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    places = np.stack([np.ones_like(down), down, across], -1)
    at, frame = (np.concatenate([a[0], a[-1], a[:, 0], a[:, -1]]) for a in (places, pixels))
    usual = np.abs(frame - np.median(frame, axis=0)).max(-1) < DRIFT
    plane = np.linalg.lstsq(at[usual], frame[usual], rcond=None)[0]
    if (np.abs(at @ plane - frame).max(-1) < LIKE).mean() < FLAT:
        raise InputError("not_flat")
    return (places @ plane).astype(np.float32)


def _background(like: np.ndarray) -> np.ndarray:
    """What of `like` (H, W) hangs together with the frame: the groups of its runs that reach it.

    A run is an unbroken part of a row. In each round every group joins the lowest that it touches, so that
    there are few rounds, whatever way the background winds.
    """
    run = np.cumsum(_starts(like)).reshape(like.shape)  # of each pixel, from 1; 0 is the frame
    touching = _starts(like[:-1] & like[1:])
    at_frame = like.copy()
    at_frame[1:-1, 1:-1] = False
    one = np.concatenate([run[:-1][touching], np.zeros(at_frame.sum(), run.dtype)])
    other = np.concatenate([run[1:][touching], run[at_frame]])
    group = np.arange(run.max() + 1)  # of each run: the lowest run that it is known to hang together with
    while (apart := group[one] != group[other]).any():
        one, other = group[one[apart]], group[other[apart]]
        np.minimum.at(group, np.maximum(one, other), np.minimum(one, other))
        while (group[group] != group).any():
            group = group[group]
    return like & (group[run] == 0)


def _starts(mask: np.ndarray) -> np.ndarray:
    """Where the runs of a mask's rows begin: (H, W) bool."""
    return mask & ~np.pad(mask, [(0, 0), (1, 0)])[:, :-1]


def _widened(mask: np.ndarray, by: int) -> np.ndarray:
    """(H, W) bool, grown by `by` pixels all around."""
    return np.stack(list(_shifts(mask, by))).any(0)


def _farthest(pixels: np.ndarray, far: np.ndarray) -> np.ndarray:
    """For each pixel the colour within RIM that is farthest from the background: (H, W, 3)."""
    best, colours = far.copy(), pixels.copy()
    for distance, colour in zip(_shifts(far, RIM), _shifts(pixels, RIM), strict=True):
        better = distance > best
        best[better], colours[better] = distance[better], colour[better]
    return colours


def _shifts(array: np.ndarray, by: int) -> list[np.ndarray]:
    """The array seen from every neighbour up to `by` away; beyond its borders the border goes on."""
    height, width = array.shape[:2]
    padded = np.pad(array, [(by, by), (by, by)] + [(0, 0)] * (array.ndim - 2), mode="edge")
    steps = range(2 * by + 1)
    return [padded[down : down + height, across : across + width] for down in steps for across in steps]
