"""plan.json of a run, presets, training settings."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dalle import runtime
from dalle.data.folder.augmentation import ResizeMode
from dalle.data.folder.image_folder import Folder
from dalle.errors import InputError
from dalle.files import write_text
from dalle.training.trainer import TrainingSettings

POOR = 25.0  # dB: where pictures come back worse than this, the Generator adapts to them

SHEETS = 6  # sample sheets a run

SAVE_EVERY = 100  # steps: the most that a power cut costs

GENERATOR_BATCH = 16

BATCH = 16

ProgressCallback = Callable[
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
    how: ResizeMode = "crop"  # to make squares of pictures without transparency
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


def make_plan(base: Path, preset: str = "quick", **chosen: Any) -> Plan:
    """The plan of a preset; `chosen` are fields of Plan to set otherwise."""
    if preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    precision = "bf16" if runtime.fast_bfloat16() else "fp32"
    fields = dataclasses.asdict(PRESETS[preset]) | {"preset": preset, "precision": precision} | chosen
    return Plan(base=str(Path(base).resolve()), **fields)


def check(data: Folder) -> None:
    """Raise ValueError where a folder cannot be learnt from as it is."""
    if not data.items:
        raise InputError("no_pictures")
    if missing := data.uncaptioned:
        raise InputError("uncaptioned", count=len(missing), first=missing[0])


def generator_settings(plan: Plan) -> TrainingSettings:
    """How the Generator adapts."""
    return TrainingSettings(
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


def flow_settings(plan: Plan) -> TrainingSettings:
    """How flow and text encoder learn. AdamW alone: at this batch Muon would take most of a step."""
    return TrainingSettings(
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
