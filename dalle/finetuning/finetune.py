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
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dalle import images, runtime
from dalle.data.folder.augmentation import How
from dalle.data.folder.image_folder import Folder
from dalle.errors import Refused
from dalle.files import read_texts, write_text
from dalle.finetuning import replay, save
from dalle.finetuning.finetune_tasks import (
    SHOWN,
    KeepingFlowTask,
    OwnGeneratorTask,
    Reconstruction,
    Store,
    encode,
    many_views,
    sheet,
    store,
)
from dalle.networks.solver import Cancelled
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.training.trainer import Settings, Trainer

POOR = 25.0  # dB: where pictures come back worse than this, the Generator adapts to them
SHEETS = 6  # sample sheets a run
SAVE_EVERY = 100  # steps: the most that a power cut costs
GENERATOR_BATCH = 16
BATCH = 16
KEPT = 4096  # captions under which the model is held to what it was

Watch = Callable[
    [str, int, int, float | None], bool
]  # state, steps done, of how many, loss -> whether to stop


@dataclass(frozen=True)
class Preset:
    """How long to train."""

    steps: int  # of the flow and the text encoder
    generator_steps: int  # where the Generator adapts
    prior: int  # pictures of what the model knows


PRESETS = {
    "quick": Preset(steps=300, generator_steps=60, prior=128),
    "good": Preset(steps=900, generator_steps=150, prior=256),
    "thorough": Preset(steps=2700, generator_steps=400, prior=512),
}


@dataclass(frozen=True)
class Plan:
    """What a run is to do: plan.json of its folder."""

    base: str  # folder of the checkpoint to start from; empty: a whole new model, from nothing (anew.py)
    preset: str
    steps: int
    generator_steps: int
    prior: int
    how: How = "crop"  # to make squares of pictures without transparency
    flips: bool = False  # whether mirrored pictures are as good
    seed: int = 0
    precision: str = "fp32"  # fixed once: a run that goes on computes as it began
    size: str = ""  # of a new model: a name of config.PRESETS

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("generator_steps", 0), ("prior", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or not least <= value < 2**31:
                raise ValueError(f"{name} must be a whole number from {least}; got {value!r}")
        if self.how not in ("crop", "pad"):
            raise ValueError(f"pictures are made square by 'crop' or 'pad'; got {self.how!r}")

    def save(self, run: Path) -> None:
        write_text(run / "plan.json", json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, run: Path) -> "Plan":
        try:
            return cls(**json.loads((run / "plan.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{run} holds no plan for a training run ({error}); start a new run") from error


def plan(base: Path, preset: str = "quick", **chosen: Any) -> Plan:
    """The plan of a preset; `chosen` are fields of Plan to set otherwise."""
    if preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    precision = "bf16" if runtime.fast_bfloat16() else "fp32"
    fields = dataclasses.asdict(PRESETS[preset]) | {"preset": preset, "precision": precision} | chosen
    return Plan(base=str(Path(base).resolve()), **fields)


# --- training


def train(run: Path, watch: Watch) -> bool:
    """Carry out the plan of a run's folder, or go on with it; -> whether to its end.

    `watch` hears of every step, in a state of "preparing", "training" or "saving", and may return True to
    stop after it. Even so there is a checkpoint, once the flow has begun to learn; it appears only when it
    was read again and drew pictures. Raises ValueError where plan, pictures or checkpoint cannot be used,
    TrainingError where training fails.
    """
    return _Run(run, watch).train()


class _Run:
    def __init__(self, folder: Path, watch: Watch):
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
        stores = Store(self.folder / "prior"), Store(self.folder / "own")
        before = self.plan.generator_steps if self.figures["adapted"] else 0
        if before and not self._adapt(*stores):
            return False
        learnt = [item.caption for item in self.data.items]
        task = KeepingFlowTask(self.model, *stores, learnt, self._known(KEPT))
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

    def _trainer(self, name: str, task: nn.Module, settings: Settings, before: int) -> Trainer:
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

    def _adapt(self, *stores: Store) -> bool:
        """Train the Generator; -> whether to the end."""
        task = OwnGeneratorTask(self.model, *stores)
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


def check(data: Folder) -> None:
    """Raise ValueError where a folder cannot be learnt from as it is."""
    if not data.items:
        raise Refused("no_pictures")
    if missing := data.uncaptioned:
        raise Refused("uncaptioned", count=len(missing), first=missing[0])


def generator_settings(plan: Plan) -> Settings:
    """How the Generator adapts."""
    return Settings(
        plan.generator_steps,
        GENERATOR_BATCH,
        learning_rate=3e-4,
        muon=1e-3,
        warmup=10,
        decay=0.5,
        average=0.98,
        seed=plan.seed,
        save_every=SAVE_EVERY,
        sheet_every=plan.generator_steps,
        workers=0,
        precision=plan.precision,
    )


def flow_settings(plan: Plan) -> Settings:
    """How flow and text encoder learn. AdamW alone: at this batch Muon would take most of a step."""
    return Settings(
        plan.steps,
        BATCH,
        learning_rate=1e-4,
        muon=0,
        warmup=20,
        decay=0.5,
        average=0.99,
        seed=plan.seed,
        save_every=SAVE_EVERY,
        sheet_every=max(1, plan.steps // SHEETS),
        workers=0,
        precision=plan.precision,
    )


# --- how long it will take


@dataclass(frozen=True)
class Pace:
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


def pace_apart(base: Path) -> Pace:
    """The pace of a checkpoint in a process of its own, as a run is one.

    Within the page's, whose threads share the cores with the studio's, a step takes twice as long.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_pace_of, base).result()


def _pace_of(base: Path) -> Pace:
    return pace(DALLE.from_pretrained(base))


def pace(model: DALLE) -> Pace:
    """Measure by two steps of each kind, taken on a copy of the model."""
    chosen = plan(Path())
    twin = copy.deepcopy(model).float()
    size, count = model.config.image_size, 2 * BATCH
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng():
        home = Path(folder)
        store(home / "store", encode(twin, pixels), ["a red apple"] * count, pixels)
        both = Store(home / "store"), Store(home / "store")
        step = _step_seconds(
            KeepingFlowTask(twin, *both, ["a red apple"], ["a dog"]), flow_settings(chosen), home
        )
        task = OwnGeneratorTask(twin, *both)
        return Pace(step, _step_seconds(task, generator_settings(chosen), home))


def _step_seconds(task: nn.Module, settings: Settings, folder: Path) -> float:
    """The second of two steps: the first one warms up."""
    trainer = Trainer(task, settings, folder)
    batch = task.collate([task.dataset[i] for i in range(settings.batch)])
    trainer.take_step(task, batch)
    start = time.perf_counter()
    trainer.take_step(task, batch)
    return time.perf_counter() - start
