"""Looks of a whole scene."""

import pytest
import torch

from dalle.data.sprite_scenes import looks
from dalle.data.sprite_scenes.plan import LOOKS

SIZE = 64


def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """A red square with a blue one inside, premultiplied, and a green gradient as ground."""
    foreground = torch.zeros(1, 4, SIZE, SIZE)
    foreground[:, 0, 14:51, 14:51] = 0.9
    foreground[:, 3, 14:51, 14:51] = 1
    foreground[:, :3, 26:38, 26:38] = torch.tensor([0.1, 0.2, 0.9]).view(3, 1, 1)
    ground = torch.zeros(1, 3, SIZE, SIZE)
    ground[:, 1] = torch.linspace(0.3, 1, SIZE)[:, None]
    return foreground, ground


def seen(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    foreground, ground = looks.apply(*scene(), torch.tensor([LOOKS.index(name)]))
    return foreground[0], ground[0]


@pytest.mark.parametrize("name", LOOKS)
def test_look_is_premultiplied_and_changes_the_foreground(name):
    foreground, ground = seen(name)
    assert (foreground[:3] <= foreground[3:] + 1e-5).all() and foreground.min() >= 0
    assert foreground[3].max() <= 1 and ground.min() >= 0 and ground.max() <= 1
    assert (foreground - scene()[0][0]).abs().mean() > 0.001
    if name not in ("neon", "blueprint", "pixel art"):
        assert torch.equal(ground, scene()[1][0])


def test_pixel_art_is_hard_blocks():
    foreground, _ = seen("pixel art")
    assert set(foreground[3].unique().tolist()) <= {0.0, 1.0}
    block = round(SIZE / looks.BLOCKS)
    steps = (foreground.diff(dim=-1).abs().amax((0, 1)) > 1e-4).nonzero()[:, 0]
    assert len({int(step) % block for step in steps}) == 1


def test_line_drawing_is_white_with_black_edges():
    foreground, _ = seen("line drawing")
    assert foreground[:3, 20, 20].min() > 0.95  # within the outer square
    assert foreground[:3, 32, 32].min() > 0.95  # within the inner one
    assert foreground[:3, 32, 13:16].amin() < 0.3 and foreground[:3, 32, 24:28].amin() < 0.5
    assert not foreground[3, :10].any()


def test_silhouette_keeps_alpha():
    foreground, _ = seen("silhouette")
    assert torch.equal(foreground[3], scene()[0][0, 3])
    assert foreground[:3].max() < 0.05


def test_sticker_has_a_white_rim():
    foreground, _ = seen("sticker")
    assert foreground[:, 32, 13].min() > 0.9
    assert torch.equal(foreground[:, 20:44, 20:44], scene()[0][0, :, 20:44, 20:44])
    assert not foreground[:, :6].any()


def test_neon_glows_on_a_dark_ground():
    foreground, ground = seen("neon")
    assert ground.max() < 0.15
    assert foreground[:3, 32, 14].max() > 0.8 and 0.02 < foreground[3, 32, 9] < 0.8
    assert foreground[0, 14, 32] > foreground[2, 14, 32]  # the red square's line is reddish


def test_blueprint_is_white_on_blue():
    foreground, ground = seen("blueprint")
    assert (ground[2] > ground[0] + 0.3).all()
    assert foreground[:3, 32, 13:16].min(0).values.max() > 0.7


def test_gold_relief_is_golden():
    foreground, _ = seen("gold relief")
    red, _, blue = foreground[:3, 20:44, 20:44].mean((1, 2))
    assert red > 0.6 and blue < 0.45


def test_none_stays_and_a_batch_equals_each_alone():
    foreground, ground = (of.repeat(len(LOOKS) + 1, 1, 1, 1) for of in scene())
    look = torch.arange(-1, len(LOOKS))
    together = looks.apply(foreground, ground, look)
    assert torch.equal(together[0][0], scene()[0][0]) and torch.equal(together[1][0], scene()[1][0])
    for at, name in enumerate(LOOKS):
        for alone, batched in zip(seen(name), together, strict=True):
            torch.testing.assert_close(alone, batched[at + 1], atol=1e-5, rtol=0)
