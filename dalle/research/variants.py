"""Variants of a small flow and its training, each with one change, trained with equal FLOPs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch

from dalle.config import FlowConfig
from dalle.networks.model import DALLEModel
from dalle.pipeline.dalle import DALLE
from dalle.research import benchmark
from dalle.research.toy_dataset import ConceptEmbeddings, OneStepTask, ToyDataset, ToyFlowTask
from dalle.training.pretrain import PHASE_DEFAULTS
from dalle.training.task import TrainingSettings

BASE_FLOW = FlowConfig(width=256, depth=6, heads=4)
BASE_STEPS, TOY_BATCH = 400, 128  # a variant with more FLOPs a step takes fewer steps
WARMUP_FRACTION = 1 / 6  # of the steps
ABLATION_SEED = 0


@dataclass(frozen=True)
class FlowVariant:
    """What a variant changes; the defaults are the base."""

    heads: int = 4  # of BASE_FLOW's head width: more heads make a wider flow
    fold: int | None = None  # cells a side in a token; None: as in the checkpoint
    text: Literal["frozen", "joint", "embeddings"] = "frozen"  # text encoder, or ConceptEmbeddings instead
    one_step: bool = False  # OneStepTask instead of a flow
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of TrainingSettings


FLOW_VARIANTS = {
    "base": FlowVariant(),
    "tokens-64": FlowVariant(fold=1),
    "adamw": FlowVariant(settings={"muon_learning_rate": 0.0, "learning_rate": 1e-3}),
    "adamw-2x": FlowVariant(settings={"muon_learning_rate": 0.0, "learning_rate": 2e-3}),
    "concept-vectors": FlowVariant(text="embeddings"),
    "text-along": FlowVariant(text="joint"),
    "wider": FlowVariant(heads=6),
    "narrower": FlowVariant(heads=3),
    "no-flow": FlowVariant(one_step=True),
}


def make_student(teacher: DALLEModel, dataset: ToyDataset, variant: FlowVariant) -> tuple[DALLE, ToyFlowTask]:
    """The networks of a checkpoint with a new small flow, and the task that trains it on the data."""
    autoencoder = replace(teacher.config.autoencoder, fold=variant.fold or teacher.config.autoencoder.fold)
    width = BASE_FLOW.width // BASE_FLOW.heads * variant.heads
    flow = replace(BASE_FLOW, width=width, heads=variant.heads)
    config = replace(teacher.config, autoencoder=autoencoder, flow=flow)
    torch.manual_seed(ABLATION_SEED)
    model = DALLEModel(config, teacher.tokenizer, teacher.digest).requires_grad_(False)
    for name in ("extractor", "generator", "text", "tower"):
        getattr(model, name).load_state_dict(getattr(teacher, name).state_dict())
    if variant.text == "embeddings":  # both have the same interface as what they replace
        model.tokenizer = dataset.tokenize  # pyright: ignore[reportAttributeAccessIssue]
        model.text = ConceptEmbeddings(len(dataset.token_ids), config.text)  # pyright: ignore[reportAttributeAccessIssue]
    task = OneStepTask if variant.one_step else ToyFlowTask
    pipeline = DALLE(model)
    return pipeline, task(pipeline, dataset.refold(autoencoder.fold), joint=variant.text != "frozen")


def step_flops(task: ToyFlowTask) -> int:
    """FLOPs of one training step of TOY_BATCH samples, without the optimizer's."""
    flops = benchmark.count_flops(task, task.collate([task.dataset[i] for i in range(TOY_BATCH)]))
    task.zero_grad(set_to_none=True)
    return flops


def variant_settings(variant: FlowVariant, flops: int, base_flops: int) -> TrainingSettings:
    """Settings with as many steps as BASE_STEPS of the base cost, given the FLOPs of a step of both.

    With ConceptEmbeddings, BASE_STEPS too: it is an upper bound, and costs no text encoder.
    """
    steps = BASE_STEPS if variant.text == "embeddings" else max(1, round(BASE_STEPS * base_flops / flops))
    common = {"batch": TOY_BATCH, "warmup": round(WARMUP_FRACTION * steps), "seed": ABLATION_SEED}
    settings: dict[str, Any] = {**PHASE_DEFAULTS["flow"], **common, **variant.settings}
    return TrainingSettings(steps, **settings)
