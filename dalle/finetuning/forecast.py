"""The time that fine-tuning takes on this machine, from training steps measured in a process of their own."""

import copy
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dalle.finetuning import replay
from dalle.finetuning.distillation import Distillation
from dalle.finetuning.encoded_dataset import EncodedDataset, encode_images
from dalle.finetuning.finetune_tasks import SAMPLES_PER_ROW, FlowFinetuneTask, GeneratorFinetuneTask
from dalle.finetuning.plan import (
    FINETUNE_PRESETS,
    FLOW_BATCH,
    GRIDS_PER_RUN,
    flow_settings,
    generator_settings,
    make_plan,
)
from dalle.networks.model import DALLEModel
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.training.task import Task, TrainingSettings
from dalle.training.trainer import Trainer


@dataclass(frozen=True)
class StepTimes:
    """Seconds that a training step takes on this machine."""

    flow_step: float  # of flow and text encoder together
    generator_step: float

    def seconds(self, preset: str, adapts_generator: bool) -> float:
        """Seconds that a preset of FINETUNE_PRESETS takes, with or without adapting the Generator."""
        chosen = FINETUNE_PRESETS[preset]
        # Drawing is counted in evaluations of the velocity network. A step takes 6 for each sample of its
        # batch: a forward pass and a backward pass of twice its cost, for the mean and for one time.
        # A sample grid has two rows, drawn with guidance, which doubles the evaluations.
        grids = (GRIDS_PER_RUN + 1) * 2 * SAMPLES_PER_ROW * 2 * Recipe().steps
        evaluations = chosen.replay_samples * replay.SAMPLING_STEPS + grids
        flow_steps = chosen.steps + evaluations / (6 * FLOW_BATCH)
        generator_steps = chosen.generator_steps if adapts_generator else 0
        return flow_steps * self.flow_step + generator_steps * self.generator_step


def measure_in_subprocess(base: Path) -> StepTimes:
    """Step times of the checkpoint `base`, measured in a process of its own, as a run is one.

    In the process of the page, whose threads share the cores with those of the studio, a step takes twice as
    long.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(_load_and_measure, base).result()


def _load_and_measure(base: Path) -> StepTimes:
    return measure_step_times(DALLE.from_pretrained(base).model)


def measure_step_times(model: DALLEModel) -> StepTimes:
    """Take two steps of each kind on a copy of the model."""
    plan, model = make_plan(Path()), copy.deepcopy(model).float()
    size, count = model.config.image_size, 2 * FLOW_BATCH
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng():
        scratch = Path(folder)
        EncodedDataset.write(scratch / "data", pixels, encode_images(model, pixels), ["a red apple"] * count)
        data = EncodedDataset(scratch / "data")
        flow_task = FlowFinetuneTask(
            DALLE(model), data, data, ["a red apple"], Distillation(model, ["a dog"])
        )
        flow_step = _step_seconds(flow_task, flow_settings(plan), scratch)
        generator_task = GeneratorFinetuneTask(model, data, data)
        return StepTimes(flow_step, _step_seconds(generator_task, generator_settings(plan), scratch))


def _step_seconds(task: Task, settings: TrainingSettings, folder: Path) -> float:
    """Seconds of the second of two steps: the first one warms up."""
    trainer = Trainer(task, settings, folder)
    batch = task.collate([task.dataset[index] for index in range(settings.batch)])
    trainer.take_step(task, batch)
    start = time.perf_counter()
    trainer.take_step(task, batch)
    return time.perf_counter() - start
