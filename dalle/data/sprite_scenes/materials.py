"""Materials and patterns of sprites, and one sprite's picture inside another's outline.

    premultiplied RGBA (N, 4, S, S), material (N,)  --apply-->  premultiplied RGBA (N, 4, S, S)

Each material is a function of the sprite's straight colours, its alpha and the position in its square. Gold,
wood, ice, glass and stone replace the colours: their palette follows the sprite's own shading, centred so
that flat and black sprites come out right as well. Stripes, dots and stars are printed on the own colours.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.data.sprite_scenes.atlas import straight
from dalle.data.sprite_scenes.plan import MATERIALS
from dalle.networks.oklab import fit_to_rgb, rgb_to_oklab

GOLD = ((66, 36, 6), (148, 92, 14), (224, 168, 40), (255, 214, 92), (255, 246, 190))
WOOD = ((58, 30, 12), (110, 64, 28), (160, 102, 50), (196, 140, 80), (222, 176, 118))
ICE = ((30, 84, 150), (76, 146, 204), (132, 196, 234), (190, 230, 250), (246, 254, 255))
STONE = ((52, 50, 48), (98, 95, 92), (136, 132, 128), (168, 164, 158), (206, 202, 196))
GLASS = ((24, 84, 106), (84, 152, 174), (150, 204, 218), (202, 234, 240), (255, 255, 255))
RAINBOW = ((226, 40, 48), (246, 134, 32), (250, 216, 48), (60, 176, 72), (44, 118, 220), (142, 66, 190))
DARK_PRINT, LIGHT_PRINT = (38, 48, 110), (255, 246, 214)
FILL_SHADING = 0.5  # of a sprite's shading that stays where another picture fills it


def apply(rgba: Tensor, material: Tensor) -> Tensor:
    """Sprites (N, 4, S, S), premultiplied, in materials (N,), indices into MATERIALS; -1 stays as it is."""
    for index in material.unique().tolist():
        if index >= 0:
            rows = (material == index).nonzero()[:, 0]
            rgba = rgba.index_copy(0, rows, _PAINT[MATERIALS[index]](rgba[rows]))
    return rgba


def fill(rgba: Tensor, picture: Tensor) -> Tensor:
    """Sprites (N, 4, S, S) filled with the pictures of others (N, 4, S, S), all premultiplied -> sprites.

    A picture covers the sprite's visible part; where it is transparent, its mean colour is seen.
    """
    mean = picture[:, :3].sum((2, 3)) / picture[:, 3:].sum((2, 3)).clamp(min=1e-4)
    backed = picture[:, :3] + (1 - picture[:, 3:]) * mean[..., None, None]
    centre, half = _box(rgba[:, 3])
    picture_centre, picture_half = _box(picture[:, 3])
    scale = (picture_half / half).amin(1)  # so that the smaller side fits
    theta = torch.zeros(len(rgba), 2, 3, device=rgba.device)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = picture_centre - scale[:, None] * centre
    grid = F.affine_grid(theta, list(backed.shape), align_corners=False)
    covering = F.grid_sample(backed, grid, mode="bilinear", padding_mode="border", align_corners=False)
    lab = rgb_to_oklab(covering)
    lab[:, :1] += FILL_SHADING * _shading(rgba)
    return torch.cat([fit_to_rgb(lab) * rgba[:, 3:], rgba[:, 3:]], 1)


def _box(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha (N, S, S) -> centre and half size (N, 2), across and down, of the visible part in [-1, 1]."""
    size = alpha.shape[-1]
    edges = []
    for axis in (1, 2):
        seen = alpha.amax(axis) > 0.1
        first = seen.float().argmax(1)
        last = size - seen.flip(1).float().argmax(1)
        edges.append(torch.stack([first, last], 1))
    box = torch.stack(edges, 1) / size * 2 - 1  # (N, 2 axes, first and last)
    return box.mean(2), ((box[..., 1] - box[..., 0]) / 2).clamp(min=2 / size)


# --- shading


def bevel(rgba: Tensor, width: float) -> Tensor:
    """Light from the upper left on the rounded edges of sprites (N, 4, S, S) -> (N, 1, S, S), about -1 to 1.

    `width` of the rounding is a share of the side.
    """
    reach = max(1, round(width * rgba.shape[-1]))
    padded = F.pad(rgba[:, 3:], [2 * reach] * 4)
    height = padded
    for _ in range(2):
        height = F.avg_pool2d(height, 2 * reach + 1, stride=1)
    step = max(1, reach // 2)
    height = F.pad(height, [step] * 4, mode="replicate")
    inner = slice(2 * step, None), slice(None, -2 * step)
    return (height[..., inner[0], inner[0]] - height[..., inner[1], inner[1]]) * (reach / step)


def shade(rgba: Tensor) -> Tensor:
    """Own shading of sprites (N, 4, S, S) plus a bevel -> (N, 1, S, S) about 0.5, for a palette."""
    return 0.55 + 0.9 * _shading(rgba) + 0.35 * bevel(rgba, 0.03)


def _shading(rgba: Tensor) -> Tensor:
    """Oklab lightness of sprites (N, 4, S, S) less its mean over the visible part -> (N, 1, S, S)."""
    colours, alpha = straight(rgba)
    lightness = rgb_to_oklab(colours)[:, :1]
    mean = (lightness * alpha).sum((2, 3), keepdim=True) / alpha.sum((2, 3), keepdim=True).clamp(min=1e-4)
    return lightness - mean


def palette_colours(values: Tensor, palette: tuple[tuple[int, int, int], ...]) -> Tensor:
    """Values (N, 1, S, S), 0 at a palette's first colour and 1 at its last -> sRGB (N, 3, S, S)."""
    place = values.clamp(0, 1) * (len(palette) - 1)
    colours = torch.zeros_like(values).repeat(1, 3, 1, 1)
    for at, colour in enumerate(palette):
        weight = (1 - (place[:, 0] - at).abs()).relu_()
        for channel, value in enumerate(colour):
            colours[:, channel].add_(weight, alpha=value / 255)
    return colours


@lru_cache(maxsize=64)
def _position(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Across (1, 1, 1, S) and down (1, 1, S, 1), from 0 to 1."""
    at = (torch.arange(size, device=device) + 0.5) / size
    return at.view(1, 1, 1, -1), at.view(1, 1, -1, 1)


@lru_cache(maxsize=64)
def _noise(size: int, across: int, down: int, device: torch.device) -> Tensor:
    """Smooth noise of so many cells, the same at every call -> (1, 1, S, S), about -1 to 1."""
    cells = torch.rand(1, 1, down, across, generator=torch.Generator().manual_seed(across * 1000 + down))
    return (F.interpolate(cells, (size, size), mode="bicubic") * 2 - 1).to(device)


def _with_alpha(colours: Tensor, alpha: Tensor) -> Tensor:
    return torch.cat([colours * alpha, alpha], 1)


# --- materials: premultiplied RGBA (n, 4, S, S) -> the same


def _gold(rgba: Tensor) -> Tensor:
    x, y = _position(rgba.shape[-1], rgba.device)
    sheen = 0.14 * torch.sin(2 * math.pi * (1.1 * x + 1.5 * y)) + 0.05 * torch.sin(2 * math.pi * (5 * x - y))
    return _with_alpha(palette_colours(shade(rgba) + sheen + 0.04, GOLD), rgba[:, 3:])


def _wood(rgba: Tensor) -> Tensor:
    size, device = rgba.shape[-1], rgba.device
    x, y = _position(size, device)
    bend = 0.09 * torch.sin(2 * math.pi * (0.8 * x + 0.3)) + 0.07 * _noise(size, 3, 5, device)
    rings = torch.sin(2 * math.pi * 6.5 * (y + bend))
    fibres = _noise(size, 5, 64, device)
    return _with_alpha(palette_colours(shade(rgba) - 0.05 + 0.15 * rings + 0.1 * fibres, WOOD), rgba[:, 3:])


def _ice(rgba: Tensor) -> Tensor:
    size, device = rgba.shape[-1], rgba.device
    x, y = _position(size, device)
    facets = _noise(size, 5, 5, device) + 0.6 * torch.sin(2 * math.pi * (2 * x - 1.3 * y))
    cracks = (1 - 9 * (_noise(size, 4, 4, device) + 0.25 * _noise(size, 9, 9, device)).abs()).relu_()
    values = shade(rgba) + 0.1 * facets.sign() + 0.05 * facets + 0.35 * cracks + 0.1 * bevel(rgba, 0.05)
    return _with_alpha(palette_colours(values, ICE), rgba[:, 3:] * 0.94)


def _glass(rgba: Tensor) -> Tensor:
    size = rgba.shape[-1]
    x, y = _position(size, rgba.device)
    alpha = rgba[:, 3:]
    reach = max(1, round(0.04 * size))
    inside = F.avg_pool2d(F.pad(alpha, [reach] * 4), 2 * reach + 1, stride=1)
    rim = (1.6 * (1 - inside)).clamp(0, 1) * alpha
    streak = (1 - (((x + y * 0.6) % 0.55) - 0.2).abs() * 9).clamp(0, 1) * (alpha - rim).relu()
    values = 0.62 + 0.5 * _shading(rgba) - 0.5 * rim + 0.45 * bevel(rgba, 0.05) + 0.4 * streak
    opacity = (0.5 + 0.4 * rim + 0.4 * streak - 0.4 * _shading(rgba)).clamp(0.35, 0.95)
    return _with_alpha(palette_colours(values, GLASS), alpha * opacity)


def _stone(rgba: Tensor) -> Tensor:
    size, device = rgba.shape[-1], rgba.device
    grain = sum(weight * _noise(size, n, n, device) for n, weight in ((6, 0.08), (17, 0.1), (48, 0.16)))
    cracks = (1 - 14 * (_noise(size, 5, 4, device) + 0.3 * _noise(size, 11, 11, device)).abs()).relu_()
    return _with_alpha(palette_colours(shade(rgba) - 0.06 + grain - 0.3 * cracks, STONE), rgba[:, 3:])


def _printed(rgba: Tensor, pattern: Tensor) -> Tensor:
    """A pattern (1, 1, S, S) in [0, 1] in a contrasting colour, which keeps the sprite's shading."""
    colours, alpha = straight(rgba)
    lightness = rgb_to_oklab(colours)[:, :1]
    mean = (lightness * alpha).sum((2, 3), keepdim=True) / alpha.sum((2, 3), keepdim=True).clamp(min=1e-4)
    dark, light = (
        torch.tensor(ink, device=rgba.device).view(1, 3, 1, 1) / 255 for ink in (DARK_PRINT, LIGHT_PRINT)
    )
    ink = torch.where(mean > 0.74, dark, light)
    shading = ((lightness + 0.15) / (mean + 0.15)).clamp(0, 1.15)
    return _with_alpha(colours.lerp((ink * shading).clamp(0, 1), pattern), alpha)


def _striped(rgba: Tensor) -> Tensor:
    size = rgba.shape[-1]
    x, y = _position(size, rgba.device)
    wave = torch.sin(2 * math.pi * 5.5 * (0.94 * x + 0.34 * y))
    return _printed(rgba, (0.5 + wave * size / 30).clamp(0, 1))


def _dotted(rgba: Tensor) -> Tensor:
    size = rgba.shape[-1]
    across, down = _lattice(size, 6, rgba.device)
    return _printed(rgba, ((0.3 - torch.hypot(across, down)) * size / 6 + 0.5).clamp(0, 1))


def _starry(rgba: Tensor) -> Tensor:
    size = rgba.shape[-1]
    across, down = _lattice(size, 4.5, rgba.device)
    turn = torch.atan2(across, -down) * 5 / (2 * math.pi)
    fold = ((turn + 0.5) % 1 - 0.5).abs() * 2  # 0 at a point of the star, 1 between two
    radius = 0.17 / (0.4 + 0.6 * fold)
    return _printed(rgba, ((radius - torch.hypot(across, down)) * size / 4.5 + 0.5).clamp(0, 1))


def _lattice(size: int, cells: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Offsets (1, 1, S, S) from the nearest point of a staggered lattice, in cells, `cells` to a side."""
    x, y = _position(size, device)
    row = torch.floor(y * cells / 0.866)
    down = (y * cells / 0.866 - row - 0.5) * 0.866
    across = (x * cells + 0.5 * (row % 2)) % 1 - 0.5
    return across, down.expand_as(across)


def _rainbow(rgba: Tensor) -> Tensor:
    size = rgba.shape[-1]
    x, y = _position(size, rgba.device)
    centre, half = (of.view(-1, 2, 1, 1, 1) for of in _box(rgba[:, 3]))
    across, down = (x * 2 - 1 - centre[:, 0]) / half[:, 0], (y * 2 - 1 - centre[:, 1]) / half[:, 1]
    lab = rgb_to_oklab(palette_colours(0.5 + 0.12 * across + 0.4 * down, RAINBOW))
    lab[:, :1] += 0.75 * _shading(rgba)
    return _with_alpha(fit_to_rgb(lab), rgba[:, 3:])


_PAINT: dict[str, Callable[[Tensor], Tensor]] = {
    "gold": _gold,
    "wood": _wood,
    "ice": _ice,
    "glass": _glass,
    "stone": _stone,
    "striped": _striped,
    "dotted": _dotted,
    "starry": _starry,
    "rainbow": _rainbow,
}
