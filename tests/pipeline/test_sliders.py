"""Laws of sliders and their names."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dalle.data.sprite_scenes.plan import LIGHT
from dalle.networks import camera, colour
from dalle.pipeline.checkpoint import CheckpointError
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.latents import initial_codes
from dalle.pipeline.sliders import Slider, load_sliders, save_sliders, slide_code, unnamed_slider
from dalle.pipeline.told_sliders import TOLD_SLIDERS
from dalle.recipe import Recipe
from tests.tiny import TOLD_CONFIG, tiny_pipeline

SIZE = Slider(4, {"en": "size", "zh": "大小"}, {"en": "small", "zh": "小"}, {"en": "large", "zh": "大"})
WARMTH = Slider(0, {"en": "warmth", "zh": "冷暖"}, {"en": "cold", "zh": "冷"}, {"en": "warm", "zh": "暖"})


def test_there_and_back(tmp_path: Path) -> None:
    """Guards against names lost or reordered on the way through the checkpoint."""
    save_sliders(tmp_path / "sliders.json", (SIZE, WARMTH))
    sliders = load_sliders(tmp_path / "sliders.json", range(20))
    assert sliders[:2] == (SIZE, WARMTH)
    assert sorted(slider.index for slider in sliders) == list(range(20))


def test_without_a_file_all_are_plain(tmp_path: Path) -> None:
    """Guards against a checkpoint that cannot be slid because nobody has named its numbers."""
    assert load_sliders(tmp_path / "sliders.json", range(3)) == (
        unnamed_slider(0),
        unnamed_slider(1),
        unnamed_slider(2),
    )
    assert unnamed_slider(0).name == {"en": "latent 1", "zh": "潜变量 1"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no sliders"),
        ("[1]", "no sliders"),
        ('[{"index": 0}]', "no sliders"),
        (json.dumps([vars(SIZE) | {"name": {"en": "size"}}]), "a text in each of"),
        (json.dumps([vars(SIZE) | {"index": [4]}]), "a whole number"),
        (json.dumps([vars(SIZE) | {"index": 4.0}]), "a whole number"),
        (json.dumps([vars(SIZE) | {"index": 20}]), r"0 to 19 at most once; got \[20\]"),
        (json.dumps([vars(SIZE), vars(SIZE)]), r"at most once; got \[4, 4\]"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """Guards against two sliders for one number, or one for a number that is not there."""
    path = tmp_path / "sliders.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        load_sliders(path, range(20))


# --- told numbers


def test_told_sliders_are_named_in_the_order_of_the_code() -> None:
    """Guards against a slider of one name that moves the number of another."""
    assert [slider.index for slider in TOLD_SLIDERS] == list(range(TOLD_CONFIG.flow.told))
    names = [slider.name["en"].replace(" or ", "-") for slider in TOLD_SLIDERS]
    assert names == [*(factor.name for factor in camera.FACTORS), *colour.FACTORS, *LIGHT]


def test_told_sliders_come_first_and_stay_out_of_the_file(tmp_path: Path) -> None:
    """Guards against names of told numbers that a file replaces, and learnt ones lost in saving."""
    warmth = dataclasses.replace(WARMTH, index=15)
    pipeline = DALLE(tiny_pipeline(config=TOLD_CONFIG).model, sliders=[*TOLD_SLIDERS, warmth])
    pipeline.save_pretrained(tmp_path / "checkpoint")
    loaded = DALLE.from_pretrained(tmp_path / "checkpoint").sliders
    assert loaded[:13] == (*TOLD_SLIDERS, warmth) and len({slider.index for slider in loaded}) == 20
    save_sliders(tmp_path / "checkpoint/sliders.json", [SIZE])
    with pytest.raises(CheckpointError, match=r"from 12 to 19 at most once; got \[4\]"):
        DALLE.from_pretrained(tmp_path / "checkpoint")


@pytest.mark.parametrize(
    ("name", "measure"),
    [  # of the rows and columns of a square's pixels
        ("size", lambda rows, columns: np.ptp(rows)),
        ("left or right", lambda rows, columns: columns.mean()),
        ("up or down", lambda rows, columns: -rows.mean()),
        ("tilt", lambda rows, columns: columns[rows < 26].mean() - columns[rows > 38].mean()),
        ("wide or tall", lambda rows, columns: np.ptp(rows) / np.ptp(columns)),
        ("bulge", lambda rows, columns: len(rows)),
    ],
)
def test_the_upper_end_is_what_it_says(name: str, measure: Callable) -> None:
    """Guards against a slider that goes down where it says up."""
    (slider,) = (slider for slider in TOLD_SLIDERS if slider.name["en"] == name)
    picture = torch.ones(1, 3, 64, 64)
    picture[..., 20:44, 26:38] = -1

    def measured(value: float) -> float:
        numbers = torch.zeros(1, 6)
        numbers[0, slider.index] = value
        dark = camera.render(picture, numbers)[0, 0] < 0
        return float(measure(*np.nonzero(dark.numpy())))

    assert measured(1) > measured(-1)


# --- numbers by the names of their sliders


def test_numbers_are_set_by_name() -> None:
    """Guards against another number that moves, and a draw that ignores its slides."""
    pipeline = tiny_pipeline(config=TOLD_CONFIG)
    slides = {"Size": 2, "left or right": -1.5, "latent 20": 1}
    (picture,) = pipeline.generate("a dog", seed=4, slides=slides)
    (plain,) = pipeline.generate("a dog", seed=4)
    (code,) = initial_codes([plain.recipe], TOLD_CONFIG)
    expected = {0: 2.0, 1: -1.5, 19: 1.0}
    assert picture.recipe.code == tuple(expected.get(n, number) for n, number in enumerate(code))
    assert picture.image.tobytes() != plain.image.tobytes()
    assert plain.recipe.code is None


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    """Guards against a slide that silently does nothing."""
    sliders = (SIZE, unnamed_slider(1))
    with pytest.raises(ValueError, match="no slider 'sise'; there are size, latent 2"):
        slide_code((0.0,) * 20, sliders, {"sise": 1})
    with pytest.raises(ValueError, match="slides must be"):
        slide_code((0.0,) * 20, sliders, [1])
    for bad in ("2", 11, None):
        with pytest.raises(ValueError, match="code must be a number"):
            Recipe(code=slide_code((0.0,) * 20, sliders, {"size": bad}))


def test_of_two_sliders_with_one_name_the_first_is_meant() -> None:
    """Guards against a learnt number that hides a told one."""
    namesake = dataclasses.replace(SIZE, name=WARMTH.name)
    assert slide_code((0.0,) * 5, (WARMTH, namesake), {"warmth": 1}) == (1, 0, 0, 0, 0)
