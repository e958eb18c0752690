"""Looks of a whole scene: its layers redrawn as pixel art, as a line drawing and so on.

    foreground (B, 4, S, S) premultiplied, ground (B, 3, S, S), look (B,)  --apply-->  foreground, ground

All layers are redrawn together, so that lines and rims run around the group. Neon and blueprint bring their
own ground; pixel art pixelates the ground as well.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.data.sprite_scenes.atlas import straight
from dalle.data.sprite_scenes.materials import GOLD, bevel, palette_colours
from dalle.data.sprite_scenes.plan import LOOKS
from dalle.networks.oklab import fit_to_rgb, rgb_to_oklab

BLOCKS = 21  # of pixel art, to a side
INK = 0.1
NEON_GROUND = (0.035, 0.025, 0.085)
PAPER, PAPER_LINE = (0.09, 0.27, 0.58), (0.2, 0.38, 0.68)  # of a blueprint

Look = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def apply(foreground: Tensor, ground: Tensor, look: Tensor) -> tuple[Tensor, Tensor]:
    """Foregrounds and grounds in looks (B,), indices into LOOKS; -1 stays as it is. Values are in [0, 1]."""
    for index in look.unique().tolist():
        if index >= 0:
            rows = (look == index).nonzero()[:, 0]
            drawn, behind = _DRAW[LOOKS[index]](foreground[rows], ground[rows])
            foreground = foreground.index_copy(0, rows, drawn)
            ground = ground.index_copy(0, rows, behind)
    return foreground, ground


# --- what looks share


def _blur(pictures: Tensor, reach: int) -> Tensor:
    """Two means over squares of 2 * reach + 1 pixels, with nothing beyond the frame -> the same shape."""
    for _ in range(2):
        pictures = F.avg_pool2d(pictures, 2 * reach + 1, stride=1, padding=reach)
    return pictures


def _grow(alpha: Tensor, reach: int) -> Tensor:
    """Alpha (n, 1, S, S), larger by a disc of `reach` pixels."""
    grown = alpha
    for at in range(reach):  # a square and a diamond in turn make an octagon
        square = F.max_pool2d(grown, 3, stride=1, padding=1)
        if at % 3 == 2:
            grown = square
        else:
            across = F.max_pool2d(grown, (1, 3), stride=1, padding=(0, 1))
            grown = torch.maximum(across, F.max_pool2d(grown, (3, 1), stride=1, padding=(1, 0)))
    return grown


def _lines(foreground: Tensor) -> Tensor:
    """Contours and inner edges of foregrounds (n, 4, S, S) -> opacity of the ink (n, 1, S, S)."""
    size = foreground.shape[-1]
    colours, alpha = straight(foreground)
    lab = rgb_to_oklab(colours * alpha + 1 - alpha)
    planes = torch.cat([lab[:, :1], 1.2 * lab[:, 1:], 0.8 * alpha], 1)
    padded = F.pad(planes, [1] * 4, mode="replicate")
    smooth = F.avg_pool2d(padded, 3, stride=1)
    padded = F.pad(smooth, [1] * 4, mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    edge = (across**2 + down**2).sum(1, keepdim=True).sqrt()
    return ((edge - 0.035) * 16 * (size / 128)).clamp(0, 1)


def _over(top: Tensor, under: Tensor) -> Tensor:
    """Premultiplied RGBA over RGBA."""
    return top + (1 - top[:, 3:]) * under


def _flat(alpha: Tensor, colour: tuple[float, float, float]) -> Tensor:
    """Alpha (n, 1, S, S) in one colour -> premultiplied RGBA."""
    return torch.cat([alpha * value for value in (*colour, 1.0)], 1)


# --- looks: foreground (n, 4, S, S), ground (n, 3, S, S) -> the same


def _pixel_art(foreground: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    blocks = _pixelate(foreground)
    colours, alpha = straight(blocks)
    hard = (alpha > 0.4).float()
    return torch.cat([colours * hard, hard], 1), _pixelate(ground)


def _pixelate(pictures: Tensor) -> Tensor:
    """Means of equal blocks, centred so that what is cut at the frame is the same on both sides."""
    size = pictures.shape[-1]
    block = max(1, round(size / BLOCKS))
    margin = (-size % block) / 2
    first, last = int(margin), int(margin + 0.5)
    padded = F.pad(pictures, [first, last, first, last], mode="replicate")
    means = F.interpolate(F.avg_pool2d(padded, block), scale_factor=block, mode="nearest")
    return means[..., first : first + size, first : first + size]


def _line_drawing(foreground: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    ink = _flat(_lines(foreground), (INK, INK, INK))
    return _over(ink, _flat(foreground[:, 3:], (1, 1, 1))), ground


def _silhouette(foreground: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    return _flat(foreground[:, 3:], (0.02, 0.02, 0.03)), ground


def _sticker(foreground: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    unit = foreground.shape[-1] / 128
    rim = _blur(_grow(foreground[:, 3:], max(1, round(5 * unit))), 1)
    rim = ((rim - 0.5) * 2.2 + 0.5).clamp(0, 1)
    shift = max(1, round(2 * unit))
    shadow = _blur(F.pad(rim, [shift, -shift, shift, -shift]), max(1, round(2.5 * unit)))
    under = _over(_flat(rim, (1, 1, 1)), _flat(0.5 * shadow, (0.1, 0.1, 0.15)))
    return _over(foreground, under), ground


def _neon(foreground: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    unit = foreground.shape[-1] / 128
    colours, alpha = straight(foreground)
    lab = rgb_to_oklab(_spread(colours, alpha))
    strength = torch.hypot(lab[:, 1:2], lab[:, 2:])
    hue = torch.where(
        strength > 0.04, lab[:, 1:] / strength.clamp(min=1e-4), lab.new_tensor([-0.7, -0.7]).view(1, 2, 1, 1)
    )
    tube = fit_to_rgb(torch.cat([torch.full_like(strength, 0.78), 0.19 * hue], 1))
    line = _lines(foreground)
    near, far = _blur(line, max(1, round(2 * unit))), _blur(line, max(1, round(6 * unit)))
    glow = (1.0 * near + 1.1 * far).clamp(0, 0.85)
    light = _flat(glow, (1, 1, 1))
    light[:, :3] = tube * glow
    core = torch.cat([tube.lerp(torch.ones_like(tube), 0.35) * line, line], 1)
    behind = torch.tensor(NEON_GROUND, device=ground.device).view(1, 3, 1, 1).expand_as(ground)
    return _over(core, light), behind


def _spread(colours: Tensor, alpha: Tensor) -> Tensor:
    """Colours (n, 3, S, S) carried on beyond the visible part, for a glow."""
    reach = max(1, round(colours.shape[-1] / 16))
    carried = _blur(colours * alpha, reach) / _blur(alpha, reach).clamp(min=1e-4)
    return carried.clamp(0, 1)


def _blueprint(foreground: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    size = ground.shape[-1]
    paper, line = (torch.tensor(c, device=ground.device).view(1, 3, 1, 1) for c in (PAPER, PAPER_LINE))
    at = torch.arange(size, device=ground.device)
    on_line = (at % max(2, round(size / 16)) == 0).float()
    grid = torch.maximum(on_line.view(1, -1), on_line.view(-1, 1))
    behind = (paper + (line - paper) * grid).expand_as(ground)
    veil = _flat(foreground[:, 3:] * 0.6, PAPER)
    return _over(_flat(_lines(foreground), (0.94, 0.97, 1)), veil), behind


def _gold_relief(foreground: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    colours, alpha = straight(foreground)
    lightness = rgb_to_oklab(colours)[:, :1] * alpha
    inner = bevel(torch.cat([foreground[:, :3], lightness], 1), 0.012)
    values = 0.56 + 0.5 * bevel(foreground, 0.035) + 0.8 * inner
    return torch.cat([palette_colours(values, GOLD) * alpha, alpha], 1), ground


_DRAW: dict[str, Look] = {
    "pixel art": _pixel_art,
    "line drawing": _line_drawing,
    "silhouette": _silhouette,
    "sticker": _sticker,
    "neon": _neon,
    "blueprint": _blueprint,
    "gold relief": _gold_relief,
}
