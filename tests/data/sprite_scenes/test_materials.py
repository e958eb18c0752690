"""Materials and fills of sprites."""

import numpy as np
import pytest
import torch

from dalle.data.scenes.colours import dominant_colour
from dalle.data.sprite_scenes import materials
from dalle.data.sprite_scenes.atlas import straight
from dalle.data.sprite_scenes.plan import MATERIALS
from dalle.networks.oklab import chroma, rgb_to_oklab

SIZE = 64


def disc(colour: tuple[float, float, float], radius: float = 0.8) -> torch.Tensor:
    """A disc with a soft edge and a dark spot, premultiplied: (4, 64, 64)."""
    at = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    distance = torch.hypot(at[None], at[:, None])
    alpha = ((radius - distance) * SIZE / 2 + 0.5).clamp(0, 1)
    body = torch.tensor(colour).view(3, 1, 1) * torch.where(distance < 0.15, 0.3, 1.0)
    return torch.cat([body * alpha, alpha[None]])


def sprites() -> torch.Tensor:
    """Orange, grey and black discs: (3, 4, 64, 64)."""
    return torch.stack([disc((0.96, 0.6, 0.1)), disc((0.6, 0.6, 0.62)), disc((0.0, 0.0, 0.0))])


def painted(name: str) -> torch.Tensor:
    return materials.apply(sprites(), torch.full((3,), MATERIALS.index(name), dtype=torch.int8))


def name_of(rgba: torch.Tensor) -> str:
    """The name of the dominant colour of what is visible of (4, H, W)."""
    colours, alpha = straight(rgba[None])
    pixels = (colours[0][:, alpha[0, 0] > 0.3] * 255).round().byte().T.numpy()
    return dominant_colour(np.ascontiguousarray(pixels))


@pytest.mark.parametrize("name", MATERIALS)
def test_material_stays_within_the_outline_and_is_premultiplied(name):
    rgba = painted(name)
    assert (rgba >= 0).all() and (rgba[:, :3] <= rgba[:, 3:] + 1e-5).all()
    assert not rgba[sprites()[:, 3:].expand_as(rgba) == 0].any()
    solid = sprites()[:, 3] == 1
    assert rgba[:, 3][solid].min() > 0.3
    assert (rgba - sprites()).abs().mean() > 0.02


@pytest.mark.parametrize(
    ("name", "colours"),
    [
        ("gold", {"yellow", "orange"}),
        ("wood", {"brown", "orange"}),
        ("ice", {"blue"}),
        ("stone", {"grey", "black"}),
    ],
)
def test_material_has_its_colour_whatever_the_sprite_had(name, colours):
    """Guards against black sprites that stay black in gold."""
    assert {name_of(rgba) for rgba in painted(name)} <= colours


def test_glass_lets_the_ground_through():
    assert painted("glass")[:, 3][sprites()[:, 3] == 1].mean() < 0.8


def test_rainbow_runs_from_red_to_purple():
    rgba = painted("rainbow")
    height = SIZE // 8
    for drawn in rgba:
        top, bottom = 8 + height // 2, SIZE - 8 - height // 2
        assert name_of(drawn[:, top - 3 : top]) in {"red", "orange"}
        assert name_of(drawn[:, bottom : bottom + 3]) in {"purple", "blue"}


@pytest.mark.parametrize("name", ["striped", "dotted", "starry"])
def test_patterns_keep_part_of_the_own_colour(name):
    changed = ((painted(name) - sprites()).abs().amax(1) > 0.05)[sprites()[:, 3] == 1]
    assert 0.1 < changed.float().mean() < 0.6


def test_own_shading_shows_through():
    """Guards against flat shapes without eyes: the dark spot is darker than what is around it."""
    solid = [at for at, name in enumerate(MATERIALS) if name != "glass"]
    rgba = materials.apply(sprites()[:1].repeat(len(solid), 1, 1, 1), torch.tensor(solid))
    lightness = rgb_to_oklab(rgba[:, :3])[:, 0]
    assert (lightness[:, 29:35, 29:35].mean((1, 2)) < lightness[:, 16:24, 28:36].mean((1, 2)) - 0.05).all()


def test_none_stays_and_a_batch_equals_each_alone():
    mixed = torch.tensor([MATERIALS.index("stone"), -1, MATERIALS.index("ice")])
    together = materials.apply(sprites(), mixed)
    assert torch.equal(together[1], sprites()[1])
    for at in range(3):
        alone = materials.apply(sprites()[at : at + 1], mixed[at : at + 1])
        torch.testing.assert_close(alone[0], together[at], atol=1e-5, rtol=0)


def test_fill_covers_the_outline_with_the_picture():
    """A small picture is enlarged to cover; its transparent parts take its mean colour."""
    red = disc((0.9, 0.1, 0.1), radius=0.4)[None]
    filled = materials.fill(disc((0.2, 0.2, 0.2))[None], red)
    outline = disc((0.2, 0.2, 0.2))[3]
    torch.testing.assert_close(filled[0, 3], outline)
    colours, _ = straight(filled)
    assert chroma(rgb_to_oklab(colours))[0, 0][outline == 1].min() > 0.05
    assert name_of(filled[0]) == "red"
