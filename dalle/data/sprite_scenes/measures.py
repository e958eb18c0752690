"""Measures the sprites of a set: visible parts, colours, and how outlined each drawing is.

All on every second pixel or fewer; n sprites in batches.
"""

import numpy as np

from dalle.data.scenes.colours import COLOURS, dominant_colour, recolour
from dalle.data.sprites.sprite_set import SpriteSet

VISIBLE_ALPHA = 32  # a pixel above this alpha belongs to the drawing; others are its soft edge
MASK_SIZE = 64  # pixels a side of the masks kept, or the sprites' own size where that is less
COLOUR_SIZE = 16  # pixels a side: enough to judge a colour
DARK = 90  # luma out of 255, below which a pixel can be part of a line
INSIDE = 4  # pixels of a mask from a drawing's edge inwards, where no outline reaches
LINE = 2  # pixels of a mask from a line's edge to its middle, at most
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_BATCH = 512
_COLOUR_NAMES = tuple(COLOURS)


def measure(sprites: SpriteSet) -> dict[str, np.ndarray]:
    """The arrays of `properties.PropertyTable`."""
    count, colours = len(sprites.sprites), len(COLOURS)
    mask_size = min(MASK_SIZE, sprites.size)
    table = {
        "boxes": np.zeros((count, 4), np.float32),
        "dominant": np.full(count, _COLOUR_NAMES.index("black"), np.int8),
        "takes": np.ones((count, colours), bool),
        "outline": np.zeros(count, np.float32),
        "masks": np.zeros((count, mask_size * mask_size // 8), np.uint8),
    }
    for monochrome in (False, True):
        members = np.array([at for at, known in enumerate(sprites.sprites) if known.monochrome == monochrome])
        for part in np.array_split(members, max(1, -(-len(members) // _BATCH))):
            if len(part):
                _measure_batch(sprites, part.astype(int), monochrome, table)
    return table


def _measure_batch(
    sprites: SpriteSet, members: np.ndarray, monochrome: bool, table: dict[str, np.ndarray]
) -> None:
    """Fill the rows `members` of the table, which are all monochrome or all in colour."""
    pixels = sprites.masks if monochrome else sprites.colour
    rows = [sprites.sprites[at].row for at in members.tolist()]
    step = max(1, sprites.size // MASK_SIZE)
    alpha: np.ndarray = (pixels if monochrome else pixels[..., 3])[rows] > VISIBLE_ALPHA
    table["boxes"][members] = _boxes(alpha)
    visible = alpha[:, ::step, ::step]
    table["masks"][members] = np.packbits(visible.reshape(len(members), -1), axis=1)
    if monochrome:
        table["outline"][members] = _line_share(visible)
        return
    luma = pixels[rows, ::step, ::step, :3] @ _LUMA
    table["outline"][members] = _outline_share(visible, luma < DARK)
    step = max(1, sprites.size // COLOUR_SIZE)
    for at, row in zip(members, rows, strict=True):
        thumbnail = pixels[row, step // 2 :: step, step // 2 :: step]
        if not (thumbnail[..., 3] > VISIBLE_ALPHA).any():  # a drawing of thin lines
            thumbnail = pixels[row]
        thumbnail = thumbnail[thumbnail[..., 3] > VISIBLE_ALPHA][None]
        table["dominant"][at] = _COLOUR_NAMES.index(dominant_colour(thumbnail[0, :, :3]))
        table["takes"][at] = [
            dominant_colour(recolour(thumbnail, name)[0, :, :3]) == name for name in COLOURS
        ]


def _boxes(visible: np.ndarray) -> np.ndarray:
    """Where sprites are visible, (n, S, S) -> left, top, right, bottom (n, 4), from -0.5 to 0.5."""
    size = visible.shape[-1]
    columns: np.ndarray = visible.any(1)
    rows: np.ndarray = visible.any(2)
    first = [edge.argmax(1) for edge in (columns, rows)]
    last = [size - edge[:, ::-1].argmax(1) for edge in (columns, rows)]
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
        visible = (
            visible & padded[:, 2:, 1:-1] & padded[:, :-2, 1:-1] & padded[:, 1:-1, 2:] & padded[:, 1:-1, :-2]
        )
    return visible
