"""Light: the numbers that the flow is told of every scene."""

import pytest
import torch

from dalle.data.sprite_scenes import light
from dalle.data.sprite_scenes.packed import PackedPlans, pack
from dalle.data.sprite_scenes.plan import OUTLINE, Ground, ScenePlan
from dalle.networks.oklab import rgb_to_oklab

NUMBERS = torch.arange(-3.0, 4.0)


def plans(count: int, outline: float | None = None) -> PackedPlans:
    plan = ScenePlan("", "", (), Ground(), frozenset(), frozenset(), outline=outline)
    return pack([plan] * count, lambda captions: torch.zeros(len(captions), 1, dtype=torch.int16))


def test_zero_tints_nothing() -> None:
    levels = torch.linspace(0, 1, 9)
    pictures = torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(1, 3, 9, 81)
    assert (light.tint(pictures, torch.zeros(1)) - pictures).abs().max() < 1 / 255
    beyond, limit = (light.tint(pictures, torch.tensor([z])) for z in (9.0, light.LIMIT))
    assert torch.equal(beyond, limit)


def test_tint_is_warm_above_zero_and_cool_below_and_grows() -> None:
    lab = rgb_to_oklab(light.tint(torch.ones(len(NUMBERS), 3, 1, 1), NUMBERS))[..., 0, 0]
    assert (lab[:, 2].diff() > 0.008).all()  # from blue to yellow
    strength = torch.hypot(lab[:, 1], lab[:, 2])
    assert strength[[2, 4]].max() < 0.045 and strength[[1, 5]].min() > 0.04
    assert (lab[:3, 0].diff() > 0).all() and (lab[4:, 0].diff() < 0).all()


def test_drawn_light() -> None:
    """About 30% of scenes have none; others are normal; the outline is the plan's where it has one."""
    count = 4000
    drawn = light.draw(plans(count), torch.Generator().manual_seed(0))
    none = (drawn[:, :OUTLINE] == 0).all(1)
    assert none.float().mean().item() == pytest.approx(light.PLAIN_SHARE, abs=0.03)
    assert (drawn[~none].std(0) - 1).abs().max() < 0.06
    assert drawn[none, OUTLINE].std().item() == pytest.approx(1, abs=0.06)
    assert (light.draw(plans(5, outline=1.25), torch.Generator().manual_seed(0))[:, OUTLINE] == 1.25).all()
    assert torch.equal(drawn, light.draw(plans(count), torch.Generator().manual_seed(0)))
    assert not light.draw(plans(5), None).any()
