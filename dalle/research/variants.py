"""Variants of training a small flow, each with one thing changed, and as many steps as cost the same."""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from dalle.config import FlowConfig
from dalle.pipeline.dalle import DALLE
from dalle.research import benchmark
from dalle.research.toy_dataset import ConceptVectors, OneStepTask, ToyDataset, ToyFlowTask
from dalle.training.pretrain import PHASE_DEFAULTS
from dalle.training.trainer import TrainingSettings

FLOW = FlowConfig(width=256, depth=6, heads=4)  # of the base
STEPS, BATCH = 400, 128  # of the base; what costs more a step takes fewer of them
WARMUP = 1 / 6  # of the steps
SEED = 0


@dataclass(frozen=True)
class Variant:
    """What differs from the base."""

    heads: int = 4  # as wide each as the base's
    fold: int | None = None  # None: the checkpoint's
    text: Literal["held", "along", "vectors"] = "held"
    at_once: bool = False  # no flow
    settings: dict[str, float] = field(default_factory=dict)


VARIANTS = {
    "base": Variant(),
    "tokens-64": Variant(fold=1),
    "adamw": Variant(settings={"muon": 0.0, "learning_rate": 1e-3}),
    "adamw-2x": Variant(settings={"muon": 0.0, "learning_rate": 2e-3}),
    "concept-vectors": Variant(text="vectors"),
    "text-along": Variant(text="along"),
    "wider": Variant(heads=6),
    "narrower": Variant(heads=3),
    "no-flow": Variant(at_once=True),
}


def make_student(model: DALLE, world: ToyDataset, variant: Variant) -> tuple[DALLE, ToyFlowTask]:
    """The checkpoint with a small flow that knows nothing, and what it is to learn."""
    own = model.config
    fold, width = variant.fold or own.autoencoder.fold, FLOW.width // FLOW.heads * variant.heads
    config = replace(
        own,
        autoencoder=replace(own.autoencoder, fold=fold),
        flow=replace(FLOW, width=width, heads=variant.heads),
    )
    torch.manual_seed(SEED)
    new = DALLE(config, model.tokenizer, model.digest).requires_grad_(False)
    for name in ("extractor", "generator", "text", "tower"):
        getattr(new, name).load_state_dict(getattr(model, name).state_dict())
    if variant.text == "vectors":
        new.tokenizer, new.text = world.numbers, ConceptVectors(len(world.names), config.text)
    task = OneStepTask if variant.at_once else ToyFlowTask
    return new, task(new, world.folded(fold), along=variant.text != "held")


def operations(task: ToyFlowTask) -> int:
    """Of one step."""
    found = benchmark.operations(task, task.collate([task.dataset[i] for i in range(BATCH)]))
    task.zero_grad(set_to_none=True)
    return found


def settings_of(variant: Variant, own: int, base: int) -> TrainingSettings:
    """As many steps as cost what the base's cost, given the operations of one step of both.

    Concept vectors, which have no text encoder to pay for, take as many as the base.
    """
    steps = STEPS if variant.text == "vectors" else max(1, round(STEPS * base / own))
    chosen = {"batch": BATCH, "warmup": round(WARMUP * steps), "seed": SEED}
    return TrainingSettings(steps, **(PHASE_DEFAULTS["flow"] | chosen | variant.settings))
