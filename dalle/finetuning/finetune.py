"""Fine-tuning: a checkpoint learns a person's pictures and captions, and keeps what it knew.

    run/plan.json, run/data/  --train-->  run/checkpoint-STEP/; figures, sheets and states on the way

1. The model draws what it knows (prior.py); that and many views of the pictures are encoded (lesson.py).
2. Where it reconstructs the pictures poorly, the Generator adapts; the FeatureExtractor stays as it is.
3. Normalizer and TextEncoder learn the pictures, and are held to what they were under known captions.

All that is random comes from the plan's seed, and each part is kept once it is complete: a run that was
killed goes on to the same checkpoint as if it never was.
"""

import copy
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from dalle import images, runtime
from dalle.data.folder.image_folder import Folder
from dalle.files import read_texts, write_text
from dalle.finetuning import replay, save
from dalle.finetuning.encoded_dataset import EncodedDataset, encode, many_views, store
from dalle.finetuning.finetune_tasks import DistillationTask, GeneratorFinetuneTask, Reconstruction, sheet
from dalle.finetuning.plan import POOR, Plan, ProgressCallback, check, flow_settings, generator_settings
from dalle.networks.solver import Cancelled
from dalle.pipeline.dalle import DALLE
from dalle.training.trainer import Trainer, TrainingSettings

KEPT = 4096  # captions under which the model is held to what it was


def train(run: Path, watch: ProgressCallback) -> bool:
    """Carry out the plan of a run's folder, or go on with it; -> whether to its end.

    `watch` hears of every step, in a state of "preparing", "training" or "saving", and may return True to
    stop after it. Even so there is a checkpoint, once the flow has begun to learn; it appears only when it
    was read again and drew pictures. Raises ValueError where plan, pictures or checkpoint cannot be used,
    TrainingError where training fails.
    """
    return _Run(run, watch).train()


class _Run:
    def __init__(self, folder: Path, watch: ProgressCallback):
        self.folder, self.watch = folder, watch
        self.plan, self.data = Plan.load(folder), Folder.open(folder / "data")
        check(self.data)
        watch("preparing", 0, 0, None)
        self.model = DALLE.from_pretrained(self.plan.base).to(runtime.device())
        self.labels = self.model.glossary.labels  # before
        if self.labels:
            self.model.learn([item.caption for item in self.data.items])
        self.figures: dict[str, Any] = {}  # figures.json

    def train(self) -> bool:
        try:
            self._prepare()
        except Cancelled:
            return False
        stores = EncodedDataset(self.folder / "prior"), EncodedDataset(self.folder / "own")
        before = self.plan.generator_steps if self.figures["adapted"] else 0
        if before and not self._adapt(*stores):
            return False
        learnt = [item.caption for item in self.data.items]
        task = DistillationTask(self.model, *stores, learnt, self._known(KEPT))
        trainer = self._trainer("flow", task, flow_settings(self.plan), before)
        trainer.run()
        self.watch("saving", before + trainer.step, before + self.plan.steps, None)
        with trainer.averaged():
            save.save(
                self.model,
                self.folder / f"checkpoint-{trainer.step:06d}",
                base=Path(self.plan.base),
                data=self.data,
                draw=lambda again: sheet(again.draw(task.recipes())),
                settings=dataclasses.asdict(self.plan) | {"steps": trainer.step},
                figures=self.figures,
            )
        return trainer.step == self.plan.steps

    def _trainer(self, name: str, task: nn.Module, settings: TrainingSettings, before: int) -> Trainer:
        """A trainer whose steps are reported as those of the whole run; some came before."""
        total = self.plan.steps + self.plan.generator_steps * self.figures["adapted"]

        def on_step(step: int, figures: dict[str, float]) -> bool:
            return self.watch("training", before + step, total, figures["loss"])

        return Trainer(task, settings, self.folder / name, on_step)

    def _prepare(self) -> None:
        """Make both stores and see how well the pictures come back, unless that was done."""
        path = self.folder / "figures.json"
        if path.is_file():
            self.figures = json.loads(path.read_text(encoding="utf-8"))
            if self.figures["base"] != self.model.digest:
                raise ValueError(
                    f"{self.plan.base} holds checkpoint {self.model.digest}, but the run began from "
                    f"{self.figures['base']}; put that back, or start a new run"
                )
            return
        plan, size = self.plan, self.model.config.image_size
        pixels, captions = many_views(self.data, size, plan.how, plan.flips, plan.seed)
        psnr = self._reconstruct(pixels)
        store(self.folder / "own", encode(self.model, pixels), captions, pixels)
        store(self.folder / "prior", *self._draw(self._known(plan.prior)))
        self._note(base=self.model.digest, psnr=psnr, adapted=psnr < POOR and plan.generator_steps > 0)

    def _known(self, count: int) -> list[str]:
        """Captions that the model knows."""
        new = [item.caption for item in self.data.items]
        words = read_texts(Path(self.plan.base) / "words.json")
        return replay.captions(count, new, words, self.labels, self.plan.seed)

    def _draw(self, captions: list[str]) -> tuple[np.ndarray, list[str], np.ndarray]:
        def on_batch(done: int, count: int) -> None:
            if self.watch("preparing", done, count, None):
                raise Cancelled

        features, pixels = replay.draw(self.model, captions, self.plan.seed, on_batch)
        return features, captions, pixels

    def _reconstruct(self, pixels: np.ndarray) -> float:
        """Leave a sheet of the pictures and their reconstructions; -> their mean PSNR in dB."""
        seen = Reconstruction(self.model, pixels[: len(self.data.items)])
        images.save(seen.sheet(), self.folder / "reconstructions.png")
        return seen.psnr

    def _adapt(self, *stores: EncodedDataset) -> bool:
        """Train the Generator; -> whether to the end."""
        task = GeneratorFinetuneTask(self.model, *stores)
        trainer = self._trainer("generator", task, generator_settings(self.plan), 0)
        trainer.run()
        if trainer.step < self.plan.generator_steps:
            return False
        with trainer.averaged():
            averaged = copy.deepcopy(self.model.generator.state_dict())
        self.model.generator.load_state_dict(averaged)
        self.model.requires_grad_(False)
        self._note(psnr_adapted=self._reconstruct(stores[1].pixels))
        return True

    def _note(self, **figures: Any) -> None:
        self.figures |= figures
        write_text(self.folder / "figures.json", json.dumps(self.figures, indent=1) + "\n")


def tidy(run: Path) -> None:
    """Delete what a run needs only to go on, once it is done: most of its size."""
    for name in ("own", "prior", "begun"):
        shutil.rmtree(run / name, ignore_errors=True)
    for name in ("autoencoder", "generator", "flow"):
        (run / name / "state.safetensors").unlink(missing_ok=True)
