"""Rendering of scenes."""

from dataclasses import replace

import numpy as np
import pytest

from dalle.data.scenes.renderer import SceneRenderer
from tests.fakes import SIZE, disc, fake_emoji


@pytest.mark.parametrize("size", [SIZE, 50])
def test_no_dark_rims(size: int) -> None:
    """Guards against resizing without premultiplied alpha, where transparent black darkens the edges."""
    emoji = fake_emoji()
    white = replace(emoji, pixels=np.stack([disc("white")] * len(emoji.icons)))
    assert SceneRenderer(white, size).render_icon(0).min() >= 253
