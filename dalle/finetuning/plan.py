"""The plan of a training run: plan.json in its folder, the presets, and the training settings."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dalle import runtime
from dalle.data.folder.augmentation import ResizeMode
from dalle.data.folder.image_folder import ImageFolder
from dalle.errors import InputError
from dalle.files import write_text_atomically
from dalle.training.task import TrainingSettings

MIN_RECONSTRUCTION_PSNR = 25.0  # dB; where images are reconstructed worse than this, the Generator adapts
GRIDS_PER_RUN = 6  # sample grids written while the flow trains
SAVE_EVERY = 100  # steps: the most that a power cut costs
GENERATOR_BATCH = 16
FLOW_BATCH = 16

# Fields of Plan whose key in plan.json differs from their name: runs made earlier have these keys.
JSON_KEYS = {"replay_samples": "prior", "resize_mode": "how", "horizontal_flip": "flips"}


@dataclass(frozen=True)
class Preset:
    """How long to train."""

    steps: int  # of the flow and the text encoder
    generator_steps: int  # of the Generator, where it adapts to the images
    replay_samples: int  # images drawn by the model itself


FINETUNE_PRESETS = {
    "quick": Preset(steps=300, generator_steps=60, replay_samples=128),
    "good": Preset(steps=900, generator_steps=150, replay_samples=256),
    "thorough": Preset(steps=2700, generator_steps=400, replay_samples=512),
}


@dataclass(frozen=True)
class Plan:
    """What a run is to do. Raises ValueError for a value out of range."""

    base: str  # folder of the checkpoint to fine-tune; empty: train a new model from scratch (scratch.py)
    preset: str
    steps: int
    generator_steps: int
    replay_samples: int
    resize_mode: ResizeMode = "crop"  # how images without transparency are made square
    horizontal_flip: bool = False  # whether to augment by mirroring
    seed: int = 0
    precision: str = "fp32"  # fixed in the plan, so that a resumed run computes as it began
    size: str = ""  # of a new model: a name of config.PRESETS

    def __post_init__(self) -> None:
        for name, minimum in (("steps", 1), ("generator_steps", 0), ("replay_samples", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or not minimum <= value < 2**31:
                key = JSON_KEYS.get(name, name)
                raise ValueError(f"{key} must be a whole number from {minimum}; got {value!r}")
        if self.resize_mode not in ("crop", "pad"):
            raise ValueError(f"pictures are made square by 'crop' or 'pad'; got {self.resize_mode!r}")

    def to_dict(self) -> dict[str, Any]:
        """The values under the keys of plan.json."""
        return {JSON_KEYS.get(name, name): value for name, value in dataclasses.asdict(self).items()}

    def save(self, run: Path) -> None:
        """Write plan.json into the folder of a run."""
        write_text_atomically(run / "plan.json", json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, run: Path) -> "Plan":
        """Read plan.json of a run; raises ValueError if it is missing or invalid."""
        names = {key: name for name, key in JSON_KEYS.items()}
        try:
            values: dict[str, Any] = dict(json.loads((run / "plan.json").read_text(encoding="utf-8")))
            return cls(**{names.get(key, key): value for key, value in values.items()})
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{run} holds no plan for a training run ({error}); start a new run") from error


def make_plan(base: Path, preset: str = "quick", **overrides: Any) -> Plan:
    """The plan of a preset of FINETUNE_PRESETS; `overrides` are fields of Plan."""
    if preset not in FINETUNE_PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(FINETUNE_PRESETS)}")
    precision = "bf16" if runtime.bfloat16_is_faster() else "fp32"
    fields: dict[str, Any] = {"preset": preset, "precision": precision} | overrides
    return Plan(base=str(Path(base).resolve()), **(dataclasses.asdict(FINETUNE_PRESETS[preset]) | fields))


def check_trainable(data: ImageFolder) -> None:
    """Raise InputError if a folder has no images, or images without a caption."""
    if not data.items:
        raise InputError("no_pictures")
    if missing := data.uncaptioned:
        raise InputError("uncaptioned", count=len(missing), first=missing[0])


def generator_settings(plan: Plan) -> TrainingSettings:
    """Training settings of the Generator while it adapts to the images."""
    return TrainingSettings(
        plan.generator_steps,
        GENERATOR_BATCH,
        learning_rate=3e-4,
        muon_learning_rate=1e-3,
        warmup=10,
        decay_fraction=0.5,
        ema_decay=0.98,
        seed=plan.seed,
        save_every=SAVE_EVERY,
        grid_every=plan.generator_steps,
        workers=0,
        precision=plan.precision,
    )


def flow_settings(plan: Plan) -> TrainingSettings:
    """Training settings of flow and text encoder. AdamW alone: at this batch size Muon would take most of
    the time of a step."""
    return TrainingSettings(
        plan.steps,
        FLOW_BATCH,
        learning_rate=1e-4,
        muon_learning_rate=0,
        warmup=20,
        decay_fraction=0.5,
        ema_decay=0.99,
        seed=plan.seed,
        save_every=SAVE_EVERY,
        grid_every=max(1, plan.steps // GRIDS_PER_RUN),
        workers=0,
        precision=plan.precision,
    )
