"""All sprites of a set on one device, and what recolouring needs to know of each.

    sprites (N,), colours (N,)  --Atlas.gather-->  premultiplied RGBA (N, 4, side, side)

Recolouring is that of `dalle.data.scenes.colours.recolour`, with the medians of each sprite measured once, so
that what is left to do is elementwise.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.data.scenes.colours import MIN_CHROMA, MIN_HUED_SHARE, PALETTE
from dalle.data.sprites.sprite_set import SpriteSet
from dalle.networks.oklab import chroma, oklab_to_rgb, rgb_to_oklab

THUMBNAIL_SIZE = 32  # pixels a side: enough to measure colours
CHUNK = 512  # sprites measured at once
COLOURED, BODY_CHROMA, BODY_LIGHTNESS = range(3)  # columns of `Atlas.stats`


class Atlas:
    """The sprites of a set; indices are those of `SpriteSet.sprites`."""

    def __init__(self, colour: Tensor, masks: Tensor, row: Tensor, monochrome: Tensor, stats: Tensor):
        self.colour = colour  # (n, 4, S, S) uint8, straight alpha
        self.masks = masks  # (m, S, S) uint8, alpha of the monochrome sprites
        self.row = row  # (n + m,) int64, of each sprite in `colour` or in `masks`
        self.monochrome = monochrome  # (n + m,) bool
        self.stats = stats  # (n, 3) float32 of the rows of `colour`
        self.palette = torch.from_numpy(PALETTE).to(colour.device)

    @classmethod
    def from_set(cls, sprites: SpriteSet, device: torch.device | str = "cpu") -> "Atlas":
        """Copy all sprites of a set to a device, and measure them."""
        shape = (len(sprites.colour), 4, sprites.size, sprites.size)
        colour = torch.empty(shape, dtype=torch.uint8, device=device)
        for start in range(0, len(colour), CHUNK):
            rows = torch.from_numpy(np.array(sprites.colour[start : start + CHUNK]))
            colour[start : start + CHUNK] = rows.to(device).permute(0, 3, 1, 2)
        return cls(
            colour=colour,
            masks=torch.from_numpy(np.array(sprites.masks)).to(device),
            row=torch.tensor([sprite.row for sprite in sprites.sprites], device=device),
            monochrome=torch.tensor([sprite.monochrome for sprite in sprites.sprites], device=device),
            stats=measure(colour),
        )

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], device: torch.device | str = "cpu") -> "Atlas":
        """The inverse of `tensors`."""
        return cls(**{name: tensor.to(device) for name, tensor in tensors.items()})

    def tensors(self) -> dict[str, Tensor]:
        """All that an atlas consists of."""
        return {name: getattr(self, name) for name in ("colour", "masks", "row", "monochrome", "stats")}

    @property
    def size(self) -> int:
        """Pixels a side."""
        return self.colour.shape[-1]

    @property
    def device(self) -> torch.device:
        return self.colour.device

    def gather(self, sprites: Tensor, colours: Tensor, side: int) -> Tensor:
        """Sprites (N,) in colours (N,), indices into COLOUR_NAMES -> premultiplied RGBA (N, 4, side, side).

        Values are in [0, 1]; `side` is at most S. For colour -1 drawings keep their own colours, and
        monochrome ones are black.
        """
        row, monochrome = self.row[sprites], self.monochrome[sprites]
        masks, drawings = monochrome.nonzero()[:, 0], (~monochrome).nonzero()[:, 0]
        rgba = torch.empty(len(sprites), 4, side, side, device=self.device)
        if len(drawings):
            rgba[drawings] = self._drawings(row[drawings], colours[drawings].long(), side)
        if len(masks):
            rgba[masks] = self._painted(row[masks], colours[masks].long(), side)
        return rgba

    def _drawings(self, rows: Tensor, colours: Tensor, side: int) -> Tensor:
        """Rows (n,) of `colour` in colours (n,) -> (n, 4, side, side)."""
        rgba = self.colour[rows].float().div_(255)
        rgba[:, :3] *= rgba[:, 3:]
        rgba = shrink(rgba, side)
        recoloured = (colours >= 0).nonzero()[:, 0]
        if len(recoloured):
            rgb, alpha = straight(rgba[recoloured])
            target = self.palette[colours[recoloured]]
            rgba[recoloured, :3] = recolour(rgb, self.stats[rows[recoloured]], target) * alpha
        return rgba

    def _painted(self, rows: Tensor, colours: Tensor, side: int) -> Tensor:
        """Rows (n,) of `masks` in colours (n,) -> (n, 4, side, side)."""
        alpha = shrink(self.masks[rows, None].float().div_(255), side)
        palette = oklab_to_rgb(self.palette.T[..., None])[..., 0].T
        paint = palette[colours.clamp(0)] * (colours >= 0)[:, None]
        return torch.cat([paint[..., None, None] * alpha, alpha], 1)


def shrink(pictures: Tensor, side: int) -> Tensor:
    """Pictures (n, C, S, S), premultiplied where they have alpha, by area -> (n, C, side, side)."""
    size = pictures.shape[-1]
    if size == side:
        return pictures
    if size % side == 0:
        return F.avg_pool2d(pictures, size // side)
    return F.interpolate(pictures, (side, side), mode="bilinear", antialias=True)


def straight(rgba: Tensor) -> tuple[Tensor, Tensor]:
    """Premultiplied RGBA (n, 4, H, W) -> straight sRGB (n, 3, H, W) in [0, 1], alpha (n, 1, H, W)."""
    alpha = rgba[:, 3:]
    return (rgba[:, :3] / alpha.clamp(min=1e-4)).clamp_(0, 1), alpha


def measure(colour: Tensor) -> Tensor:
    """Sprites (n, 4, S, S) uint8, straight alpha -> what recolouring needs of each (n, 3) float32.

    COLOURED: 1 where the body is what has colour, 0 where the sprite is recoloured all over;
    BODY_CHROMA: median chroma of what has colour; BODY_LIGHTNESS: median lightness of the body.
    """
    step = max(1, colour.shape[-1] // THUMBNAIL_SIZE)
    return torch.cat([_measure(part[..., ::step, ::step]) for part in colour.split(CHUNK)])


def _measure(thumbnails: Tensor) -> Tensor:
    visible = thumbnails[:, 3].flatten(1) > 0
    lab = rgb_to_oklab(thumbnails[:, :3].float() / 255)
    lightness, strength = lab[:, 0].flatten(1), chroma(lab).flatten(1)
    hued, light = visible & (strength > MIN_CHROMA), visible & (lightness > 0.5)
    count = visible.sum(1).clamp(min=1)
    coloured = hued.sum(1) >= MIN_HUED_SHARE * count
    mostly_light = light.sum(1) >= 0.45 * count  # a light sprite with dark patches, such as a panda
    grey_body = torch.where(mostly_light[:, None], light, visible)
    body = torch.where(coloured[:, None], hued, grey_body)
    return torch.stack([coloured.float(), _median(strength, hued), _median(lightness, body)], 1)


def _median(values: Tensor, among: Tensor) -> Tensor:
    """Median of the values (n, K) that are `among` (n, K) bool -> (n,); 0.5 where there are none."""
    ordered = values.masked_fill(~among, torch.inf).sort(1).values
    count = among.sum(1, keepdim=True)
    middle = (ordered.gather(1, (count - 1).clamp(0) // 2) + ordered.gather(1, (count // 2))) / 2
    return torch.where(count > 0, middle, 0.5)[:, 0]


def recolour(rgb: Tensor, stats: Tensor, target: Tensor) -> Tensor:
    """Drawings' straight sRGB (n, 3, S, S), stats (n, 3), target colours (n, 3) in Oklab -> sRGB."""
    lab = rgb_to_oklab(rgb)
    coloured, body_chroma, body_lightness = stats[..., None, None, None].unbind(1)
    aim = target[:, :1, None, None].clamp(0.3, 0.94)  # even black and white leave room for shading
    strength = chroma(lab)
    own_opacity = ((strength - 0.2 * MIN_CHROMA) / (0.6 * MIN_CHROMA)).clamp(0, 1)
    own_chroma = (strength / body_chroma.clamp(min=1e-3)).clamp(0.6, 1.2)
    opacity = torch.where(coloured > 0, own_opacity, 1.0)
    lightness = _shift_lightness(lab[:, :1], body_lightness, aim)
    fading = torch.where(lightness < aim, lightness / aim, (1.02 - lightness) / (1.02 - aim))
    painted_chroma = torch.where(coloured > 0, own_chroma, 1.0) * fading
    painted = torch.cat([lightness, painted_chroma * target[:, 1:, None, None]], 1)
    return oklab_to_rgb(lab.lerp(painted, opacity))


def _shift_lightness(lightness: Tensor, middle: Tensor, target: Tensor) -> Tensor:
    """Lightness with `middle` moved to `target`; black stays black, and nothing passes white."""
    below = lightness * (target / middle.clamp(min=0.05))
    slope = ((1 - target) / (1 - middle).clamp(min=0.05)).clamp(max=1)
    return torch.where(lightness < middle, below, target + (lightness - middle) * slope)
