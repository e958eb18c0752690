"""Trainer: one loop for every phase of training, from nothing or on, on one process or many.

A task is an nn.Module whose forward takes a batch and returns (loss, parts to report). The trainer's state is
one file, written beside the old one and renamed: networks, their average, optimizers, step. Every random
number of a step comes from (seed, step, process), so a run that was killed goes on to the same numbers as if
it never was.
"""

import atexit
import dataclasses
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import safetensors
import safetensors.torch
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, send_to_device
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from dalle import images, runtime
from dalle.files import read_records, write_text
from dalle.training.muon import Muon


class TrainingError(RuntimeError):
    """Training cannot go on; the message says what happened and where the last good state lies."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. Learning rates rise over `warmup` steps and fall to zero over the last `decay` of all."""

    steps: int
    batch: int  # of all processes together
    learning_rate: float = 1e-3  # of AdamW
    muon: float = 2e-3  # learning rate of the matrices; 0: AdamW takes them as well
    warmup: int = 100
    decay: float = 0.3  # share of the steps
    weight_decay: float = 0.01
    clip: float = 1.0  # norm of the gradient
    average: float = 0.999  # decay of the exponential moving average a step
    seed: int = 0
    save_every: int = 200
    sheet_every: int = 500
    workers: int = 1  # processes that prepare batches; beside an accelerator, all other cores
    precision: str = "auto"  # auto: measured; fp32; bf16
    compile: bool = False  # by torch.compile: needs a C++ compiler; pays off on long runs

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "save_every", "sheet_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision is auto, fp32 or bf16; got {self.precision!r}")


class Task(Protocol):
    """What is trained and on what. Its parameters that require gradients are trained and averaged."""

    dataset: Dataset

    def collate(self, items: list[Any]) -> Any: ...

    def __call__(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]: ...

    def sheet(self) -> Any:
        """A PIL image of what the networks do now, or None."""


class Trainer:
    """Trains `task` in `folder`; resumes where the folder has a state."""

    def __init__(
        self,
        task: nn.Module,
        settings: TrainingSettings,
        folder: Path,
        on_step: Callable[[int, dict[str, float]], bool] | None = None,
    ):
        """`on_step(step, figures)` may return True to stop after that step, with the state saved."""
        precision = settings.precision
        if precision == "auto":
            precision = "bf16" if runtime.fast_bfloat16() else "fp32"
        # Unless told to use the CPU, accelerate takes each of several processes there for the only one.
        self.accelerator = Accelerator(
            mixed_precision="bf16" if precision == "bf16" else "no", cpu=runtime.device().type == "cpu"
        )
        world = self.accelerator.num_processes
        if world > 1:  # one that ends without having left its group may abort
            atexit.register(self.accelerator.end_training)
        if settings.batch % world:
            raise ValueError(f"a batch of {settings.batch} does not divide among {world} processes")
        self.task, self.settings, self.folder, self.on_step = task, settings, folder, on_step
        self.parameters = {n: p for n, p in task.named_parameters() if p.requires_grad}
        task.to(self.accelerator.device)
        self.average = {n: p.detach().clone() for n, p in self.parameters.items()}
        self.optimizers = self._optimizers()
        self.step = 0
        self.state_path = folder / "state.safetensors"
        if self.state_path.exists():
            self._load()

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        matrices, rest = [], []
        for name, parameter in self.parameters.items():
            is_matrix = parameter.dim() >= 2 and min(parameter.flatten(1).shape) >= 16
            inner = not any(word in name for word in ("tokens", "positions", "modulation"))
            (matrices if self.settings.muon and is_matrix and inner else rest).append(parameter)
        decay = self.settings.weight_decay
        optimizers: list[torch.optim.Optimizer] = []
        if rest:
            optimizers.append(
                torch.optim.AdamW(
                    rest, self.settings.learning_rate, (0.9, 0.98), weight_decay=decay, fused=True
                )
            )
        if matrices:
            optimizers.append(Muon(matrices, self.settings.muon, weight_decay=decay))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        return optimizers

    def rate(self, step: int) -> float:
        """The share of the full learning rate at a step: a trapezoid (arXiv:2405.18392)."""
        settings = self.settings
        up = min(1.0, (step + 1) / max(1, settings.warmup))
        down = min(1.0, (settings.steps - step) / max(1.0, settings.steps * settings.decay))
        return up * down

    def run(self) -> None:
        """Train to the last step. Raises TrainingError where a loss or a gradient is no finite number."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._forget_later_steps()
        forward = self.accelerator.prepare_model(self.task)
        if self.settings.compile:
            forward = torch.compile(forward)
        started, first = time.monotonic(), self.step
        with tqdm(
            total=self.settings.steps,
            initial=first,
            disable=not self.accelerator.is_local_main_process,
            desc=self.folder.name,
            mininterval=1,
        ) as bar:
            for batch in self._batches():
                figures = self.take_step(forward, batch)
                seconds = time.monotonic() - started
                left = seconds / (self.step - first) * (self.settings.steps - self.step)
                bar.update()
                bar.set_postfix(loss=f"{figures['loss']:.4f}", refresh=False)
                self._log(figures | {"seconds": seconds, "left": left})
                stop = self._agree(self.on_step is not None and self.on_step(self.step, figures))
                last = stop or self.step == self.settings.steps
                if last or self.step % self.settings.save_every == 0:
                    self.save()
                if last or self.step % self.settings.sheet_every == 0:
                    self._sheet()
                if stop:
                    break
        self.accelerator.wait_for_everyone()  # until the main process has written what it has to

    def _batches(self) -> Iterator[Any]:
        processes = self.accelerator.num_processes
        workers = runtime.num_workers(self.settings.workers, processes)
        return iter(
            DataLoader(
                self.task.dataset,
                batch_size=self.settings.batch // processes,
                sampler=self._indices(),
                collate_fn=self.task.collate,
                num_workers=workers,
                prefetch_factor=4 if workers else None,
            )
        )

    def _indices(self) -> Iterator[int]:
        """What this process reads of the dataset: sample i of step s is always s * batch + i."""
        batch, share = self.settings.batch, self.settings.batch // self.accelerator.num_processes
        for step in range(self.step, self.settings.steps):
            first = step * batch + self.accelerator.process_index * share
            yield from range(first, first + share)

    def take_step(self, forward: Callable, batch: Any) -> dict[str, float]:
        """One step on one batch; -> what to report of it."""
        rate = self.rate(self.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * rate
        torch.manual_seed(hash((self.settings.seed, self.step, self.accelerator.process_index)) % 2**63)
        with self.accelerator.autocast():
            loss, parts = forward(send_to_device(batch, self.accelerator.device))
        self.accelerator.backward(loss)
        total = float(self.accelerator.reduce(loss.detach(), "mean"))
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.settings.clip))
        if not (math.isfinite(total) and math.isfinite(norm)):
            raise TrainingError(
                f"the loss became {total} and its gradient's norm {norm} at step {self.step}. The last good "
                f"state is in {self.state_path}, if one was saved; go on from it with a lower learning rate"
            )
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        # Early on the average follows fast, so that a short run has one too.
        keep = min(self.settings.average, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(
            list(self.average.values()), [p.detach() for p in self.parameters.values()], 1 - keep
        )
        parts = {name: float(value) for name, value in parts.items()}
        return {"loss": total, "norm": norm, "rate": rate} | parts

    def _agree(self, stop: bool) -> bool:
        """The main process decides for all."""
        if self.accelerator.num_processes == 1:
            return stop
        return broadcast_object_list([stop])[0]

    def _log(self, figures: dict[str, float]) -> None:
        if self.accelerator.is_main_process:
            with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                rounded = {name: float(f"{value:.6g}") for name, value in figures.items()}
                file.write(json.dumps({"step": self.step} | rounded) + "\n")

    def _forget_later_steps(self) -> None:
        """Drop what was logged after the state was saved: those steps are taken again."""
        path = self.folder / "metrics.jsonl"
        if not (self.accelerator.is_main_process and path.exists()):
            return
        kept = [record for record in read_records(path) if record["step"] <= self.step]
        write_text(path, "".join(json.dumps(record) + "\n" for record in kept))

    def _sheet(self) -> None:
        if not self.accelerator.is_main_process:
            return
        with self.averaged(), torch.inference_mode():
            sheet = self.task.sheet()
        if sheet is not None:
            (self.folder / "sheets").mkdir(exist_ok=True)
            images.save(sheet, self.folder / "sheets" / f"{self.step:07d}.png")

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """A context in which the task's parameters are their moving average."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, parameter in self.parameters.items():
            held = parameter.clone()
            parameter.copy_(self.average[name])
            self.average[name].copy_(held)

    # --- state

    def _networks(self) -> dict[str, Tensor]:
        """What a state holds beside the optimizers': the tensors themselves, by name."""
        tensors = {f"network.{n}": p.detach() for n, p in self.parameters.items()}
        tensors |= {f"average.{n}": p for n, p in self.average.items()}
        return tensors | {f"buffer.{n}": b for n, b in self.task.named_buffers()}

    def save(self) -> None:
        """Write the state so that a kill or a power cut at any moment leaves the old one or the new one."""
        if not self.accelerator.is_main_process:
            return
        tensors = self._networks()
        for index, optimizer in enumerate(self.optimizers):
            for number, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{index}.{number}.{n}": v for n, v in state.items()}
        tensors = {n: t.contiguous().cpu() for n, t in tensors.items()}
        header = {"step": str(self.step), "settings": json.dumps(dataclasses.asdict(self.settings))}
        scratch = self.state_path.with_suffix(".writing")
        try:
            safetensors.torch.save_file(tensors, scratch, header)
            with scratch.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(scratch, self.state_path)
        except (OSError, safetensors.SafetensorError) as error:
            scratch.unlink(missing_ok=True)
            raise TrainingError(
                f"the state of step {self.step} could not be written to {self.state_path} ({error}); "
                "an older one stays as it was"
            ) from error

    def _load(self) -> None:
        try:
            with safetensors.safe_open(self.state_path, "pt") as file:
                header = file.metadata() or {}
            self.step, muon = int(header["step"]), json.loads(header["settings"])["muon"]
            if bool(muon) != bool(self.settings.muon):
                raise ValueError(f"its optimizers are those of muon={muon}")
            tensors = safetensors.torch.load_file(self.state_path)
            optimizers = {n: tensors.pop(n) for n in list(tensors) if n.startswith("optimizer.")}
            networks = self._networks()
            ours, theirs = ({n: t.shape for n, t in side.items()} for side in (networks, tensors))
            if odd := sorted(ours.items() ^ theirs.items()):
                raise ValueError(f"its tensors are others, {odd[0][0]} for one")
            for name, tensor in networks.items():
                tensor.copy_(tensors[name])
            for index, optimizer in enumerate(self.optimizers):
                _restore(optimizer, optimizers, f"optimizer.{index}.")
        except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
            raise TrainingError(
                f"{self.state_path} does not fit this run ({error}); choose another folder or delete it"
            ) from error


def _restore(optimizer: torch.optim.Optimizer, saved: dict[str, Tensor], prefix: str) -> None:
    """Give an optimizer its state back."""
    groups = optimizer.state_dict()["param_groups"]
    state: dict[int, dict[str, Tensor]] = {}
    for number, parameter in enumerate(optimizer.param_groups[0]["params"]):
        of = f"{prefix}{number}."
        state[number] = {n.removeprefix(of): t for n, t in saved.items() if n.startswith(of)}
        for key, tensor in state[number].items():
            # In the parameter's own memory format: torch's fused AdamW goes through memory in its order.
            if tensor.shape == parameter.shape:
                state[number][key] = torch.empty_like(parameter).copy_(tensor)
    optimizer.load_state_dict({"state": state, "param_groups": groups})
