"""Pictures of many plans at once, on a CPU or a GPU, with fresh light at every rendering.

    plans (PackedPlans of B)  --Renderer.render-->  pictures (B, 3, S, S) in [-1, 1], light (B, 2)

The layers of all plans are prepared as one flat batch: a sprite is gathered from the atlas at the smallest of
a few sizes that loses nothing, recoloured or filled there, and resampled once, bicubically, to where it is
drawn. Layers are then composed slot by slot, premultiplied by alpha: no dark rims. Nothing depends on the
rest of a batch, but for light, whose numbers are drawn in order from the generator.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.data.sprite_scenes import light, looks, materials, places
from dalle.data.sprite_scenes.atlas import Atlas
from dalle.data.sprite_scenes.packed import PackedPlans
from dalle.data.sprite_scenes.plan import BACKGROUND

Paint = Callable[[Tensor, Tensor, Tensor, int], Tensor]  # places.paint

SIDES = (1.0, 0.75, 0.5, 0.375, 0.25)  # of the atlas's sprites, at which they are resampled
SHRINKAGE = 1.1  # largest, of a sprite in bicubic resampling: beyond it thin lines would flicker
PLANS_AT_ONCE = {"cpu": 32, "cuda": 1024}  # a cache's and a GPU's memory full


@dataclass(frozen=True)
class Rendered:
    pictures: Tensor  # (B, 3, S, S) in [-1, 1]
    light: Tensor  # (B, 2): the numbers of plan.LIGHT


class Renderer:
    """Renders plans with the sprites of `atlas` as squares of `size` pixels a side."""

    def __init__(self, atlas: Atlas, size: int = 128):
        self.atlas, self.size = atlas, size
        self.sides = sorted({max(1, round(share * atlas.size)) for share in SIDES}, reverse=True)

    @torch.no_grad()
    def render(
        self, plans: PackedPlans, generator: torch.Generator | None = None, paint: Paint = places.paint
    ) -> Rendered:
        """Pictures of plans, which are moved to the atlas's device; no light for no generator.

        `paint` paints the places.
        """
        plans = plans.to(self.atlas.device)
        numbers = light.draw(plans, generator)
        at_once = PLANS_AT_ONCE.get(self.atlas.device.type, 256)
        pictures = torch.empty(len(plans), 3, self.size, self.size, device=self.atlas.device)
        for start in range(0, len(plans), at_once):
            rows = slice(start, start + at_once)
            pictures[rows] = self._pictures(plans[rows], numbers[rows], paint)
        return Rendered(pictures, numbers)

    def _pictures(self, plans: PackedPlans, numbers: Tensor, paint: Paint) -> Tensor:
        ground = self._ground(plans, numbers, paint)
        foreground, ground = looks.apply(self._foreground(plans), ground, plans.look)
        seen = torch.addcmul(foreground[:, :3], 1 - foreground[:, 3:], ground)
        return seen.clamp_(0, 1).mul_(2).sub_(1)

    def _ground(self, plans: PackedPlans, numbers: Tensor, paint: Paint) -> Tensor:
        """What is behind the layers -> (B, 3, S, S) in [0, 1]."""
        ends = plans.ground.float().div(255).transpose(1, 2)[..., None]  # (B, 3, top and bottom, 1)
        ends = light.tint(ends, numbers[:, BACKGROUND] * plans.tinted)
        down = torch.linspace(0, 1, self.size, device=ends.device)[:, None]
        ground = torch.lerp(ends[:, :, :1], ends[:, :, 1:], down).repeat(1, 1, 1, self.size)
        painted = (plans.place >= 0).nonzero()[:, 0]
        if len(painted):
            place, night, seed = (of[painted] for of in (plans.place, plans.night, plans.seed))
            ground[painted] = paint(place.long(), night, seed.long(), self.size)
        return ground

    def _foreground(self, plans: PackedPlans) -> Tensor:
        """All layers of each plan -> premultiplied RGBA (B, 4, S, S)."""
        row, slot = (plans.sprite >= 0).nonzero(as_tuple=True)
        drawn = self._layers(plans, row, slot)
        canvas = drawn.new_zeros(len(plans), 4, self.size, self.size)
        for at in range(plans.sprite.shape[1]):
            pick = (slot == at).nonzero()[:, 0]
            if not len(pick):
                continue
            top, on = drawn[pick], row[pick]
            canvas[on] = torch.addcmul(top, 1 - top[:, 3:], canvas[on])
        return canvas

    def _layers(self, plans: PackedPlans, row: Tensor, slot: Tensor) -> Tensor:
        """The layers at (row, slot) of the plans, each alone -> premultiplied RGBA (N, 4, S, S)."""
        placement = plans.placement[row, slot]
        flipped = plans.flipped[row, slot]
        needed = (placement[:, 2] * self.size / SHRINKAGE).clamp(0, self.sides[0])
        drawn = torch.empty(len(row), 4, self.size, self.size, device=placement.device)
        for side, smaller in zip(self.sides, [*self.sides[1:], -1], strict=True):
            pick = ((needed <= side) & (needed > smaller)).nonzero()[:, 0]
            if len(pick):
                sprites = self._sprites(plans, row[pick], slot[pick], side)
                drawn[pick] = place(sprites, placement[pick], flipped[pick], self.size)
        return drawn

    def _sprites(self, plans: PackedPlans, row: Tensor, slot: Tensor, side: int) -> Tensor:
        """The sprites of layers, in their colours and materials -> premultiplied RGBA (n, 4, side, side)."""
        colour, within = plans.colour[row, slot], plans.fill[row, slot]
        rgba = self.atlas.gather(plans.sprite[row, slot], colour, side)
        filled = (within >= 0).nonzero()[:, 0]
        if len(filled):
            pictures = self.atlas.gather(within[filled], torch.full_like(colour[filled], -1), side)
            rgba[filled] = materials.fill(rgba[filled], pictures)
        rgba = materials.apply(rgba, plans.material[row, slot])
        top = plans.placement[row, slot, 4].view(-1, 1, 1, 1) * side
        return rgba.mul_((torch.arange(1, side + 1, device=rgba.device).view(-1, 1) - top).clamp_(0, 1))


def place(sprites: Tensor, placement: Tensor, flipped: Tensor, size: int) -> Tensor:
    """Premultiplied RGBA (N, 4, s, s) resampled once, bicubically, to its place -> (N, 4, size, size).

    placement (N, 5): x, y, size, angle, top, as in plan.Layer; flipped (N,) bool.
    """
    x, y, side, angle, _ = placement.unbind(1)
    cos, sin = (angle * (math.pi / 180)).cos(), (angle * (math.pi / 180)).sin()
    across = torch.stack([cos, sin, cos * (1 - 2 * x) + sin * (1 - 2 * y)], 1)
    down = torch.stack([-sin, cos, cos * (1 - 2 * y) - sin * (1 - 2 * x)], 1)
    across = torch.where(flipped[:, None], -across, across)
    inverse = torch.stack([across, down], 1) / side.clamp(min=1e-3).view(-1, 1, 1)
    at = (torch.arange(size, device=side.device) * 2 + 1) / size - 1
    by_x, by_y, shift = inverse[:, None, None].unbind(-1)  # (N, 1, 1, 2) each
    grid = by_x * at[:, None] + (by_y * at[:, None, None] + shift)
    drawn = F.grid_sample(sprites, grid, mode="bicubic", align_corners=False)
    alpha = drawn[:, 3:].clamp(0, 1)  # bicubic weights overshoot, in colours and in alpha alike
    colours = drawn[:, :3] * (alpha / drawn[:, 3:].clamp(min=1e-6))
    return torch.cat([colours.clamp_(min=0).minimum(alpha), alpha], 1)
