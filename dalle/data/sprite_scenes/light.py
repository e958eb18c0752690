"""Light: the numbers of plan.LIGHT, which the flow is told of every scene.

    plans  --draw-->  light (B, 2)      colours of plain grounds, light  --tint-->  colours

Each number is normal, N(0, 1), and acts between -3 and 3; 0 changes nothing:

    background  a plain ground's tint, warm for z > 0 and cool for z < 0, in Oklab; none where the caption
                states the ground
    outline     what the drawing is, not what is done to it
"""

import torch
from torch import Tensor

from dalle.data.sprite_scenes.packed import PackedPlans
from dalle.data.sprite_scenes.plan import LIGHT, OUTLINE
from dalle.networks.oklab import fit_to_rgb, rgb_to_oklab

LIMIT = 3.0  # |number| beyond which a tint stays as it is
PLAIN_SHARE = 0.3  # of all scenes have no tint: without them plain pictures become worse
WARM = (0.01, 0.038)  # shift of the two axes of colour by a unit of background
TINT_SHADE = 0.027  # loss of lightness, relative, at background 1; it grows with the square


def draw(plans: PackedPlans, generator: torch.Generator | None) -> Tensor:
    """Numbers of LIGHT for each plan -> (B, 2) on the plans' device; no light for no generator.

    The last one is the plans' `outline` where they have it.
    """
    told = plans.outline
    light = told.new_zeros(len(plans), len(LIGHT))
    if generator is not None:
        device = generator.device
        light = torch.randn(light.shape, generator=generator, device=device).clamp_(-LIMIT, LIMIT)
        lit = torch.rand(len(light), 1, generator=generator, device=device) >= PLAIN_SHARE
        light[:, :OUTLINE] *= lit
        light = light.to(told.device)
    light[:, OUTLINE] = torch.where(told.isnan(), light[:, OUTLINE], told)
    return light


def tint(ground: Tensor, background: Tensor) -> Tensor:
    """Colours of plain grounds (B, 3, H, W) in [0, 1] -> as the background number (B,) tints them."""
    z = background.clamp(-LIMIT, LIMIT)[:, None, None]
    lab = rgb_to_oklab(ground)
    lab[:, 0] *= 1 - TINT_SHADE * z**2
    lab[:, 1] += WARM[0] * z
    lab[:, 2] += WARM[1] * z
    return fit_to_rgb(lab)
