"""What a Trainer takes: a task, and the hyperparameters of its run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from dalle.networks.layers import ResidualBlock, TransformerBlock
from dalle.networks.velocity import VelocityBlock


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters of a run. The schedule is a trapezoid: learning rates rise over `warmup` steps, stay
    constant, and fall linearly to zero over the last `decay_fraction` of all steps, or of all minutes.
    """

    steps: int
    batch: int  # samples a step, over all processes
    minutes: float = 0.0  # of training, where it ends by the clock before `steps`; 0: by steps alone
    learning_rate: float = 1e-3  # of AdamW
    muon_learning_rate: float = 2e-3  # of Muon, for weight matrices; 0: AdamW for all parameters
    warmup: int = 100
    decay_fraction: float = 0.3
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    ema_decay: float = 0.999  # per step
    seed: int = 0
    log_every: int = 1  # steps; each log waits for the device
    save_every: int = 200  # steps
    grid_every: int = 500  # steps between sample grids
    workers: int = 1  # data loader processes; with an accelerator all other cores are used instead
    precision: str = "auto"  # fp32, bf16 (autocast), or auto: the faster one, measured
    compile: bool = False  # torch.compile of each block: needs a C++ compiler; pays off in long runs

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "log_every", "save_every", "grid_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision is auto, fp32 or bf16; got {self.precision!r}")


class Task(nn.Module):
    """What is trained, on which data, with which loss. Parameters that require gradients are trained."""

    dataset: Dataset
    load_factor: int = 1  # items are loaded for so many batches at once
    batches_per_load: int = 1  # training batches that `expand` makes of them

    def collate(self, items: list[Any]) -> Any:
        """Items of the dataset -> batch of tensors."""
        raise NotImplementedError

    def expand(self, loaded: Any) -> Iterator[Any]:
        """Loaded items, on the device -> `batches_per_load` batches to train on."""
        yield loaded

    def forward(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Batch -> scalar loss, scalar metrics by name."""
        raise NotImplementedError

    def sample_grid(self) -> Image.Image | None:
        """An image that shows what the networks do at present; None for tasks without one."""
        return None


@contextmanager
def compiled_blocks(task: nn.Module | None) -> Iterator[None]:
    """Context in which the blocks of `task` are compiled: a tenth of the time that the whole task takes."""
    kinds = (VelocityBlock, TransformerBlock, ResidualBlock)
    blocks = [module for module in task.modules() if isinstance(module, kinds)] if task else []
    for block in blocks:
        block.compile(dynamic=False)  # a few shapes, each compiled for itself
    try:
        yield
    finally:
        for block in blocks:
            block._compiled_call_impl = None
