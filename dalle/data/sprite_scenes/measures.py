"""Measures the sprites of a set: visible parts, colours, and how outlined each drawing is.

All on every second pixel or fewer; n sprites in batches.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from dalle.data.scenes.colours import _HUED, MIN_HUED_SHARE, PALETTE, _nearest, rgb_to_oklab
from dalle.data.sprite_scenes import atlas
from dalle.data.sprite_scenes.plan import COLOUR_NAMES
from dalle.data.sprites.sprite_set import SpriteSet

VISIBLE_ALPHA = 32  # a pixel above this alpha belongs to the drawing; others are its soft edge
MASK_SIZE = 64  # pixels a side of the masks kept, or the sprites' own size where that is less
COLOUR_SIZE = 16  # pixels a side: enough to judge a colour
DARK = 90  # luma out of 255, below which a pixel can be part of a line
INSIDE = 4  # pixels of a mask from a drawing's edge inwards, where no outline reaches
LINE = 2  # pixels of a mask from a line's edge to its middle, at most
BINS = 32  # steps of each channel, by which a pixel's colour finds its name
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_BATCH = 256


def measure(sprites: SpriteSet) -> dict[str, np.ndarray]:
    """The arrays of `properties.PropertyTable`."""
    count, mask_size = len(sprites.sprites), min(MASK_SIZE, sprites.size)
    table = {
        "boxes": np.zeros((count, 4), np.float32),
        "dominant": np.full(count, COLOUR_NAMES.index("black"), np.int8),
        "takes": np.ones((count, len(COLOUR_NAMES)), bool),
        "outline": np.zeros(count, np.float32),
        "masks": np.zeros((count, mask_size * mask_size // 8), np.uint8),
    }
    step = sprites.size // mask_size
    for members, rows in _batches(sprites, monochrome=True):
        alpha = sprites.masks[rows] > VISIBLE_ALPHA
        _measure_shape(members, alpha, step, table)
        table["outline"][members] = _line_share(alpha[:, ::step, ::step])
    for members, rows in _batches(sprites, monochrome=False):
        pixels = sprites.colour[rows]
        alpha = pixels[..., 3] > VISIBLE_ALPHA
        _measure_shape(members, alpha, step, table)
        dark = pixels[:, ::step, ::step, :3] @ _LUMA < DARK
        table["outline"][members] = _outline_share(alpha[:, ::step, ::step], dark)
        thin = max(1, sprites.size // COLOUR_SIZE)
        table["dominant"][members], table["takes"][members] = _measure_colours(pixels[:, ::thin, ::thin])
    return table


def _batches(sprites: SpriteSet, monochrome: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sprites of one sort, by index, and their rows in the file of pixels; some at a time."""
    members = [at for at, known in enumerate(sprites.sprites) if known.monochrome == monochrome]
    members.sort(key=lambda at: sprites.sprites[at].row)
    parts = (members[start : start + _BATCH] for start in range(0, len(members), _BATCH))
    return [(np.array(part), np.array([sprites.sprites[at].row for at in part])) for part in parts]


# --- shapes


def _measure_shape(members: np.ndarray, alpha: np.ndarray, step: int, table: dict[str, np.ndarray]) -> None:
    """Boxes and masks of sprites that are visible where `alpha` (n, S, S) says."""
    table["boxes"][members] = _boxes(alpha)
    bits = alpha[:, ::step, ::step].reshape(len(members), -1)
    table["masks"][members] = np.packbits(bits, axis=1)


def _boxes(visible: np.ndarray) -> np.ndarray:
    """Where sprites are visible, (n, S, S) -> left, top, right, bottom (n, 4), from -0.5 to 0.5."""
    size = visible.shape[-1]
    edges = [np.asarray(visible.any(axis)) for axis in (1, 2)]
    first = [edge.argmax(1) for edge in edges]
    last = [size - edge[:, ::-1].argmax(1) for edge in edges]
    return np.stack([*first, *last], 1) / size - 0.5


def _outline_share(visible: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """How much more of a drawing's edge is dark than of its inside, from 0 to 1: (n, M, M) twice -> (n,)."""
    edge, inside = visible & ~_eroded(visible, 1), _eroded(visible, INSIDE)
    share = [(dark & part).sum((1, 2)) / np.maximum(part.sum((1, 2)), 1) for part in (edge, inside)]
    return np.clip(share[0] - share[1], 0, 1)


def _line_share(visible: np.ndarray) -> np.ndarray:
    """How much of a monochrome drawing (n, M, M) belongs to thin lines, from 0 to 1: (n,)."""
    thick = _eroded(visible, LINE).sum((1, 2)) / np.maximum(visible.sum((1, 2)), 1)
    return 1 - np.minimum(thick * 2, 1)  # half of a solid shape may lie near its edge


def _eroded(visible: np.ndarray, steps: int) -> np.ndarray:
    """Pixels (n, M, M) from which one stays in the drawing for this number of steps across or down."""
    for _ in range(steps):
        padded = np.pad(visible, ((0, 0), (1, 1), (1, 1)))
        across = padded[:, 1:-1, 2:] & padded[:, 1:-1, :-2]
        visible = visible & across & padded[:, 2:, 1:-1] & padded[:, :-2, 1:-1]
    return visible


# --- colours


def _measure_colours(thumbnails: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drawings (n, H, W, 4) uint8 -> dominant colours (n,), and those taken (n, colours)."""
    pixels = torch.from_numpy(np.ascontiguousarray(thumbnails)).permute(0, 3, 1, 2)
    visible = pixels[:, 3] > VISIBLE_ALPHA
    visible |= ~visible.flatten(1).any(1)[:, None, None]  # a drawing of thin lines between these pixels
    stats, rgb = atlas.measure(pixels), pixels[:, :3].float() / 255
    taken = [
        _dominant(atlas.recolour(rgb, stats, target.expand(len(rgb), 3)), visible) == at
        for at, target in enumerate(torch.from_numpy(PALETTE))
    ]
    return _dominant(rgb, visible).numpy(), torch.stack(taken, 1).numpy()


def _dominant(rgb: Tensor, visible: Tensor) -> Tensor:
    """`colours.dominant_colour` of sRGB (n, 3, H, W) where `visible` (n, H, W) -> indices of names (n,)."""
    bins = (rgb * (BINS - 0.01)).long()
    names = _names_of_bins()[(bins[:, 0] * BINS + bins[:, 1]) * BINS + bins[:, 2]]
    votes = torch.zeros(len(rgb), len(COLOUR_NAMES)).scatter_add_(
        1, names.flatten(1), visible.flatten(1).float()
    )
    hued = votes * torch.from_numpy(_HUED)
    few = hued.sum(1) < MIN_HUED_SHARE * votes.sum(1)
    return torch.where(few[:, None], votes, hued).argmax(1)


@cache
def _names_of_bins() -> Tensor:
    """The name, as an index, of each of BINS^3 colours, red slowest."""
    values = ((np.arange(BINS) + 0.5) / BINS * 255).astype(np.uint8)
    colours = np.stack(np.meshgrid(values, values, values, indexing="ij"), -1).reshape(-1, 3)
    return torch.from_numpy(_nearest(rgb_to_oklab(colours)))
