"""Light: told numbers that change a picture's colours."""

import pytest
import torch

from dalle.data.sprite_scenes import light
from dalle.data.sprite_scenes.oklab import chroma, rgb_to_oklab
from dalle.data.sprite_scenes.packed import PackedPlans, pack
from dalle.data.sprite_scenes.plan import LIGHT, OUTLINE, Ground, ScenePlan

NUMBERS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
GAINS = torch.ones(len(NUMBERS), 5)


def muted() -> torch.Tensor:
    """Colours that stay in sRGB under most light: (1, 3, 16, 16)."""
    noise = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return 0.35 + 0.4 * noise


def seen(name: str) -> torch.Tensor:
    """The muted picture at all NUMBERS of one factor -> Oklab (7, 3, 16, 16)."""
    numbers = torch.zeros(len(NUMBERS), len(LIGHT))
    numbers[:, LIGHT.index(name)] = torch.tensor(NUMBERS)
    return rgb_to_oklab(light.apply(muted().repeat(len(NUMBERS), 1, 1, 1), numbers, GAINS))


def plans(count: int, outline: float | None = None) -> PackedPlans:
    plan = ScenePlan("", "", (), Ground(), frozenset(), frozenset(), outline=outline)
    return pack([plan] * count, lambda captions: torch.zeros(len(captions), 1, dtype=torch.int16))


def test_zero_changes_nothing():
    levels = torch.linspace(0, 1, 9)
    pictures = torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(1, 3, 9, 81)
    none, gain = torch.zeros(1, len(LIGHT)), torch.ones(1, 5)
    none[:, OUTLINE] = 2.0  # the outline is told, not done
    assert (light.apply(pictures, none, gain) - pictures).abs().max() < 1 / 255
    assert (light.tint(pictures, none, gain) - pictures).abs().max() < 1 / 255
    strong = torch.full((1, len(LIGHT)), 2.0)
    assert (light.apply(pictures, strong, 0 * gain) - pictures).abs().max() < 1 / 255


@pytest.mark.parametrize("factor", range(4))
def test_white_and_black_stay(factor):
    """Guards against contrast or lightness that makes a white ground grey."""
    numbers = torch.zeros(len(NUMBERS), len(LIGHT))
    numbers[:, factor] = torch.tensor(NUMBERS)
    ends = torch.tensor([0.0, 1.0]).expand(len(NUMBERS), 3, 1, 2)
    assert (light.apply(ends, numbers, GAINS) - ends).abs().max() < 1 / 255


def test_hue_turns_by_25_degrees_and_leaves_lightness_and_chroma():
    lab = seen("hue")
    plain = lab[3]
    for at, z in zip(lab, NUMBERS, strict=True):
        turn = torch.atan2(at[2], at[1]) - torch.atan2(plain[2], plain[1])
        strong = chroma(plain)[0] > 0.05
        degrees = torch.rad2deg(torch.remainder(turn[strong] + torch.pi, 2 * torch.pi) - torch.pi)
        assert degrees.median().item() == pytest.approx(25 * z, abs=2)
    assert (lab[:, 0] - plain[0]).abs().mean() < 0.01
    assert (chroma(lab).mean((1, 2, 3)) / chroma(plain).mean() - 1).abs().max() < 0.1


def test_colourfulness_scales_chroma_and_leaves_lightness():
    lab = seen("colourfulness")
    strength = chroma(lab).mean((1, 2, 3))
    assert (strength.diff() > 0).all()
    assert strength[2] / strength[3] == pytest.approx(0.71, abs=0.03)
    assert (lab[:, 0] - lab[3, 0]).abs().mean() < 0.01


def test_lightness_and_its_direction():
    lab = seen("lightness")
    assert (lab[:, 0].mean((1, 2)).diff() > 0.02).all()
    torch.testing.assert_close(lab[4, 0], lab[3, 0] ** 0.7788, atol=0.01, rtol=0)


def test_contrast_spreads_lightness_about_its_middle():
    lab = seen("contrast")
    assert (lab[:, 0].std((1, 2)).diff() > 0).all()
    assert (lab[:, 0].mean((1, 2)) - lab[3, 0].mean()).abs().max() < 0.1
    level = torch.linspace(0, 1, 200).view(1, -1)
    slope = torch.tensor([[0.41], [1.0], [2.46]])
    curves = light._contrasted(level, slope)
    assert (curves.diff(dim=1) > 0).all()
    torch.testing.assert_close(light._contrasted(curves, 1 / slope), level.expand(3, -1), atol=1e-5, rtol=0)


def test_tint_is_warm_above_zero_and_cool_below_and_grows():
    numbers = torch.zeros(len(NUMBERS), len(LIGHT))
    numbers[:, LIGHT.index("background")] = torch.tensor(NUMBERS)
    lab = rgb_to_oklab(light.tint(torch.ones(len(NUMBERS), 3, 1, 1), numbers, GAINS))[..., 0, 0]
    assert (lab[:, 2].diff() > 0.008).all()  # from blue to yellow
    strength = torch.hypot(lab[:, 1], lab[:, 2])
    assert strength[[2, 4]].max() < 0.045 and strength[[1, 5]].min() > 0.04
    assert (lab[:3, 0].diff() > 0).all() and (lab[4:, 0].diff() < 0).all()


def test_numbers_act_by_their_gain_and_up_to_the_limit():
    picture = muted()
    strong, weak = torch.full((1, 6), 2.0), torch.full((1, 6), 1.0)
    ones = torch.ones(1, 5)
    torch.testing.assert_close(light.apply(picture, strong, ones / 2), light.apply(picture, weak, ones))
    beyond, limit = torch.full((1, 6), 9.0), torch.full((1, 6), light.LIMIT)
    torch.testing.assert_close(light.apply(picture, beyond, ones), light.apply(picture, limit, ones))


def test_drawn_light():
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
