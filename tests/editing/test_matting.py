"""Laws of cutting out, and of icons: on scenes whose true alpha is known."""

import io
import time
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dalle.data.scenes.composer import Composer
from dalle.editing import icon_files, matting
from tests.fakes import fake_emoji


def disc(size: int, ground: str, colour: str = "red") -> tuple[Image.Image, np.ndarray]:
    """A smooth disc with a white spot, and its alpha (size, size)."""
    large = Image.new("L", (4 * size, 4 * size))
    ImageDraw.Draw(large).ellipse([size // 2, size // 2, 7 * size // 2, 7 * size // 2], 255)
    alpha = large.resize((size, size), Image.Resampling.BOX)
    picture = Image.composite(
        Image.new("RGB", alpha.size, colour), Image.new("RGB", alpha.size, ground), alpha
    )
    picture.paste("white", (size // 2 - 3, size // 2 - 3, size // 2 + 3, size // 2 + 3))
    return picture, np.asarray(alpha) / 255


@pytest.mark.parametrize("ground", ["white", "black", "#fdd032", "#2a70d8"])
def test_a_smooth_rim_is_found(ground: str) -> None:
    """Guards against a rim of the old background, and against an eye that becomes a hole."""
    picture, alpha = disc(64, ground)
    cut = np.asarray(matting.cut_out(picture)) / 255
    assert np.abs(cut[..., 3] - alpha).mean() < 0.01
    assert cut[32, 32, 3] == 1
    over = cut[..., 3:] * cut[..., :3] + (1 - cut[..., 3:]) * [0, 1, 0]
    true = alpha[..., None] * (np.asarray(picture) / 255) + (1 - alpha[..., None]) * [0, 1, 0]
    assert np.abs(over - true).mean() < 0.02


def test_what_hangs_together_with_the_frame() -> None:
    """Guards against a background that is another than by filling it from the frame, step by step."""
    rng = np.random.default_rng(0)
    for share in (0.3, 0.5, 0.6, 0.7, 0.9):
        like = rng.random((37, 53)) < share
        filled = np.zeros((39, 55), bool)
        filled[[0, -1]] = filled[:, [0, -1]] = True
        while True:
            near = filled[:-2, 1:-1] | filled[2:, 1:-1] | filled[1:-1, :-2] | filled[1:-1, 2:]
            if not (like & near & ~filled[1:-1, 1:-1]).any():
                break
            filled[1:-1, 1:-1] |= like & near
        assert (matting._background(like) == filled[1:-1, 1:-1]).all()


def test_a_winding_background_takes_no_longer() -> None:
    """Guards against a picture, small as a file, that keeps a core busy for minutes."""
    like = np.zeros((2048, 2048), bool)
    like[1:-1:2] = like[2:-1:4, -2] = like[4:-1:4, 1] = True
    like[:, [0, -1]] = False
    like[0, 1] = True  # the only way in
    began = time.process_time()
    assert (matting._background(like) == like).all()
    assert time.process_time() - began < 10  # about a second


def test_a_hole_in_a_coloured_ground_is_seen_through() -> None:
    """Guards against a ring that is filled with what was behind it."""
    ring = Image.new("RGB", (64, 64), "#fdd032")
    ImageDraw.Draw(ring).ellipse([8, 8, 56, 56], "red")
    ImageDraw.Draw(ring).ellipse([24, 24, 40, 40], "#fdd032")
    alpha = np.asarray(matting.cut_out(ring))[..., 3]
    assert alpha[32, 32] == 0 and alpha[32, 16] == 255


def test_nothing_and_everything() -> None:
    """Guards against a picture of nothing but background, one pixel small, that crashes."""
    for size in ((1, 1), (40, 3)):
        assert np.asarray(matting.cut_out(Image.new("RGB", size, "blue")))[..., 3].max() == 0


def test_a_background_that_is_not_flat_is_refused() -> None:
    noise = Image.effect_noise((64, 64), 120).convert("RGB")
    with pytest.raises(ValueError, match="not one flat colour"):
        matting.cut_out(noise)
    with pytest.raises(ValueError, match="too large to cut out"):
        matting.cut_out(Image.new("RGB", (3000, 3000)))


def test_composed_scenes_are_cut_out_better_than_by_a_threshold() -> None:
    """Guards against a matting that is no better than what anybody would write in a line."""
    composer, ours, plain = Composer(fake_emoji(), size=64), [], []
    for index in range(12):
        scene = composer.scene(index, "colour")
        picture = composer.render(scene)
        grounds = [
            composer.render(scene.__class__(**{**scene.__dict__, "background": (shade,) * 3})).astype(float)
            for shade in (0, 255)
        ]
        alpha = 1 - (grounds[1] - grounds[0]).mean(-1) / 255
        ours.append(
            np.abs(np.asarray(matting.cut_out(Image.fromarray(picture)))[..., 3] / 255 - alpha).mean()
        )
        plain.append(np.abs((np.abs(picture - picture[0, 0].astype(float)).max(-1) > 12) - alpha).mean())
    assert np.mean(ours) <= np.mean(plain) and np.mean(ours) < 0.03


# --- icons


def test_an_icon_has_every_size_and_its_transparency() -> None:
    """Guards against a favicon that browsers do not read, and an icon on a white square."""
    picture, _ = disc(64, "white")
    exported = icon_files.export(matting.cut_out(picture))
    assert exported == icon_files.export(matting.cut_out(picture))
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        for size in icon_files.SIZES:
            with Image.open(io.BytesIO(archive.read(f"icon-{size}.png"))) as icon:
                assert (icon.mode, icon.size) == ("RGBA", (size, size))
                assert icon.getpixel((0, 0))[3] == 0 and icon.getpixel((size // 2, size // 4))[3] > 250
        with Image.open(io.BytesIO(archive.read("favicon.ico"))) as favicon:
            assert favicon.format == "ICO" and favicon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}


def test_an_icon_is_whole_and_in_the_middle() -> None:
    """Guards against an icon that is stretched, or cut at its sides."""
    wide = icon_files.sized(Image.new("RGB", (100, 50), "red"), 40)
    assert wide.getbbox() == (0, 10, 40, 30)
