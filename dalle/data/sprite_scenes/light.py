"""Light: the told numbers that change the colours of a finished picture, plan.LIGHT.

    plans  --draw-->  light (B, 6)      pictures (B, 3, H, W) in [0, 1], light  --apply-->  pictures

Each number is normal, N(0, 1), and acts between -3 and 3; 0 changes nothing. A number z acts as gain * z,
and the gain is below 1 where a caption states a colour or a ground. All curves act in Oklab:

    hue            turned by 25 degrees * z
    colourfulness  chroma * exp(.3 z - .04 z^2)
    lightness      L ** exp(-.25 z)
    contrast       slope exp(.3 z) at L = .7, its inverse at black and at white, which stay
    background     a plain ground's tint, warm for z > 0 and cool for z < 0; `tint`, before layers are drawn
    outline        what the drawing is, not what is done to it

White stays white under the first four: an untinted ground stays as it is.
"""

import math

import torch
from torch import Tensor

from dalle.data.sprite_scenes.oklab import fit_to_rgb, rgb_to_oklab
from dalle.data.sprite_scenes.packed import PackedPlans
from dalle.data.sprite_scenes.plan import LIGHT, OUTLINE

LIMIT = 3.0  # |number| beyond which a factor stays as it is
PLAIN_SHARE = 0.3  # of all scenes have no light: without them plain pictures become worse
HUE_TURN = math.radians(25)
MIDDLE = 0.7  # lightness that contrast leaves: about the mean of drawings' colours
WARM = (0.01, 0.038)  # shift of the two axes of colour by a unit of background
TINT_SHADE = 0.027  # loss of lightness, relative, at background 1; it grows with the square


def draw(plans: PackedPlans, generator: torch.Generator | None) -> Tensor:
    """Numbers of LIGHT for each plan -> (B, 6) on the plans' device; no light for no generator.

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


def apply(pictures: Tensor, light: Tensor, gains: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1] under light (B, 6) with gains (B, 5) -> pictures."""
    hue, colourfulness, lightness, contrast, _ = _acting(light, gains)[..., None, None].unbind(1)
    lab = rgb_to_oklab(pictures)
    first, second = lab[:, 1], lab[:, 2]
    strength = (0.3 * colourfulness - 0.04 * colourfulness**2).exp()
    along, across = strength * (HUE_TURN * hue).cos(), strength * (HUE_TURN * hue).sin()
    level = lab[:, 0].clamp(0, 1) ** (-0.25 * lightness).exp()
    lit = torch.empty_like(lab)
    lit[:, 0] = _contrasted(level, (0.3 * contrast).exp())
    torch.mul(first, along, out=lit[:, 1]).sub_(second * across)
    torch.mul(second, along, out=lit[:, 2]).add_(first * across)
    return fit_to_rgb(lit)


def tint(ground: Tensor, light: Tensor, gains: Tensor) -> Tensor:
    """Colours of plain grounds (B, 3, H, W) in [0, 1] -> as the background number tints them."""
    z = _acting(light, gains)[:, 4, None, None]
    lab = rgb_to_oklab(ground)
    lab[:, 0] *= 1 - TINT_SHADE * z**2
    lab[:, 1] += WARM[0] * z
    lab[:, 2] += WARM[1] * z
    return fit_to_rgb(lab)


def _acting(light: Tensor, gains: Tensor) -> Tensor:
    """light (B, 6), gains (B, 5) -> the numbers at which the curves are taken, (B, 5)."""
    return light[:, :OUTLINE].clamp(-LIMIT, LIMIT) * gains


def _contrasted(lightness: Tensor, slope: Tensor) -> Tensor:
    """A curve through 0, MIDDLE and 1 with `slope` at the middle and 1 / slope at the ends."""
    above = lightness > MIDDLE
    room = torch.where(above, 1 - MIDDLE, -MIDDLE)
    distance = (lightness - MIDDLE) / room
    return MIDDLE + room * slope * distance / (1 + (slope - 1) * distance)
