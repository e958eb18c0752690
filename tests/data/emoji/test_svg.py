"""Rasterising icons."""

import numpy as np

from dalle.data.emoji.svg import rasterise, read_icon_set
from tests.data.emoji.packages import SIZE


def test_alpha_is_straight() -> None:
    """Guards against premultiplied colours taken for straight ones, which give soft edges a dark fringe."""
    pixels = rasterise('<path fill="#ff8000" fill-opacity=".5" d="M0 0h8v8H0z"/>', (0, 0, 8, 8), SIZE)
    assert pixels.shape == (SIZE, SIZE, 4) and pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[SIZE // 2, SIZE // 2], (255, 128, 0, 128), atol=1)


def test_oblong_icons_are_centred_not_stretched() -> None:
    """Guards against stretching: fxemoji and fluent have a few boxes that are not square."""
    pixels = rasterise('<path fill="red" d="M5 5h20v10H5z"/>', (5, 5, 20, 10), SIZE)
    visible = pixels[..., 3] > 0
    assert visible[SIZE // 4 : -SIZE // 4].all()
    assert not visible[: SIZE // 4].any() and not visible[-SIZE // 4 :].any()


def test_aliases_are_icons_too() -> None:
    """Guards against losing aliases: fluent's hand pointing right is a mirrored alias of the left one."""
    content = {"icons": {"left": {"body": "<g/>"}}, "height": 20}
    aliases = {"right": {"parent": "left", "hFlip": True}, "up": {"parent": "left", "rotate": 1}}
    icons = read_icon_set(content | {"aliases": aliases})
    assert icons.keys() == {"left", "right"}
    assert icons["right"].mirrored and not icons["left"].mirrored
    assert icons["right"].box == (0, 0, 16, 20)
