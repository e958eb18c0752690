"""Laws of teaching on trial: things never twice the same, scores that move, and no run overwritten."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapes
import torch

from dalle import runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.classifier_training import class_names
from dalle.evaluation.evaluator import Evaluator
from dalle.finetuning import plan
from dalle.finetuning.plan import Preset
from dalle.research import finetune_benchmark
from tests.tiny import tiny_checkpoint

SIZE = 32

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint, and a referee that learnt nothing, both tiny."""
    emoji = shapes.shaped_emoji()
    monkeypatch.setattr(EmojiSet, "load", classmethod(lambda cls, folder: emoji))
    monkeypatch.setattr(runtime, "fast_bfloat16", lambda: False)
    monkeypatch.setitem(plan.PRESETS, "quick", Preset(steps=2, generator_steps=1, prior=4))
    for name, value in {"DRAWN": 8, "KNOWN": 4, "SHOWN": 3}.items():
        monkeypatch.setattr(finetune_benchmark, name, value)
    torch.manual_seed(0)
    IconClassifier(class_names(emoji), SIZE, (16, 32)).save(tmp_path)
    tiny_checkpoint(tmp_path / "checkpoint")
    return tmp_path


def test_a_thing_is_never_twice_the_same() -> None:
    """Guards against ten pictures to learn from that are one, and judging by those that were learnt."""
    pictures = finetune_benchmark.blorples(20)
    assert len({picture.tobytes() for picture in pictures}) == 20
    assert pictures[3].tobytes() == finetune_benchmark.blorples(4)[3].tobytes()
    assert {picture.mode for picture in pictures} == {"RGBA"}
    assert np.asarray(pictures[0])[..., 3].min() == 0


def test_a_trial_is_whole(folder: Path) -> None:
    """Guards against a measurement that forgets a side, or leaves nothing to look at."""
    found = finetune_benchmark.teach(folder / "checkpoint", "blorple", folder / "out", Path(), referee=folder)
    assert found["seconds"] > 0 and found["before"].keys() == found["after"].keys()
    for scores in (found["before"], found["after"]):
        assert {"thing", "thing: a small blorple", "known_top1", "known_top5"} <= scores.keys()
        assert all(0 <= score <= 1 for score in scores.values())
    assert json.loads((folder / "out/blorple.json").read_text()) == found
    assert (folder / "out/blorple.png").is_file() and list((folder / "out/blorple").glob("checkpoint-*"))
    with pytest.raises(ValueError, match="is there from before"):
        finetune_benchmark.teach(folder / "checkpoint", "blorple", folder / "out", Path(), referee=folder)
    with pytest.raises(ValueError, match="there are blorple, moccup"):
        finetune_benchmark.teach(folder / "checkpoint", "unicorn", folder / "out", Path(), referee=folder)


def test_the_thing_itself_counts_and_icons_do_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a score that anything gets, or nothing."""
    referee, emoji = IconClassifier.load(folder), EmojiSet.load(Path())
    exam = Evaluator(None, referee, finetune_benchmark.Composer(emoji, size=SIZE), folder)
    given = [finetune_benchmark.plain(picture, SIZE, "pad") for picture in finetune_benchmark.blorples(6)]
    assert finetune_benchmark._shows(exam, given[:3], given[3:]).all()
    assert not finetune_benchmark._shows(exam, exam.icons(range(3)), given).any()
