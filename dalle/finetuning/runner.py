"""Runs a plan in its folder, stage by stage: what fine-tuning and training from scratch have in common.

    run/plan.json, run/data/  --stages-->  run/checkpoint-STEP/; metrics, sample grids, states on the way

Each stage keeps its result in the folder once it is complete, and its training state until then. All random
numbers come from the seed of the plan. So a run that was killed ends with the same checkpoint as one that was
never stopped.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dalle.data.folder.image_folder import ImageFolder
from dalle.finetuning import save
from dalle.finetuning.encoded_dataset import augment_images
from dalle.finetuning.finetune_tasks import FlowFinetuneTask, make_sample_grid
from dalle.finetuning.plan import Plan, check_trainable
from dalle.networks.solver import Cancelled
from dalle.pipeline.dalle import DALLE
from dalle.training.task import Task, TrainingSettings
from dalle.training.trainer import Trainer

# (state, steps done, steps in all, loss) -> whether to stop after this step.
# The states are "preparing" (where the steps are samples drawn), "training" and "saving".
ProgressCallback = Callable[[str, int, int, float | None], bool]

# Does or continues one part of a run; -> whether it is complete, False if it was stopped.
Stage = Callable[[], bool]


class Runner:
    """The plan and the images of a run's folder, and the progress over all stages.

    Raises ValueError if plan or images cannot be used.
    """

    def __init__(self, folder: Path, on_progress: ProgressCallback):
        self.folder, self.on_progress = folder, on_progress
        self.plan, self.data = Plan.load(folder), ImageFolder.open(folder / "data")
        check_trainable(self.data)
        on_progress("preparing", 0, 0, None)
        self.steps_before_flow = self.plan.generator_steps  # 0 once it is known that there are none

    def run(self, stages: Sequence[Stage]) -> bool:
        """Run the stages in order until one is stopped; -> whether all are complete."""
        try:
            return all(stage() for stage in stages)
        except Cancelled:
            return False

    @property
    def total_steps(self) -> int:
        return self.steps_before_flow + self.plan.steps

    @property
    def captions(self) -> list[str]:
        """The captions of the user's images, each once."""
        return list(dict.fromkeys(item.caption for item in self.data.items))

    def augmented_images(self, size: int) -> tuple[np.ndarray, list[str]]:
        """The user's images, augmented by the plan: pixels (M, S, S, 3) uint8 and captions (M)."""
        plan = self.plan
        return augment_images(self.data, size, plan.resize_mode, plan.horizontal_flip, plan.seed)

    def report_preparing(self, done: int, count: int) -> None:
        """Report that samples were drawn; raises Cancelled if the run is to stop."""
        if self.on_progress("preparing", done, count, None):
            raise Cancelled

    def train(self, name: str, task: Task, settings: TrainingSettings, steps_before: int = 0) -> Trainer:
        """Train `task` in the sub-folder `name`, from its saved state if there is one, until done or stopped.

        Steps are reported as those of the whole run, of which earlier stages took `steps_before`.
        """

        def on_step(step: int, metrics: dict[str, float]) -> bool:
            return self.on_progress("training", steps_before + step, self.total_steps, metrics["loss"])

        trainer = Trainer(task, settings, self.folder / name, on_step)
        trainer.run()
        return trainer

    def train_flow(
        self,
        pipeline: DALLE,
        task: FlowFinetuneTask,
        settings: TrainingSettings,
        metrics: dict[str, Any],
    ) -> bool:
        """The last stage: train the flow, and save a checkpoint even if it was stopped.

        `metrics` are those of the model card.
        """
        trainer = self.train("flow", task, settings, self.steps_before_flow)
        self.on_progress("saving", self.steps_before_flow + trainer.step, self.total_steps, None)
        with trainer.ema_weights():
            save.save(
                pipeline,
                self.folder / f"checkpoint-{trainer.step:06d}",
                data=self.data,
                draw_grid=lambda saved: make_sample_grid(saved.draw(task.recipes())),
                settings=self.plan.to_dict() | {"steps": trainer.step},
                metrics=metrics,
            )
        return trainer.step == self.plan.steps


def remove_intermediate(run: Path) -> None:
    """Delete what only a resumed run needs, after the run is done: most of its size."""
    for name in ("own", "prior", "begun"):
        shutil.rmtree(run / name, ignore_errors=True)
    for name in ("autoencoder", "generator", "flow"):
        (run / name / "state.safetensors").unlink(missing_ok=True)
