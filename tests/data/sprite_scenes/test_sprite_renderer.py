"""The atlas of sprites, and pictures of plans."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dalle.data.scenes.colours import COLOURS, dominant_colour, recolour
from dalle.data.sprite_scenes import light
from dalle.data.sprite_scenes.atlas import Atlas
from dalle.data.sprite_scenes.packed import PackedPlans, pack
from dalle.data.sprite_scenes.plan import COLOUR_NAMES, LOOKS, MATERIALS, Ground, Layer, ScenePlan
from dalle.data.sprite_scenes.renderer import Renderer
from dalle.data.sprites.sprite_set import Sprite, SpriteSet

SIZE = 64
ARROW, DISC, GREY, MASK = range(4)  # sprites of the set below


def drawings() -> np.ndarray:
    """An orange L with a soft rim, a shaded green disc with a dark spot, a grey disc: (3, 64, 64, 4)."""
    down, across = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) * 2 - 1
    radius = np.hypot(across, down)
    pixels = np.zeros((3, SIZE, SIZE, 4), np.uint8)
    pixels[0, 8:56, 8:20] = pixels[0, 44:56, 8:48] = (250, 130, 30, 255)
    pixels[0, 8:56, 20] = (250, 130, 30, 128)
    shade = (1 - 0.3 * (across + down) / 2)[..., None]
    pixels[1, ..., :3] = np.clip(np.array((90, 180, 80)) * shade, 0, 255)
    pixels[2, ..., :3] = np.clip(np.array((150, 150, 155)) * shade, 0, 255)
    for at in (1, 2):
        pixels[at, radius < 0.2, :3] = 25
        pixels[at, ..., 3] = np.clip((0.9 - radius) * SIZE / 2 + 0.5, 0, 1) * 255
    return pixels


@pytest.fixture(scope="module")
def sprites() -> SpriteSet:
    colour = drawings()
    known = [Sprite(0, 0, row, False, str(row), "", "") for row in range(3)]
    known.append(Sprite(0, 0, 0, True, "mask", "", ""))
    return SpriteSet("training", SIZE, "", (), tuple(known), (), colour, colour[:1, ..., 3].copy())


@pytest.fixture(scope="module")
def renderer(sprites) -> Renderer:
    return Renderer(Atlas.from_set(sprites), SIZE)


def scene(*layers: Layer, ground: Ground | None = None, **options) -> ScenePlan:
    return ScenePlan("", "", layers, ground or Ground(), frozenset(), frozenset(), **options)


def packed(*plans: ScenePlan) -> PackedPlans:
    return pack(plans, lambda captions: torch.zeros(len(captions), 1, dtype=torch.int16))


def seen(renderer: Renderer, *plans: ScenePlan) -> np.ndarray:
    """Pictures without light: (B, 64, 64, 3), 0 to 255."""
    pictures = renderer.render(packed(*plans)).pictures
    return ((pictures + 1) * 127.5).permute(0, 2, 3, 1).numpy()


def on_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:] / 255
    return rgba[..., :3] * alpha + 255 * (1 - alpha)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(((one - other) ** 2).mean(), 1e-9))


def dark(picture: np.ndarray) -> np.ndarray:
    """Where a picture on white shows a drawing."""
    return picture.min(-1) < 128


WHOLE = Layer(ARROW, 0.5, 0.5, 1.0)


@pytest.mark.parametrize("sprite", [ARROW, DISC, GREY, MASK])
def test_plain_placement_is_the_sprite(renderer, sprites, sprite):
    picture = seen(renderer, scene(replace(WHOLE, sprite=sprite)))[0]
    assert psnr(picture, on_white(sprites.rgba(sprite))) > 45


def test_flip_and_rotation_go_the_right_way(renderer, sprites):
    plain = on_white(sprites.rgba(ARROW))
    flipped, turned, both = seen(
        renderer,
        scene(replace(WHOLE, flipped=True)),
        scene(replace(WHOLE, angle=90.0)),
        scene(replace(WHOLE, angle=90.0, flipped=True)),
    )
    assert psnr(flipped, plain[:, ::-1]) > 45
    assert psnr(turned, np.rot90(plain, -1)) > 45  # NumPy turns anticlockwise
    assert psnr(both, np.rot90(plain[:, ::-1], -1)) > 45


def test_position_and_size(renderer):
    """A disc's centre is at (x, y), and its width follows the size, also where it is shrunk far."""
    for size in (0.2, 0.4, 0.6, 0.8):
        mask = dark(seen(renderer, scene(Layer(DISC, 0.6, 0.45, size)))[0])
        rows, columns = np.nonzero(mask)
        centre = (columns.mean() + 0.5) / SIZE, (rows.mean() + 0.5) / SIZE
        assert centre == pytest.approx((0.6, 0.45), abs=0.012)
        assert 2 * np.sqrt(mask.sum() / np.pi) / SIZE == pytest.approx(0.9 * size, rel=0.08)


def test_nothing_is_seen_of_a_sprite_of_no_size(renderer):
    """Guards against memory that nobody wrote, in place of a layer without pixels."""
    assert (seen(renderer, scene(Layer(DISC, 0.5, 0.5, 0.0)))[0] > 254).mean() > 0.99


def test_no_dark_rims(renderer):
    """Guards against straight alpha in resampling: black of transparent pixels around a light shape."""
    orange = np.array((250, 130, 30))
    ground = Ground(colour=(250, 130, 30))
    for size in (0.3, 0.5, 0.9, 1.3):
        picture = seen(renderer, scene(Layer(ARROW, 0.5, 0.5, size, angle=20), ground=ground))[0]
        assert np.abs(picture - orange).max() < 2


def test_later_layers_are_on_top(renderer):
    disc, mask = Layer(DISC, 0.5, 0.5, 0.9), Layer(MASK, 0.5, 0.5, 0.9)
    below, above = seen(renderer, scene(mask, disc), scene(disc, mask))
    assert below[50, 20].max() > 100  # where both are
    assert above[50, 20].max() < 10


def test_top_is_cut_away(renderer):
    whole, front = seen(
        renderer, scene(replace(WHOLE, sprite=DISC)), scene(replace(WHOLE, sprite=DISC, top=0.5))
    )
    assert (front[: SIZE // 2] > 254).all()
    np.testing.assert_allclose(front[SIZE // 2 + 1 :], whole[SIZE // 2 + 1 :], atol=1)


def test_gradient_ground(renderer):
    picture = seen(renderer, scene(ground=Ground(colour=(255, 0, 0), second=(0, 0, 255))))[0]
    np.testing.assert_allclose(picture[0], np.tile([255, 0, 0], (SIZE, 1)), atol=1)
    np.testing.assert_allclose(picture[-1], np.tile([0, 0, 255], (SIZE, 1)), atol=1)


def test_places_are_painted_where_a_plan_has_one(renderer):
    """Rows of a place, and no others, get its picture, in order and with their own seeds."""

    def paint(place, night, seed, size):
        return (seed / 10).view(-1, 1, 1, 1).expand(-1, 3, size, size) + 0.05 * night.view(-1, 1, 1, 1)

    plans = packed(
        scene(ground=Ground(place="sea", seed=4)),
        scene(ground=Ground(colour=(255, 255, 255))),
        scene(ground=Ground(place="sky", seed=2, night=True)),
    )
    levels = (renderer.render(plans, paint=paint).pictures.mean((1, 2, 3)) + 1) / 2
    torch.testing.assert_close(levels, torch.tensor([0.4, 1.0, 0.25]), atol=1e-3, rtol=0)
    sea, plain, sky = renderer.render(plans).pictures  # by places.paint
    assert plain.min() > 0.99 and sea.std() > 0.05 and (sea - sky).abs().mean() > 0.1


@pytest.mark.parametrize("sprite", [ARROW, DISC, GREY, MASK])
@pytest.mark.parametrize("name", COLOURS)
def test_recoloured_sprite_has_the_named_colour(renderer, sprites, sprite, name):
    picture = seen(renderer, scene(replace(WHOLE, sprite=sprite, colour=name)))[0]
    solid = sprites.rgba(sprite)[..., 3] == 255
    assert dominant_colour(picture[solid].round().astype(np.uint8)) == name
    if sprite != MASK:
        expected = on_white(recolour(sprites.rgba(sprite), name))
        assert np.abs(picture - expected).mean() < 3


def test_material_fill_and_look_act_on_their_rows_alone(renderer):
    plain = seen(renderer, scene(WHOLE))[0]
    changed = seen(
        renderer,
        scene(replace(WHOLE, material=MATERIALS[0])),
        scene(WHOLE),
        scene(replace(WHOLE, fill=DISC)),
        scene(WHOLE),
        scene(WHOLE, look=LOOKS[2]),
    )
    differs = np.abs(changed - plain).mean((1, 2, 3)) > 1
    assert differs.tolist() == [True, False, True, False, True]
    pixels = changed[2][dark(changed[2])].round().astype(np.uint8)
    assert dominant_colour(pixels) == "green"


def test_batch_equals_each_alone(renderer):
    plans = [
        scene(Layer(ARROW, 0.3, 0.4, 0.5, angle=30, colour="blue"), Layer(DISC, 0.6, 0.6, 0.7)),
        scene(),
        scene(Layer(MASK, 0.5, 0.5, 0.3, colour="red"), Layer(GREY, 0.4, 0.4, 0.25, material="wood")),
        scene(Layer(DISC, 0.5, 0.5, 0.9, fill=ARROW), look="sticker"),
        scene(Layer(ARROW, 0.5, 0.5, 1.2), ground=Ground(colour=(10, 60, 90)), look="neon"),
    ] * 8  # more than are rendered at once on a CPU
    together = seen(renderer, *plans)
    for at in range(5):
        np.testing.assert_allclose(seen(renderer, plans[at])[0], together[at], atol=0.1)
        np.testing.assert_allclose(together[at + 35], together[at], atol=0.1)


def test_light_follows_the_generator(renderer):
    plans = packed(*[scene(Layer(DISC, 0.5, 0.5, 0.8))] * 6)
    one, same, other = (renderer.render(plans, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one.pictures, same.pictures) and torch.equal(one.light, same.light)
    assert not torch.equal(one.light, other.light)
    plain = renderer.render(packed(*[scene(Layer(DISC, 0.5, 0.5, 0.8), tinted=False)] * 6)).pictures
    corner = (one.pictures - plain)[:, :, 0, 0].abs().amax(1)
    assert torch.equal(corner > 1e-3, one.light[:, 0].abs() > 1e-3)  # the ground follows its number
    torch.testing.assert_close(one.pictures[..., 32, 32], plain[..., 32, 32], atol=1e-3, rtol=0)


def test_background_light_tints_plain_grounds_only(renderer, monkeypatch):
    numbers = torch.tensor([[2.5, 0.0]]).repeat(2, 1)
    monkeypatch.setattr(light, "draw", lambda plans, generator: numbers)
    layer = Layer(DISC, 0.5, 0.5, 0.5)
    plans = packed(scene(layer), scene(layer, ground=Ground(place="sea")))
    pictures = renderer.render(
        plans, paint=lambda place, night, seed, size: torch.ones(1, 3, size, size)
    ).pictures
    corner = (pictures[:, :, 0, 0] + 1) / 2
    assert corner[0, 0] - corner[0, 2] > 0.15
    assert corner[1].min() > 0.99
    torch.testing.assert_close(pictures[0, :, 32, 38], pictures[1, :, 32, 38], atol=1e-3, rtol=0)


def test_atlas_of_its_tensors_is_the_same(renderer):
    atlas = renderer.atlas
    copy = Atlas.from_tensors(atlas.tensors())
    chosen, colours = torch.tensor([MASK, DISC, GREY]), torch.tensor([COLOUR_NAMES.index("pink"), -1, 0])
    assert torch.equal(copy.gather(chosen, colours, 32), atlas.gather(chosen, colours, 32))


def test_global_random_state_is_left_alone(renderer):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    renderer.render(packed(scene(replace(WHOLE, material="stone"))), torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.get_rng_state())
