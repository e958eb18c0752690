"""Fine-tuning: a checkpoint learns a user's images and captions, and keeps what it knew.

1. The model draws replay samples (replay.py); the images are augmented and encoded (encoded_dataset.py).
2. If it reconstructs the images poorly, the Generator adapts to them; the FeatureExtractor stays as it is.
3. Normalizer and TextEncoder learn the images, with distillation under captions that the model knows.
"""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dalle import images, runtime
from dalle.files import write_text_atomically
from dalle.finetuning import replay
from dalle.finetuning.distillation import Distillation
from dalle.finetuning.encoded_dataset import EncodedDataset, encode_images
from dalle.finetuning.finetune_tasks import FlowFinetuneTask, GeneratorFinetuneTask
from dalle.finetuning.plan import MIN_RECONSTRUCTION_PSNR, flow_settings, generator_settings
from dalle.finetuning.reconstruction import ReconstructionQuality
from dalle.finetuning.runner import ProgressCallback, Runner
from dalle.pipeline.dalle import DALLE
from dalle.prompts.reader import Reader

DISTILLATION_CAPTIONS = 4096


def finetune_checkpoint(folder: Path, on_progress: ProgressCallback) -> bool:
    """Run the plan of a run's folder, or resume it; -> whether it is complete.

    `on_progress` is called after every step, and may return True to stop. A checkpoint is saved even so, once
    the flow has begun to train; it appears after it was read again and drew samples. Raises ValueError if
    plan, images or checkpoint cannot be used, TrainingError if training fails.
    """
    runner = Runner(folder, on_progress)
    finetuning = _FineTuning(runner)
    return runner.run([finetuning.prepare, finetuning.adapt_generator, finetuning.train_flow])


class _FineTuning:
    """The model of a run, and the stages that train it."""

    def __init__(self, runner: Runner):
        self.runner, self.plan = runner, runner.plan
        self.pipeline = DALLE.from_pretrained(self.plan.base).to(runtime.device())
        self.known = self.pipeline.lexicon
        self._add_captions(runner.captions)
        self.replay_folder, self.user_folder = runner.folder / "prior", runner.folder / "own"
        self.metrics_path = runner.folder / "figures.json"
        self.metrics: dict[str, Any] = {}

    def prepare(self) -> bool:
        """Encode the user's images and draw the replay samples, unless that was done before."""
        if self.metrics_path.is_file():
            self.metrics = json.loads(self.metrics_path.read_text(encoding="utf-8"))
            self._check_base()
        else:
            pixels, captions = self.runner.augmented_images(self.pipeline.model.config.image_size)
            psnr = self._measure_reconstruction(pixels)
            EncodedDataset.write(
                self.user_folder, pixels, encode_images(self.pipeline.model, pixels), captions
            )
            known = self._known_captions(self.plan.replay_samples)
            samples = replay.draw_samples(self.pipeline, known, self.plan.seed, self.runner.report_preparing)
            EncodedDataset.write(self.replay_folder, *samples, known)
            adapts = psnr < MIN_RECONSTRUCTION_PSNR and self.plan.generator_steps > 0
            self._record_metrics(base=self.pipeline.model.digest, psnr=psnr, adapted=adapts)
        if not self.metrics["adapted"]:
            self.runner.steps_before_flow = 0
        return True

    def adapt_generator(self) -> bool:
        """Train the Generator, if it reconstructs the images poorly."""
        if not self.metrics["adapted"]:
            return True
        model, (replay_samples, user_images) = self.pipeline.model, self._datasets()
        task = GeneratorFinetuneTask(model, replay_samples, user_images)
        trainer = self.runner.train("generator", task, generator_settings(self.plan))
        if trainer.step < self.plan.generator_steps:
            return False
        with trainer.ema_weights():
            ema_weights = copy.deepcopy(model.generator.state_dict())
        model.generator.load_state_dict(ema_weights)
        model.requires_grad_(False)
        self._record_metrics(psnr_adapted=self._measure_reconstruction(user_images.pixels))
        return True

    def train_flow(self) -> bool:
        """Train flow and text encoder with distillation, and save the checkpoint."""
        distillation = Distillation(self.pipeline.model, self._known_captions(DISTILLATION_CAPTIONS))
        task = FlowFinetuneTask(self.pipeline, *self._datasets(), self.runner.captions, distillation)
        return self.runner.train_flow(self.pipeline, task, flow_settings(self.plan), self.metrics)

    def _datasets(self) -> tuple[EncodedDataset, EncodedDataset]:
        """The replay samples, and the user's images."""
        return EncodedDataset(self.replay_folder), EncodedDataset(self.user_folder)

    def _add_captions(self, captions: list[str]) -> None:
        """Put the new captions before the labels, words and prompts of the checkpoint, if it has these."""
        pipeline, labels, words = self.pipeline, self.known.labels, self.known.words
        if labels:
            labels = tuple(dict.fromkeys([*captions, *labels]))
        if words:
            words = tuple(dict.fromkeys([*replay.caption_words(captions), *words]))
        pipeline.reader = Reader(replace(self.known, labels=labels, words=words))
        if pipeline.prompts:
            pipeline.prompts = list(dict.fromkeys([*captions, *pipeline.prompts]))

    def _known_captions(self, count: int) -> list[str]:
        """Captions that the model knew before this run."""
        captions, known, seed = self.runner.captions, self.known, self.plan.seed
        return replay.sample_captions(count, captions, known.words, known.labels, seed)

    def _measure_reconstruction(self, pixels: np.ndarray) -> float:
        """Write reconstructions.png of the images, which come first in `pixels`; -> their mean PSNR in dB."""
        quality = ReconstructionQuality(self.pipeline.model, pixels[: len(self.runner.data.items)])
        images.write_png(quality.grid(), self.runner.folder / "reconstructions.png")
        return quality.psnr

    def _check_base(self) -> None:
        """Raise ValueError if the checkpoint is another than when the run began."""
        if self.metrics["base"] != self.pipeline.model.digest:
            raise ValueError(
                f"{self.plan.base} holds checkpoint {self.pipeline.model.digest}, but the run began from "
                f"{self.metrics['base']}; put that back, or start a new run"
            )

    def _record_metrics(self, **metrics: Any) -> None:
        """Add to figures.json."""
        self.metrics |= metrics
        write_text_atomically(self.metrics_path, json.dumps(self.metrics, indent=1) + "\n")
