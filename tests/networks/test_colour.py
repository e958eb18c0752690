"""Laws of a finished picture's colours."""

import pytest
import torch

from dalle.networks import colour
from dalle.networks.colour import FACTORS
from dalle.networks.oklab import chroma, rgb_to_oklab

NUMBERS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


def muted() -> torch.Tensor:
    """Colours that stay in sRGB under most numbers: (1, 3, 16, 16)."""
    noise = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return 0.8 * noise - 0.3


def numbers_of(name: str) -> torch.Tensor:
    """All NUMBERS of one factor: (7, 4)."""
    numbers = torch.zeros(len(NUMBERS), len(FACTORS))
    numbers[:, FACTORS.index(name)] = torch.tensor(NUMBERS)
    return numbers


def seen(name: str) -> torch.Tensor:
    """The muted picture at all NUMBERS of one factor -> Oklab (7, 3, 16, 16)."""
    pictures = colour.render(muted().repeat(len(NUMBERS), 1, 1, 1), numbers_of(name))
    return rgb_to_oklab((pictures + 1) / 2)


def test_zero_changes_no_bit_and_does_not_depend_on_the_batch() -> None:
    """Guards against pictures that are rounded though nothing moved, and rows that get another's colours."""
    pictures = muted().repeat(len(NUMBERS), 1, 1, 1)
    rendered = colour.render(pictures, numbers_of("hue"))
    assert torch.equal(rendered[3], pictures[3])
    assert torch.equal(colour.render(pictures, torch.zeros(7, 4)), pictures)
    for at in (0, 6):
        alone = colour.render(pictures[at : at + 1], numbers_of("hue")[at : at + 1])
        torch.testing.assert_close(alone[0], rendered[at], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", FACTORS)
def test_white_and_black_stay(name: str) -> None:
    """Guards against contrast or lightness that makes a white ground grey."""
    ends = torch.tensor([-1.0, 1.0]).expand(len(NUMBERS), 3, 2, 2)
    assert (colour.render(ends, numbers_of(name)) - ends).abs().max() < 2 / 255


def test_hue_turns_by_25_degrees_and_leaves_lightness_and_chroma() -> None:
    lab = seen("hue")
    plain = lab[3]
    for at, z in zip(lab, NUMBERS, strict=True):
        turn = torch.atan2(at[2], at[1]) - torch.atan2(plain[2], plain[1])
        strong = chroma(plain)[0] > 0.05
        degrees = torch.rad2deg(torch.remainder(turn[strong] + torch.pi, 2 * torch.pi) - torch.pi)
        assert degrees.median().item() == pytest.approx(25 * z, abs=2)
    assert (lab[:, 0] - plain[0]).abs().mean() < 0.01
    assert (chroma(lab).mean((1, 2, 3)) / chroma(plain).mean() - 1).abs().max() < 0.1


def test_colourfulness_scales_chroma_and_leaves_lightness() -> None:
    lab = seen("colourfulness")
    strength = chroma(lab).mean((1, 2, 3))
    assert (strength.diff() > 0).all()
    assert strength[2] / strength[3] == pytest.approx(0.71, abs=0.03)
    assert (lab[:, 0] - lab[3, 0]).abs().mean() < 0.01


def test_lightness_and_its_direction() -> None:
    lab = seen("lightness")
    assert (lab[:, 0].mean((1, 2)).diff() > 0.02).all()
    torch.testing.assert_close(lab[4, 0], lab[3, 0] ** 0.7788, atol=0.01, rtol=0)


def test_contrast_spreads_lightness_about_its_middle() -> None:
    lab = seen("contrast")
    assert (lab[:, 0].std((1, 2)).diff() > 0).all()
    assert (lab[:, 0].mean((1, 2)) - lab[3, 0].mean()).abs().max() < 0.1
    level = torch.linspace(0, 1, 200).view(1, -1)
    slope = torch.tensor([[0.41], [1.0], [2.46]])
    curves = colour._contrasted(level, slope)
    assert (curves.diff(dim=1) > 0).all()
    torch.testing.assert_close(colour._contrasted(curves, 1 / slope), level.expand(3, -1), atol=1e-5, rtol=0)


def test_numbers_act_up_to_the_limit() -> None:
    picture = muted()
    beyond, limit = torch.full((1, 4), 9.0), torch.full((1, 4), colour.LIMIT)
    torch.testing.assert_close(colour.render(picture, beyond), colour.render(picture, limit))
