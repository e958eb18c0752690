"""What a fine-tuning run trains on: user's images and replay samples in turn, and distillation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dalle.finetuning import distillation, replay
from dalle.finetuning.distillation import Distillation
from dalle.finetuning.encoded_dataset import EncodedDataset
from dalle.finetuning.finetune_tasks import FlowFinetuneTask, GeneratorFinetuneTask
from dalle.pipeline.dalle import DALLE
from dalle.training.tasks import CAPTION_DROPOUT_EVERY
from tests.tiny import tiny_pipeline
from tests.training_runs import CAPTION

pytestmark = pytest.mark.usefixtures("module_accelerator")


def test_user_images_and_replay_samples_alternate(tmp_path: Path) -> None:
    """Guards against replay samples that are left out, and user's images under the empty caption."""
    rng = np.random.default_rng(0)
    for name, value in (("user", 1), ("replay", 0)):
        pixels = np.full((7, 32, 32, 3), value, np.uint8)
        features = np.full((7, 4, 4), value, np.float16)
        EncodedDataset.write(tmp_path / name, pixels, features, [f"{name} {rng.integers(9)}"] * 7)
    pipeline, data = tiny_pipeline(), (EncodedDataset(tmp_path / "replay"), EncodedDataset(tmp_path / "user"))
    task = FlowFinetuneTask(pipeline, *data, [CAPTION])
    entries = [task.dataset[index] for index in range(200)]
    assert [entry.features[0, 0] for entry in entries] == [0, 1] * 100
    dropped = {entry.caption.split()[0] for entry in entries if entry.index % CAPTION_DROPOUT_EVERY == 0}
    assert dropped == {"replay"}
    tokens = task.collate(entries)[1]
    assert (tokens[:, 2] == 0).float().mean() == 1 / CAPTION_DROPOUT_EVERY
    pixels = GeneratorFinetuneTask(pipeline.model, *data).dataset
    assert [pixels[index].max() for index in range(50)] == [0, 1] * 25


def test_distillation_pulls_back(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against distilled samples that change a model which is as it was: only new ones may.

    And against a distillation that gives way to the new samples: a distilled sample has more weight.
    """
    pipeline, captions = DALLE.from_pretrained(base), ["a dog"] * 8
    EncodedDataset.write(tmp_path / "known", *replay.draw_samples(pipeline, captions, seed=0), captions)
    known = EncodedDataset(tmp_path / "known")
    frozen = Distillation(pipeline.model, ["a red apple", "a dog"])
    task = FlowFinetuneTask(pipeline, known, known, [CAPTION], frozen)

    def flow_loss(indices: range) -> float:
        torch.manual_seed(0)
        return float(task(task.collate([task.dataset[index] for index in indices]))[1]["flow"])

    assert flow_loss(range(2, 16, 2)) < 1e-9 < 0.01 < flow_loss(range(1, 16, 2))
    with torch.no_grad():  # as if something had been forgotten
        task.normalizer.velocity.output.bias += 0.1
    new, distilled = flow_loss(range(1, 16, 2)), flow_loss(range(2, 16, 2))
    assert 0.01 < distilled < new
    both = flow_loss(range(1, 17))
    monkeypatch.setattr(distillation, "DISTILLATION_WEIGHT", 1.0)
    assert both < flow_loss(range(1, 17)), "the smaller loss of distilled samples counts for more"
