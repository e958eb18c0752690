"""From nothing: a whole new model learns a person's pictures and captions, and knows nothing else.

    run/plan.json, run/data/  --train-->  run/checkpoint-STEP/

1. FeatureExtractor and Generator learn many views of the pictures; the model is then kept in run/begun/.
2. Normalizer and TextEncoder learn the views' features under their captions.

It takes hundreds of pictures and hours; a few are better taught to a checkpoint (finetune.py). As there, a
run that was killed goes on to the same checkpoint. The ImageTower learns nothing: it needs more than this.
"""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from dalle import runtime
from dalle.config import PRESETS as SIZES
from dalle.data.folder.image_folder import Folder
from dalle.finetuning import plan, save
from dalle.finetuning.encoded_dataset import EncodedDataset, encode, many_views, store
from dalle.finetuning.finetune_tasks import FlowFinetuneTask, Reconstruction, sheet
from dalle.finetuning.plan import SAVE_EVERY, SHEETS, Plan, Preset, ProgressCallback
from dalle.networks.text_encoder import Tokenizer
from dalle.pipeline.dalle import DALLE
from dalle.training.pretrain import PHASE_DEFAULTS
from dalle.training.tasks import AutoencoderTask
from dalle.training.trainer import Trainer, TrainingSettings

PRESETS = {  # generator_steps: of the whole autoencoder
    "quick": Preset(steps=2_000, generator_steps=500, prior=1),
    "good": Preset(steps=10_000, generator_steps=1_500, prior=1),
    "thorough": Preset(steps=40_000, generator_steps=4_000, prior=1),
}
BATCH = 64  # of the flow


def make_scratch_plan(size: str, preset: str = "quick", **chosen: object) -> Plan:
    """The plan of a preset, for a model of a size of config.PRESETS."""
    if size not in SIZES:
        raise ValueError(f"no size {size!r}; there are {', '.join(SIZES)}")
    if preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    steps = dataclasses.asdict(PRESETS[preset])
    return dataclasses.replace(plan.make_plan(Path(), **(steps | chosen)), base="", preset=preset, size=size)


class Views:
    """Views of pictures (M, S, S, 3), in the place of a Composer: scene i is view i mod M."""

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels

    def scene(self, index: int) -> int:
        return index % len(self.pixels)

    def render(self, scene: int) -> np.ndarray:
        return self.pixels[scene]


def train(run: Path, watch: ProgressCallback) -> bool:
    """Carry out the plan of a run's folder, or go on with it; -> whether to its end. As finetune.train."""
    return _Run(run, watch).train()


class _Run:
    def __init__(self, folder: Path, watch: ProgressCallback):
        self.folder, self.watch = folder, watch
        self.plan, self.data = Plan.load(folder), Folder.open(folder / "data")
        plan.check(self.data)
        watch("preparing", 0, 0, None)
        size = SIZES[self.plan.size].image_size
        self.pixels, self.captions = many_views(
            self.data, size, self.plan.how, self.plan.flips, self.plan.seed
        )

    def train(self) -> bool:
        begun = self.folder / "begun"
        if not begun.is_dir() and not self._paint(begun):
            return False
        model = DALLE.from_pretrained(begun).to(runtime.device())
        seen = Reconstruction(model, self.pixels[: len(self.data.items)])
        own = self.folder / "own"
        store(own, encode(model, self.pixels), self.captions, self.pixels)
        task = FlowFinetuneTask(
            model, EncodedDataset(own), EncodedDataset(own), learnt=[item.caption for item in self.data.items]
        )
        trainer = self._trainer("flow", task, self.plan.generator_steps)
        trainer.run()
        self.watch("saving", self.plan.generator_steps + trainer.step, self._steps, None)
        with trainer.averaged():
            save.save(
                model,
                self.folder / f"checkpoint-{trainer.step:06d}",
                base=None,
                data=self.data,
                draw=lambda again: sheet(again.draw(task.recipes())),
                settings=dataclasses.asdict(self.plan) | {"steps": trainer.step},
                figures={"psnr": seen.psnr},
            )
        return trainer.step == self.plan.steps

    def _paint(self, begun: Path) -> bool:
        """Train the autoencoder of a new model, and keep it in `begun`; -> whether to the end."""
        config = SIZES[self.plan.size]
        tokenizer = Tokenizer.train(self.captions, config.text.vocabulary, config.text.length)
        torch.manual_seed(self.plan.seed)
        model = DALLE(config, tokenizer).to(runtime.device())
        task = AutoencoderTask(model, Views(self.pixels), anywhere=False)
        trainer = self._trainer("autoencoder", task, 0)
        trainer.run()
        if trainer.step < self.plan.generator_steps:
            return False
        with trainer.averaged():
            task.standardise()
            model.save_pretrained(begun)
        return True

    @property
    def _steps(self) -> int:
        return self.plan.generator_steps + self.plan.steps

    def _trainer(self, phase: str, task: torch.nn.Module, before: int) -> Trainer:
        """A trainer whose steps are reported as those of the whole run; some came before."""
        steps = self.plan.steps if phase == "flow" else self.plan.generator_steps

        def on_step(step: int, figures: dict[str, float]) -> bool:
            return self.watch("training", before + step, self._steps, figures["loss"])

        chosen = PHASE_DEFAULTS[phase] | ({"batch": BATCH} if phase == "flow" else {})
        settings = TrainingSettings(
            steps,
            **chosen | {"workers": 0},
            warmup=min(100, steps // 4),
            seed=self.plan.seed,
            save_every=SAVE_EVERY,
            sheet_every=max(1, steps // SHEETS),
            precision=self.plan.precision,
        )
        return Trainer(task, settings, self.folder / phase, on_step)
