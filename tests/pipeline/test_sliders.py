"""Laws of sliders and their names."""

import json
from pathlib import Path

import pytest

from dalle.pipeline.sliders import Slider, load_sliders, save_sliders, unnamed_slider

SIZE = Slider(4, {"en": "size", "zh": "大小"}, {"en": "small", "zh": "小"}, {"en": "large", "zh": "大"})
WARMTH = Slider(0, {"en": "warmth", "zh": "冷暖"}, {"en": "cold", "zh": "冷"}, {"en": "warm", "zh": "暖"})


def test_there_and_back(tmp_path: Path) -> None:
    """Guards against names lost or reordered on the way through the checkpoint."""
    save_sliders(tmp_path / "sliders.json", (SIZE, WARMTH))
    sliders = load_sliders(tmp_path / "sliders.json", 20)
    assert sliders[:2] == (SIZE, WARMTH)
    assert sorted(slider.index for slider in sliders) == list(range(20))


def test_without_a_file_all_are_plain(tmp_path: Path) -> None:
    """Guards against a checkpoint that cannot be slid because nobody has named its numbers."""
    assert load_sliders(tmp_path / "sliders.json", 3) == (
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
        load_sliders(path, 20)
