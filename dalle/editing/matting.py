"""Alpha matting of an image on a flat background.

    RGB  --extract_foreground-->  RGBA with straight alpha

The background is what resembles the image's border and is connected to it, so that the white of an eye stays.
Along edges a pixel mixes foreground f and background b: c = alpha f + (1 - alpha) b. With f taken from the
neighbour that differs most from the background, alpha is the position of c between b and f.
"""

import numpy as np
from PIL import Image

from dalle.errors import InputError

BACKGROUND_TOLERANCE = 0.05  # of the value range [0, 1]: colours this near to the background's belong to it
GRADIENT_TOLERANCE = 0.15  # how far the background's colour may drift from the median of the border
MIN_FLAT_SHARE = 0.5  # of the border, which must match the fitted background
EDGE_WIDTH = 2  # pixels over which an edge may be soft
MAX_GREY_CHROMA = 0.08  # of a background: enclosed patches of such a colour belong to the foreground
MAX_MATTING_PIXELS = 2**22


def extract_foreground(image: Image.Image) -> Image.Image:
    """RGB -> RGBA without the background. Raises InputError where it is not flat, or the image too large."""
    if image.width * image.height > MAX_MATTING_PIXELS:
        most = f"{MAX_MATTING_PIXELS / 1e6:.0f}"
        raise InputError("cut_large", width=image.width, height=image.height, most=most)
    pixels = np.asarray(image.convert("RGB"), np.float32) / 255
    background = _background_colours(pixels)
    distance = np.abs(pixels - background).max(-1)
    outside = _connected_to_border(distance < BACKGROUND_TOLERANCE)
    if np.ptp(background.mean((0, 1))) > MAX_GREY_CHROMA:  # objects rarely have this exact colour: a hole
        outside |= distance < BACKGROUND_TOLERANCE / 2
    alpha = np.where(outside, 0, 1).astype(np.float32)
    edge = _dilate(outside, EDGE_WIDTH) & ~outside
    foreground_axis = _farthest_colours(pixels, distance)[edge] - background[edge]
    projection = ((pixels[edge] - background[edge]) * foreground_axis).sum(-1)
    alpha[edge] = np.clip(projection / np.maximum((foreground_axis**2).sum(-1), 1e-6), 0, 1)
    unmixed = background + (pixels - background) / np.maximum(alpha, 1 / 255)[..., None]
    rgba = np.concatenate([np.where(alpha[..., None] > 0, unmixed, 0), alpha[..., None]], -1)
    return Image.fromarray((rgba.clip(0, 1) * 255).round().astype(np.uint8))


def _background_colours(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (H, W, 3): colours linear in x and y, fitted to the border pixels near their median.

    Raises InputError where less than MIN_FLAT_SHARE of the border matches.
    """
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    basis = np.stack([np.ones_like(y), y, x], -1)
    border_basis, border = (np.concatenate([a[0], a[-1], a[:, 0], a[:, -1]]) for a in (basis, pixels))
    inliers = np.abs(border - np.median(border, axis=0)).max(-1) < GRADIENT_TOLERANCE
    plane = np.linalg.lstsq(border_basis[inliers], border[inliers], rcond=None)[0]
    if (np.abs(border_basis @ plane - border).max(-1) < BACKGROUND_TOLERANCE).mean() < MIN_FLAT_SHARE:
        raise InputError("not_flat")
    return (basis @ plane).astype(np.float32)


def _connected_to_border(mask: np.ndarray) -> np.ndarray:
    """The 4-connected components of a mask (H, W) bool that reach the image's border.

    Components of runs, unbroken parts of rows: in each round every component joins the lowest label that it
    touches, so the number of rounds stays small however the mask winds.
    """
    run = np.cumsum(_run_starts(mask)).reshape(mask.shape)  # label of each pixel's run, from 1; 0: the border
    touching = _run_starts(mask[:-1] & mask[1:])
    at_border = mask.copy()
    at_border[1:-1, 1:-1] = False
    first = np.concatenate([run[:-1][touching], np.zeros(at_border.sum(), run.dtype)])
    second = np.concatenate([run[1:][touching], run[at_border]])
    component = np.arange(run.max() + 1)  # of each run: the lowest label that it is known to be connected to
    while (apart := component[first] != component[second]).any():
        first, second = component[first[apart]], component[second[apart]]
        np.minimum.at(component, np.maximum(first, second), np.minimum(first, second))
        while (component[component] != component).any():
            component = component[component]
    return mask & (component[run] == 0)


def _run_starts(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: the first pixel of every run of True in a row."""
    return mask & ~np.pad(mask, [(0, 0), (1, 0)])[:, :-1]


def _dilate(mask: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) bool, grown by `radius` pixels to all sides."""
    return np.any(_shifted_views(mask, radius), axis=0)


def _farthest_colours(pixels: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(H, W, 3): of the colours within EDGE_WIDTH of a pixel, the one with the largest `distance` (H, W)."""
    best, colours = distance.copy(), pixels.copy()
    shifted = zip(_shifted_views(distance, EDGE_WIDTH), _shifted_views(pixels, EDGE_WIDTH), strict=True)
    for other_distance, other_colours in shifted:
        better = other_distance > best
        best[better], colours[better] = other_distance[better], other_colours[better]
    return colours


def _shifted_views(array: np.ndarray, radius: int) -> list[np.ndarray]:
    """(H, W, ...) moved by every offset up to `radius` in x and y; edge values repeat beyond the border."""
    height, width = array.shape[:2]
    padded = np.pad(array, [(radius, radius), (radius, radius)] + [(0, 0)] * (array.ndim - 2), mode="edge")
    offsets = range(2 * radius + 1)
    return [padded[y : y + height, x : x + width] for y in offsets for x in offsets]
