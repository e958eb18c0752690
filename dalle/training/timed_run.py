"""The whole pre-training on scenes of sprites by the clock: every phase has a share of the minutes.

    start checkpoint --autoencoder--> --text--> --flow--> --generator--> checkpoint

A run's folder has one folder a phase, each with the Trainer's state and log, and its checkpoint once it is
done: a run that was stopped goes on where it was.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from dalle import runtime
from dalle.data.sprite_scenes.atlas import Atlas
from dalle.data.sprite_scenes.planner import Planner
from dalle.data.sprite_scenes.properties import SpriteProperties
from dalle.data.sprite_scenes.renderer import Renderer
from dalle.data.sprites.sprite_set import SpriteSet
from dalle.networks.model import DALLEModel
from dalle.pipeline import checkpoint
from dalle.pipeline.dalle import DALLE
from dalle.training.scene_tasks import (
    SceneAutoencoderTask,
    SceneFlowTask,
    SceneGeneratorTask,
    SceneTask,
    SceneTextTask,
)
from dalle.training.task import TrainingSettings
from dalle.training.told_numbers import with_told_numbers
from dalle.training.trainer import Trainer

NO_LIMIT = 10**9  # steps of a phase that ends by the clock


@dataclass(frozen=True)
class Phase:
    """One phase: its share of the minutes, its batch as a share of the flow's, and its hyperparameters."""

    share: float
    batch: float
    learning_rate: float
    muon_learning_rate: float
    ema_decay: float
    decay_fraction: float = 0.9  # each starts from trained weights: the rate falls from early on


PHASES = {
    "autoencoder": Phase(0.15, 1 / 4, 1.2e-3, 2e-3, 0.998),
    "text": Phase(0.10, 1, 1e-3, 2e-3, 0.99),
    "flow": Phase(0.68, 1, 1e-3, 2e-3, 0.999),
    "generator": Phase(0.07, 1 / 4, 3e-4, 1e-3, 0.998),
}


class World:
    """What scenes are made of: the properties that plans need, and the renderer on the device."""

    def __init__(self, sprites: SpriteSet, image_size: int):
        self.properties = SpriteProperties(sprites)
        self.renderer = Renderer(Atlas.from_set(sprites, runtime.device()), image_size)


def run(
    start: Path,
    sprites: Path,
    folder: Path,
    minutes: float,
    batch: int,
    phases: Collection[str] = tuple(PHASES),
    seed: int = 0,
    load_factor: int = 1,
    repeats: int = 1,
    **settings: Any,
) -> Path:
    """Train those of `phases` that are not done, in `minutes` in all -> the last checkpoint's folder.

    batch: of the flow; load_factor: batches rendered at once; repeats: how often the flow trains on each;
    settings: other fields of TrainingSettings, for all phases.
    """
    ends = time.monotonic() + 60 * minutes
    todo = [name for name in PHASES if name in phases and not (folder / name / "checkpoint").is_dir()]
    image_size = checkpoint.load_config(start).image_size
    world = World(SpriteSet.load(sprites), image_size) if todo else None
    last = start
    for number, (name, phase) in enumerate(PHASES.items()):
        if name in todo and world:
            share = phase.share / sum(PHASES[other].share for other in todo[todo.index(name) :])
            chosen = TrainingSettings(
                steps=NO_LIMIT,
                batch=max(1, int(phase.batch * batch)),
                minutes=max(0.01, (ends - time.monotonic()) / 60 * share),
                learning_rate=phase.learning_rate,
                muon_learning_rate=phase.muon_learning_rate,
                ema_decay=phase.ema_decay,
                decay_fraction=phase.decay_fraction,
                seed=seed + number,
                grid_every=NO_LIMIT,
                **settings,
            )
            _train_phase(name, last, world, chosen, load_factor, repeats, folder / name)
        if (folder / name / "checkpoint").is_dir():
            last = folder / name / "checkpoint"
    return last


def _train_phase(
    name: str,
    start: Path,
    world: World,
    settings: TrainingSettings,
    load_factor: int,
    repeats: int,
    folder: Path,
) -> None:
    pipeline = DALLE.from_pretrained(start)
    model = with_told_numbers(pipeline.model).to(runtime.device())
    scenes = (model, Planner(world.properties, settings.seed), world.renderer, load_factor)
    if name == "autoencoder":
        task: SceneTask = SceneAutoencoderTask(*scenes)
    elif name == "text":
        task = SceneTextTask(*scenes, pipeline.lexicon.words)
    elif name == "flow":
        task = SceneFlowTask(*scenes, repeats)
    else:
        task = SceneGeneratorTask(*scenes)
    trainer = Trainer(task, settings, folder)
    trainer.run()
    with trainer.ema_weights(), torch.no_grad():
        if isinstance(task, SceneAutoencoderTask):
            task.standardise()
        # Sliders, upscaler and card belong to the weights before: they are left out.
        kept = DALLE(model, lexicon=pipeline.lexicon)
        kept.save_pretrained(folder / "checkpoint")


def weights_so_far(folder: Path, start: Path) -> DALLEModel:
    """The networks of a run as far as they are trained: of the last phase begun, the averaged weights."""
    last = start
    for name in PHASES:
        if (folder / name / "checkpoint").is_dir():
            last = folder / name / "checkpoint"
            continue
        model = with_told_numbers(checkpoint.load_model(last))
        state = folder / name / "state.safetensors"
        if state.exists():
            _load_average(model, name, state)
        return model
    return checkpoint.load_model(last)


def _load_average(model: DALLEModel, phase: str, state: Path) -> None:
    """Copy a training state's averaged weights into the networks that the phase trains."""
    averages = {
        name.removeprefix("average."): tensor
        for name, tensor in safetensors.torch.load_file(state).items()
        if name.startswith("average.")
    }
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name, tensor in averages.items():
            if name in own:
                own[name].copy_(tensor)
