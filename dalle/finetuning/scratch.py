"""Training from scratch: a new model learns a user's images and captions, and knows nothing else.

1. FeatureExtractor and Generator learn the augmented images; the model is then kept in run/begun/.
2. Normalizer and TextEncoder learn the images' features under their captions.

It takes hundreds of images and hours; with fewer, fine-tune a checkpoint (finetune.py). The ImageTower is not
trained: that needs more images than this.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from dalle import runtime
from dalle.config import PRESETS as SIZES
from dalle.finetuning.encoded_dataset import EncodedDataset, encode_images
from dalle.finetuning.finetune_tasks import FlowFinetuneTask
from dalle.finetuning.plan import GRIDS_PER_RUN, SAVE_EVERY, Plan, Preset, make_plan
from dalle.finetuning.reconstruction import ReconstructionQuality
from dalle.finetuning.replay import caption_words
from dalle.finetuning.runner import ProgressCallback, Runner
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Tokenizer
from dalle.pipeline.dalle import DALLE
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.reader import Reader
from dalle.training.pretrain import PHASE_DEFAULTS
from dalle.training.task import TrainingSettings
from dalle.training.tasks import AutoencoderTask

SCRATCH_PRESETS = {  # generator_steps: of the whole autoencoder; nothing is replayed
    "quick": Preset(steps=2_000, generator_steps=500, replay_samples=1),
    "good": Preset(steps=10_000, generator_steps=1_500, replay_samples=1),
    "thorough": Preset(steps=40_000, generator_steps=4_000, replay_samples=1),
}
SCRATCH_FLOW_BATCH = 64


def make_scratch_plan(size: str, preset: str = "quick", **overrides: Any) -> Plan:
    """The plan of a preset of SCRATCH_PRESETS for a model of a size of config.PRESETS."""
    if size not in SIZES:
        raise ValueError(f"no size {size!r}; there are {', '.join(SIZES)}")
    if preset not in SCRATCH_PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(SCRATCH_PRESETS)}")
    fields = dataclasses.asdict(SCRATCH_PRESETS[preset]) | overrides
    return dataclasses.replace(make_plan(Path(), **fields), base="", preset=preset, size=size)


class ImageSample(NamedTuple):
    """An item of ImageDataset."""

    pixels: np.ndarray  # (S, S, 3) uint8


class ImageDataset(Dataset[ImageSample]):
    """Images (M, S, S, 3) uint8 without end: sample i is image i mod M."""

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels

    def __getitem__(self, index: int) -> ImageSample:
        return ImageSample(self.pixels[index % len(self.pixels)])

    def __len__(self) -> int:
        return 2**31


def train_from_scratch(folder: Path, on_progress: ProgressCallback) -> bool:
    """Run the plan of a run's folder, or resume it; -> whether it is complete. As finetune_checkpoint."""
    runner = Runner(folder, on_progress)
    pixels, captions = runner.augmented_images(SIZES[runner.plan.size].image_size)
    return runner.run(
        [
            partial(_train_autoencoder, runner, pixels, captions),
            partial(_train_flow, runner, pixels, captions),
        ]
    )


def _train_autoencoder(runner: Runner, pixels: np.ndarray, captions: list[str]) -> bool:
    """Train the autoencoder of a new model, and save that in run/begun/, unless it is there."""
    plan, begun = runner.plan, runner.folder / "begun"
    if begun.is_dir():
        return True
    config = SIZES[plan.size]
    tokenizer = Tokenizer.train(captions, config.text.vocabulary, config.text.length)
    torch.manual_seed(plan.seed)
    pipeline = DALLE(DALLEModel(config, tokenizer)).to(runtime.device())
    dataset = ImageDataset(pixels)
    task = AutoencoderTask(pipeline.model, dataset, dataset)
    trainer = runner.train("autoencoder", task, _settings(plan, "autoencoder"))
    if trainer.step < plan.generator_steps:
        return False
    with trainer.ema_weights():
        task.standardise()
        pipeline.save_pretrained(begun)
    return True


def _train_flow(runner: Runner, pixels: np.ndarray, captions: list[str]) -> bool:
    """Train flow and text encoder of the model in run/begun/, and save the checkpoint."""
    pipeline = DALLE.from_pretrained(runner.folder / "begun").to(runtime.device())
    quality = ReconstructionQuality(pipeline.model, pixels[: len(runner.data.items)])
    encoded = runner.folder / "own"
    EncodedDataset.write(encoded, pixels, encode_images(pipeline.model, pixels), captions)
    task = FlowFinetuneTask(pipeline, EncodedDataset(encoded), EncodedDataset(encoded), runner.captions)
    pipeline.reader = Reader(Lexicon(words=tuple(caption_words(runner.captions))))
    pipeline.prompts = runner.captions
    return runner.train_flow(pipeline, task, _settings(runner.plan, "flow"), {"psnr": quality.psnr})


def _settings(plan: Plan, phase: str) -> TrainingSettings:
    """Training settings of a phase of pre-training, "autoencoder" or "flow"."""
    steps = plan.steps if phase == "flow" else plan.generator_steps
    defaults: dict[str, Any] = PHASE_DEFAULTS[phase] | {"workers": 0}
    if phase == "flow":
        defaults["batch"] = SCRATCH_FLOW_BATCH
    return TrainingSettings(
        steps,
        **defaults,
        warmup=min(100, steps // 4),
        seed=plan.seed,
        save_every=SAVE_EVERY,
        grid_every=max(1, steps // GRIDS_PER_RUN),
        precision=plan.precision,
    )
