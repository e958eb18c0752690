"""Seconds that a preset takes on this machine, measured in a subprocess."""

import copy
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dalle.finetuning import replay
from dalle.finetuning.encoded_dataset import EncodedDataset, encode, store
from dalle.finetuning.finetune_tasks import SHOWN, DistillationTask, GeneratorFinetuneTask
from dalle.finetuning.plan import BATCH, PRESETS, SHEETS, flow_settings, generator_settings, make_plan
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.training.trainer import Trainer, TrainingSettings


@dataclass(frozen=True)
class StepTimes:
    """Seconds that training takes on this machine."""

    step: float  # of flow and text encoder together
    generator_step: float

    def seconds(self, preset: str, adapts: bool) -> float:
        """How long a preset takes; `adapts`: whether the Generator has to (its PSNR is below POOR)."""
        chosen = PRESETS[preset]
        # In evaluations of a picture: a step takes three for each of a batch, one forward and two backward,
        # of its mean and at some time.
        sheets = (SHEETS + 1) * 2 * SHOWN * 2 * Recipe().steps  # two rows, guided
        evaluations = chosen.prior * replay.STEPS + sheets
        adapting = chosen.generator_steps * self.generator_step if adapts else 0.0
        return (chosen.steps + evaluations / (6 * BATCH)) * self.step + adapting


def measure_in_subprocess(base: Path) -> StepTimes:
    """The pace of a checkpoint in a process of its own, as a run is one.

    Within the page's, whose threads share the cores with the studio's, a step takes twice as long.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_pace_of, base).result()


def _pace_of(base: Path) -> StepTimes:
    return measure_step_times(DALLE.from_pretrained(base))


def measure_step_times(model: DALLE) -> StepTimes:
    """Measure by two steps of each kind, taken on a copy of the model."""
    chosen = make_plan(Path())
    twin = copy.deepcopy(model).float()
    size, count = model.config.image_size, 2 * BATCH
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng():
        home = Path(folder)
        store(home / "store", encode(twin, pixels), ["a red apple"] * count, pixels)
        both = EncodedDataset(home / "store"), EncodedDataset(home / "store")
        step = _step_seconds(
            DistillationTask(twin, *both, ["a red apple"], ["a dog"]), flow_settings(chosen), home
        )
        task = GeneratorFinetuneTask(twin, *both)
        return StepTimes(step, _step_seconds(task, generator_settings(chosen), home))


def _step_seconds(task: nn.Module, settings: TrainingSettings, folder: Path) -> float:
    """The second of two steps: the first one warms up."""
    trainer = Trainer(task, settings, folder)
    batch = task.collate([task.dataset[i] for i in range(settings.batch)])
    trainer.take_step(task, batch)
    start = time.perf_counter()
    trainer.take_step(task, batch)
    return time.perf_counter() - start
