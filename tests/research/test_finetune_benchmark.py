"""Tests of the fine-tuning benchmark: distinct images, meaningful scores, and no run overwritten."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapes
import torch

from dalle import runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.folder.augmentation import fit_on_white
from dalle.data.scenes.composer import Composer
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
    """A tiny checkpoint, and an untrained classifier."""
    emoji = shapes.shaped_emoji()
    monkeypatch.setattr(EmojiSet, "load", classmethod(lambda cls, folder: emoji))
    monkeypatch.setattr(runtime, "bfloat16_is_faster", lambda: False)
    monkeypatch.setitem(plan.FINETUNE_PRESETS, "quick", Preset(steps=2, generator_steps=1, replay_samples=4))
    for name, value in {"SUBJECT_SAMPLES": 8, "KNOWN_CONCEPTS": 4, "COMPARISON_COLUMNS": 3}.items():
        monkeypatch.setattr(finetune_benchmark, name, value)
    torch.manual_seed(0)
    IconClassifier(class_names(emoji), SIZE, (16, 32)).save(tmp_path)
    tiny_checkpoint(tmp_path / "checkpoint")
    return tmp_path


def test_images_of_a_subject_are_all_different() -> None:
    """Guards against ten equal training images, and measuring with the training images."""
    pictures = finetune_benchmark.draw_blorples(20)
    assert len({picture.tobytes() for picture in pictures}) == 20
    assert pictures[3].tobytes() == finetune_benchmark.draw_blorples(4)[3].tobytes()
    assert {picture.mode for picture in pictures} == {"RGBA"}
    assert np.asarray(pictures[0])[..., 3].min() == 0


def test_a_benchmark_is_complete(folder: Path) -> None:
    """Guards against missing metrics, and a missing grid."""
    results = finetune_benchmark.benchmark_finetuning(
        folder / "checkpoint", "blorple", folder / "out", Path(), classifier_folder=folder
    )
    assert results["seconds"] > 0 and results["before"].keys() == results["after"].keys()
    for scores in (results["before"], results["after"]):
        assert {"thing", "thing: a small blorple", "known_top1", "known_top5"} <= scores.keys()
        assert all(0 <= score <= 1 for score in scores.values())
    assert json.loads((folder / "out/blorple.json").read_text()) == results
    assert (folder / "out/blorple.png").is_file() and list((folder / "out/blorple").glob("checkpoint-*"))
    with pytest.raises(ValueError, match="is there from before"):
        finetune_benchmark.benchmark_finetuning(
            folder / "checkpoint", "blorple", folder / "out", Path(), classifier_folder=folder
        )
    with pytest.raises(ValueError, match="there are blorple, moccup"):
        finetune_benchmark.benchmark_finetuning(
            folder / "checkpoint", "unicorn", folder / "out", Path(), classifier_folder=folder
        )


def test_images_of_the_subject_count_and_icons_do_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a score that any image gets, or none."""
    classifier, emoji = IconClassifier.load(folder), EmojiSet.load(Path())
    evaluator = Evaluator(None, classifier, Composer(emoji, size=SIZE), folder)
    given = [fit_on_white(picture, SIZE, "pad") for picture in finetune_benchmark.draw_blorples(6)]
    assert finetune_benchmark._shows_subject(evaluator, given[:3], given[3:]).all()
    assert not finetune_benchmark._shows_subject(evaluator, evaluator.render_icons(range(3)), given).any()
