"""Laws of the camera."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dalle.networks.camera import FACTORS, GREY, LIMIT, View, move, numbers, render, turn, values

SIDE = 64
NAMES = [factor.name for factor in FACTORS]


def camera(**factors: float) -> Tensor:
    """One camera (1, 6): its numbers by name, "_" for "-"; the others are 0."""
    return torch.tensor([[factors.get(name.replace("-", "_"), 0.0) for name in NAMES]])


def blob(ground: float = 1.0, side: int = SIDE) -> Tensor:
    """A soft dark spot, a third of the side wide, in the middle of a plain ground: (1, 3, S, S)."""
    x, y = points(side)[0].unflatten(-1, (side, side))
    weight = ((0.4 - torch.hypot(x, y)) * 20).sigmoid()
    return (ground + (torch.tensor([-0.9, -0.3, -0.6])[:, None, None] - ground) * weight)[None]


def points(side: int) -> Tensor:
    """The centres of the pixels (1, 2, S * S)."""
    centres = (2 * torch.arange(side) + 1) / side - 1
    return torch.stack(torch.meshgrid(centres, centres, indexing="xy")).view(1, 2, -1)


def centre(picture: Tensor) -> Tensor:
    """Where what is darker than white has its centre of gravity, in pixels: x and y."""
    weight = (1 - picture[0].mean(0)).double()
    rows, columns = weight.sum(1), weight.sum(0)
    at = torch.arange(picture.shape[-1])
    return torch.stack([(columns * at).sum() / columns.sum(), (rows * at).sum() / rows.sum()])


@pytest.mark.parametrize("side", [64, 50])
def test_a_camera_of_zeros_returns_the_picture_bit_for_bit(side: int) -> None:
    """Guards against uploads that are blurred although nobody moved them, and edits that add up the blur."""
    pictures = torch.rand(2, 3, side, side) * 2 - 1
    assert torch.equal(render(pictures, torch.zeros(2, 6)), pictures)
    mixed = render(pictures, torch.zeros(2, 6), torch.tensor([1.0, 0.9]))
    assert torch.equal(mixed[0], pictures[0])
    assert not torch.equal(mixed[1], pictures[1])


def test_a_shift_by_whole_pixels_moves_the_pixels_themselves() -> None:
    """Guards against half a pixel of offset, swapped axes and wrong signs."""
    picture = blob()
    right = numbers(torch.tensor([[1.0, 2 * 5 / SIDE, -2 * 3 / SIDE, 0, 1, 1]]))  # five right, three up
    assert right[0, 1] > 0 and right[0, 2] > 0
    expected = torch.ones_like(picture)
    expected[..., :-3, 5:] = picture[..., 3:, :-5]
    assert torch.allclose(render(picture, right), expected, atol=0.5 * GREY)


def test_every_factor_moves_the_picture_the_way_its_name_says() -> None:
    """Guards against sliders that run backwards."""
    picture = blob()
    bar = torch.ones(1, 3, SIDE, SIDE)
    bar[..., SIDE // 8 : SIDE // 2, SIDE // 2 - 3 : SIDE // 2 + 3] = -1  # upright, from the centre up

    def extent(name: str, z: float) -> tuple[float, float]:
        dark = render(picture, camera(**{name: z}))[0].mean(0) < 0
        return dark.any(0).sum().item(), dark.any(1).sum().item()

    assert extent("size", -2) < extent("size", 0) < extent("size", 2)
    wide, tall = extent("wide_tall", -2), extent("wide_tall", 2)
    assert wide[0] > tall[0] and wide[1] < tall[1]
    assert extent("bulge", -2) < extent("bulge", 0) < extent("bulge", 2)
    assert centre(render(picture, camera(left_right=1)))[0] > centre(picture)[0] + 2
    assert centre(render(picture, camera(up_down=1)))[1] < centre(picture)[1] - 2
    assert centre(render(bar, camera(tilt=1)))[0] > centre(bar)[0] + 1


def test_curves_are_monotone_up_to_their_limits_and_have_inverses() -> None:
    """Guards against a slider that turns back, stands still or is read wrongly."""
    steps = torch.linspace(-LIMIT, LIMIT, 61)[:, None].expand(-1, len(FACTORS))
    found = values(steps)
    rising = torch.tensor([-1.0 if name == "up-down" else 1.0 for name in NAMES])
    assert (found.diff(dim=0) * rising > 0).all()
    assert torch.allclose(numbers(found), steps, atol=1e-5)
    assert torch.equal(values(10 * steps.sign()), values(LIMIT * steps.sign()))
    assert torch.equal(values(torch.zeros(1, 6)), torch.tensor([[1.0, 0, 0, 0, 1, 1]]))


def test_points_go_to_the_view_and_back() -> None:
    """Guards against a dragged point that jumps, and against a grid that folds."""
    cameras = torch.cat([torch.randn(20, 6), 6 * torch.rand(20, 6) - 3])
    view, seen = View.of(cameras, 0.9), points(16).expand(40, -1, -1)
    assert torch.allclose(view.from_picture(view.to_picture(seen)), seen, atol=1e-4)
    assert torch.allclose(view.to_picture(view.from_picture(seen)), seen, atol=1e-4)
    u, v = view.to_picture(points(16)).unflatten(-1, (16, 16)).unbind(1)
    area = u.diff(dim=2)[:, :-1] * v.diff(dim=1)[:, :, :-1] - u.diff(dim=1)[:, :, :-1] * v.diff(dim=2)[:, :-1]
    assert (area > 0).all()


def test_what_is_shown_follows_the_dragging_hand() -> None:
    """Guards against a picture that slips under the pointer, also where other factors are at work."""
    cameras = 0.5 * torch.randn(8, 6)
    start, end = 0.4 * torch.rand(8, 2) + 0.3, 0.4 * torch.rand(8, 2) + 0.3
    for drag, changed in ((move, [1, 2]), (turn, [0, 3])):
        dragged = drag(cameras, start, end)
        others = [i for i in range(6) if i not in changed]
        assert torch.allclose(dragged[:, others], cameras[:, others], atol=1e-5)
        free = (dragged.abs() < LIMIT).all(-1)
        assert free.any()
        shown = View.of(cameras, 0.9).to_picture(start[..., None])
        now = View.of(dragged, 0.9).from_picture(shown)[..., 0]
        assert torch.allclose(now[free], end[free], atol=1e-4)


def test_a_pictures_view_does_not_depend_on_its_batch() -> None:
    """Guards against a recipe that draws another picture beside others."""
    pictures, cameras = torch.rand(7, 3, SIDE, SIDE) * 2 - 1, torch.randn(7, 6)
    pictures[::2] = blob(0.3)
    alone = [render(pictures[i : i + 1], cameras[i : i + 1], 0.9) for i in range(7)]
    assert torch.equal(render(pictures, cameras, 0.9), torch.cat(alone))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(render(pictures, cameras, 0.9), torch.cat(alone))


def test_a_plain_ground_goes_on_beyond_the_frame() -> None:
    """Guards against black or smeared surroundings, also where the frame cuts a drawing."""
    ground = torch.tensor([0.2, -0.5, 0.7])
    picture = ground[:, None, None].repeat(1, 1, SIDE, SIDE)
    picture[..., 24:40] = -0.8  # a bar from the top to the bottom edge
    seen = render(picture, camera(size=-3))[0]
    middle = seen[:, SIDE // 2]
    assert torch.allclose(middle[:, SIDE // 2], torch.full((3,), -0.8), atol=1e-5)
    outside = torch.cat([seen[:, :8].flatten(1), seen[:, -8:].flatten(1), seen[:, :, :8].flatten(1)], 1)
    assert torch.allclose(outside, ground[:, None], atol=1e-5)


def test_a_shaded_ground_goes_on_without_a_seam() -> None:
    """Guards against a visible frame where shadows and gradients reach the border."""
    picture = blob(0.4)
    x, y = points(SIDE)[0].unflatten(-1, (SIDE, SIDE))
    picture = picture + 10 * GREY * torch.sin(2 * x + y)
    seen = render(picture, camera(size=-2, left_right=1, up_down=1))[0]
    away = torch.cat([seen[:, :8].flatten(), seen[:, :, -8:].flatten()])  # from the spot
    assert (away - 0.4).abs().max() < 11 * GREY
    for rows in (seen[:, -12:], seen[:, :, :12].transpose(1, 2)):
        assert rows.diff(dim=1).abs().max() < 6 * GREY
        assert rows.diff(dim=2).abs().max() < 6 * GREY


def test_a_place_is_mirrored_beyond_the_frame() -> None:
    """Guards against a seam, and against a second subject, where the ground has no one colour."""
    x, y = points(SIDE)[0].unflatten(-1, (SIDE, SIDE))
    place = torch.stack([y, 0.5 * y + 0.3 * x, -y])[None] * 0.7
    place[..., 24:40, 24:40] = -1
    seen = render(place, camera(size=-3))[0]
    steps = torch.cat([seen.diff(dim=1).flatten(), seen.diff(dim=2).flatten()])
    assert (steps.abs() > 16 * GREY).float().mean() < 0.01  # the subject's outline alone
    assert (seen == -1).all(0).sum() <= 12 * 12
    assert seen[1, SIDE // 2, 0] < seen[1, SIDE // 2, -1] - 0.2  # left and right stay themselves


def test_shrunk_pictures_do_not_alias() -> None:
    """Guards against stripes that come and go as the picture shrinks."""
    stripes = torch.ones(1, 3, SIDE, SIDE)
    stripes[..., ::2] = -1
    kept = render(stripes, camera(size=-3))[0, 0, SIDE // 2, SIDE // 3 : -SIDE // 3]
    assert kept.std() < 0.4
    fine = F.avg_pool2d(render(blob(side=2 * SIDE), camera(tilt=1, size=-1)), 2)
    assert (render(blob(), camera(tilt=1, size=-1)) - fine).abs().mean() < GREY


def test_gradients_reach_picture_and_camera() -> None:
    """Guards against a camera that cannot be fitted to a picture."""
    picture, numbers = blob().requires_grad_(), (0.5 * torch.randn(1, 6)).requires_grad_()
    x, y = points(SIDE)[0].unflatten(-1, (SIDE, SIDE))
    loss = (render(picture, numbers, 0.9) * (1 + x + math.pi * y + x * x * y)).sum()
    for gradient in torch.autograd.grad(loss, (picture, numbers)):
        assert gradient.isfinite().all()
        assert gradient.any() if gradient.shape == picture.shape else gradient.all()


def test_pictures_must_be_square() -> None:
    """Guards against a tilt that shears."""
    with pytest.raises(ValueError, match="square pictures; got 32 x 16"):
        render(torch.zeros(1, 3, 16, 32), torch.zeros(1, 6))
