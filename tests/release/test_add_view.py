"""Laws of making room for a camera: the drawing stays what the kept numbers say, and the camera acts."""

from pathlib import Path

import pytest
import torch

from dalle.cli import main
from dalle.config import CAMERA_NUMBERS, VIEW_NUMBERS
from dalle.networks.flow import Latent
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import Slider, unnamed_slider
from dalle.prompts.lexicon import Lexicon, Near
from dalle.release.add_view import add_view
from tests.tiny import tiny_pipeline

LEXICON = Lexicon(("a dog",), ("dog",), {"de": {"hund": "a dog"}}, {"pug": Near(("a dog",), "hand")})


def named(index: int, name: str) -> Slider:
    words = {"en": name, "zh": name}
    return Slider(index, words, words, words)


@pytest.fixture
def converted(tmp_path: Path) -> tuple[DALLE, DALLE]:
    """A pipeline of learnt numbers, three of them named, and the same with a camera."""
    rest = (unnamed_slider(n) for n in range(20) if n not in (7, 3, 11))
    sliders = (named(7, "stripes"), named(3, "size"), named(11, "detail"), *rest)
    DALLE(tiny_pipeline().model, sliders=sliders, lexicon=LEXICON).save_pretrained(tmp_path / "old")
    arguments = ["--checkpoint", str(tmp_path / "old"), "--output", str(tmp_path / "new")]
    assert main.main(["add-view", *arguments]) == 0
    return DALLE.from_pretrained(tmp_path / "old"), DALLE.from_pretrained(tmp_path / "new")


def test_the_least_telling_numbers_make_room(converted: tuple[DALLE, DALLE]) -> None:
    """Guards against a lost slider, and against two sliders of one name."""
    old, new = converted
    assert new.model.config.flow.told == VIEW_NUMBERS
    names = [slider.name["en"] for slider in new.sliders]
    assert names[:CAMERA_NUMBERS] == ["size", "left or right", "up or down", "tilt", "wide or tall", "bulge"]
    assert names[VIEW_NUMBERS : VIEW_NUMBERS + 2] == ["latent 17", "latent 20"]  # were stripes and detail
    assert names.count("size") == 1
    assert sorted(slider.index for slider in new.sliders) == list(range(20))
    assert new.lexicon == old.lexicon == LEXICON


def test_kept_numbers_draw_what_they_drew(converted: tuple[DALLE, DALLE]) -> None:
    """Guards against columns in the wrong places: then every slider would move something else."""
    old, new = converted
    places = {"stripes": 16, "detail": 19}
    before, after = [0.0] * 20, [0.0] * 20
    for name, index, value in (("stripes", 7, 1.5), ("detail", 11, -2.0)):
        before[index] = after[places[name]] = value
    noise = torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(0))
    expected, drawn, moved = (
        pipeline.decode(Latent(torch.tensor([code]), noise), ["a dog"], steps=3)
        for pipeline, code in ((old, before), (new, after), (new, [2.0, *after[1:]]))
    )
    assert (drawn - expected).abs().max() < 0.01
    assert (moved - drawn).abs().max() > 0.1


def test_a_camera_is_added_once(tmp_path: Path, converted: tuple[DALLE, DALLE]) -> None:
    """Guards against a second conversion that would throw more learnt numbers away."""
    with pytest.raises(ValueError, match="already"):
        add_view(tmp_path / "new", tmp_path / "newer")
