"""Trainer: the training loop of every task, on one process or several (Hugging Face accelerate).

A task is an nn.Module whose forward takes a batch and returns (loss, metrics to log). The training state
(parameters, their exponential moving average, optimizers, step) is one safetensors file, replaced atomically.
All random numbers of a step derive from (seed, step, process): a run that is killed and resumed computes the
same numbers as one that never stopped.
"""

import atexit
import dataclasses
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, send_to_device
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from dalle import images, runtime
from dalle.files import read_json_lines, write_text_atomically
from dalle.training import training_state
from dalle.training.muon import Muon
from dalle.training.task import Task, TrainingSettings, compiled_blocks
from dalle.training.training_state import TrainingError


class Trainer:
    """Trains `task`; state, metrics and sample grids are in `folder`. Resumes a state that is there."""

    def __init__(
        self,
        task: Task,
        settings: TrainingSettings,
        folder: Path,
        on_step: Callable[[int, dict[str, float]], bool] | None = None,
    ):
        """`on_step(step, metrics)` is called after each step; True stops the run, with the state saved.

        Raises ValueError for a batch that does not divide among the processes, TrainingError for a state that
        does not fit `task` and `settings`.
        """
        precision = settings.precision
        if precision == "auto":
            precision = "bf16" if runtime.bfloat16_is_faster() else "fp32"
        # Without cpu=True, accelerate does not recognise several CPU processes as one group.
        self.accelerator = Accelerator(
            mixed_precision="bf16" if precision == "bf16" else "no", cpu=runtime.device().type == "cpu"
        )
        processes = self.accelerator.num_processes
        if processes > 1:  # a process that exits without leaving its group may abort
            atexit.register(self.accelerator.end_training)
        if settings.batch % processes:
            raise ValueError(f"a batch of {settings.batch} does not divide among {processes} processes")
        self.task, self.settings, self.folder, self.on_step = task, settings, folder, on_step
        self.parameters = {n: p for n, p in task.named_parameters() if p.requires_grad}
        task.to(self.accelerator.device)
        self.ema = {n: p.detach().clone() for n, p in self.parameters.items()}
        self.optimizers = self._optimizers()
        self.step = 0
        self.seconds = 0.0  # of training so far, over all sessions of the run
        self.state_path = folder / "state.safetensors"
        if self.state_path.exists():
            self._load()

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        """AdamW for embeddings, modulations, vectors and small matrices; Muon for all other matrices."""
        matrices, rest = [], []
        for name, parameter in self.parameters.items():
            is_matrix = parameter.dim() >= 2 and min(parameter.flatten(1).shape) >= 16
            inner = not any(word in name for word in ("tokens", "positions", "modulation"))
            (matrices if self.settings.muon_learning_rate and is_matrix and inner else rest).append(parameter)
        decay = self.settings.weight_decay
        optimizers: list[torch.optim.Optimizer] = []
        if rest:
            optimizers.append(
                torch.optim.AdamW(
                    rest, self.settings.learning_rate, (0.9, 0.98), weight_decay=decay, fused=True
                )
            )
        if matrices:
            optimizers.append(Muon(matrices, self.settings.muon_learning_rate, weight_decay=decay))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        return optimizers

    def lr_scale(self, step: int) -> float:
        """Factor of the learning rates at `step`: a trapezoid (arXiv:2405.18392)."""
        settings = self.settings
        up = min(1.0, (step + 1) / max(1, settings.warmup))
        down = min(1.0, (settings.steps - step) / max(1.0, settings.steps * settings.decay_fraction))
        if settings.minutes:
            left = max(0.0, 1 - self.seconds / (60 * settings.minutes))
            down = min(down, left / max(1e-9, settings.decay_fraction))
        return up * down

    @property
    def done(self) -> bool:
        """Whether all steps, or all minutes, are over."""
        settings = self.settings
        return self.step >= settings.steps or 0 < 60 * settings.minutes <= self.seconds

    def run(self) -> None:
        """Train to the last step. Raises TrainingError if the loss or the gradient is not finite."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._drop_later_metrics()
        forward = self.accelerator.prepare_model(self.task)
        started, first, seconds_before = time.monotonic(), self.step, self.seconds
        with (
            compiled_blocks(self.task if self.settings.compile else None),
            tqdm(
                total=self.settings.steps,
                initial=first,
                disable=not self.accelerator.is_local_main_process,
                desc=self.folder.name,
                mininterval=1,
            ) as bar,
        ):
            for batch in self._training_batches():
                is_logged = (self.step + 1) % self.settings.log_every == 0
                metrics = self.take_step(forward, batch, is_logged)
                seconds = time.monotonic() - started
                self.seconds = seconds_before + seconds
                bar.update()
                if metrics:
                    bar.set_postfix(loss=f"{metrics['loss']:.4f}", refresh=False)
                    self._log(metrics | {"seconds": seconds, "left": self._seconds_left(seconds, first)})
                stop = self._broadcast_stop(self.on_step is not None and self.on_step(self.step, metrics))
                last = stop or self.done
                if last or self.step % self.settings.save_every == 0:
                    self.save()
                if last or self.step % self.settings.grid_every == 0:
                    self._write_grid()
                if last:
                    break
        self.accelerator.wait_for_everyone()  # until the main process has written its files

    def _seconds_left(self, seconds: float, first: int) -> float:
        """Until the end, `seconds` after step `first`."""
        left = seconds / (self.step - first) * (self.settings.steps - self.step)
        return min(left, 60 * self.settings.minutes - self.seconds) if self.settings.minutes else left

    def _training_batches(self) -> Iterator[Any]:
        """Batches from the current step on; those of its load that were trained on before are skipped."""
        skipped = self.step % self.task.batches_per_load
        for loaded in self._batches():
            expanded = self.task.expand(send_to_device(loaded, self.accelerator.device))
            yield from itertools.islice(expanded, skipped, None)
            skipped = 0

    def _batches(self) -> Iterator[Any]:
        processes = self.accelerator.num_processes
        workers = runtime.num_workers(self.settings.workers, processes)
        return iter(
            DataLoader(
                self.task.dataset,
                batch_size=self.settings.batch // processes * self.task.load_factor,
                sampler=self._indices(),
                collate_fn=self.task.collate,
                num_workers=workers,
                prefetch_factor=4 if workers else None,
            )
        )

    def _indices(self) -> Iterator[int]:
        """Dataset indices of this process: item i of load s is always index s * items a load + i."""
        batch = self.settings.batch * self.task.load_factor
        share = batch // self.accelerator.num_processes
        a_load = self.task.batches_per_load
        for load in range(self.step // a_load, math.ceil(self.settings.steps / a_load)):
            first = load * batch + self.accelerator.process_index * share
            yield from range(first, first + share)

    def take_step(self, forward: Callable, batch: Any, is_logged: bool = True) -> dict[str, float]:
        """One optimizer step on one batch -> its metrics, none where it `is_logged` not: they take a wait for
        the device, and only a step with metrics checks that they are finite.
        """
        rate = self.lr_scale(self.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * rate
        torch.manual_seed(hash((self.settings.seed, self.step, self.accelerator.process_index)) % 2**63)
        with self.accelerator.autocast():
            loss, parts = forward(send_to_device(batch, self.accelerator.device))
        self.accelerator.backward(loss)
        mean_loss = cast(Tensor, self.accelerator.reduce(loss.detach(), "mean"))
        grad_norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.settings.max_grad_norm)
        metrics: dict[str, float] = {}
        if is_logged:
            metrics = {"loss": float(mean_loss), "norm": float(grad_norm), "rate": rate}
            metrics |= {name: float(value) for name, value in parts.items()}
            self._check_finite(metrics)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        # The average follows faster in the first steps, so that short runs have a useful one.
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]  # missing in torch's stubs
            list(self.ema.values()), [p.detach() for p in self.parameters.values()], 1 - decay
        )
        return metrics

    def _check_finite(self, metrics: dict[str, float]) -> None:
        total, norm = metrics["loss"], metrics["norm"]
        if not (math.isfinite(total) and math.isfinite(norm)):
            raise TrainingError(
                f"the loss became {total} and its gradient's norm {norm} at step {self.step}. The last good "
                f"state is in {self.state_path}, if one was saved; go on from it with a lower learning rate"
            )

    def _broadcast_stop(self, stop: bool) -> bool:
        """The main process's decision, on all processes."""
        if self.accelerator.num_processes == 1:
            return stop
        return broadcast_object_list([stop])[0]

    def _log(self, metrics: dict[str, float]) -> None:
        if self.accelerator.is_main_process:
            with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                rounded = {name: float(f"{value:.6g}") for name, value in metrics.items()}
                file.write(json.dumps({"step": self.step} | rounded) + "\n")

    def _drop_later_metrics(self) -> None:
        """Drop metrics that were logged after the state was saved: those steps are repeated."""
        path = self.folder / "metrics.jsonl"
        if not (self.accelerator.is_main_process and path.exists()):
            return
        kept = [record for record in read_json_lines(path) if record["step"] <= self.step]
        write_text_atomically(path, "".join(json.dumps(record) + "\n" for record in kept))

    def _write_grid(self) -> None:
        if not self.accelerator.is_main_process:
            return
        with self.ema_weights(), torch.inference_mode():
            grid = self.task.sample_grid()
        if grid is not None:
            (self.folder / "sheets").mkdir(exist_ok=True)
            images.write_png(grid, self.folder / "sheets" / f"{self.step:07d}.png")

    @contextmanager
    def ema_weights(self) -> Iterator[None]:
        """Context in which the task's parameters are replaced by their moving average."""
        self._swap_ema()
        try:
            yield
        finally:
            self._swap_ema()

    @torch.no_grad()
    def _swap_ema(self) -> None:
        for name, parameter in self.parameters.items():
            held = parameter.clone()
            parameter.copy_(self.ema[name])
            self.ema[name].copy_(held)

    # --- state

    def _network_tensors(self) -> dict[str, Tensor]:
        """Tensors of the state, without the optimizers', by name: parameters, their average, buffers."""
        tensors = {f"network.{n}": p.detach() for n, p in self.parameters.items()}
        tensors |= {f"average.{n}": p for n, p in self.ema.items()}
        return tensors | {f"buffer.{n}": b for n, b in self.task.named_buffers()}

    def save(self) -> None:
        """Write the state atomically: a kill or power cut leaves the old one or the new one.

        Raises TrainingError where the disk is full.
        """
        if self.accelerator.is_main_process:
            header = {
                "step": str(self.step),
                "seconds": str(self.seconds),
                "settings": json.dumps(dataclasses.asdict(self.settings)),
            }
            training_state.save(self.state_path, header, self._network_tensors(), self.optimizers)

    def _load(self) -> None:
        uses_muon = bool(self.settings.muon_learning_rate)
        header = training_state.load(self.state_path, uses_muon, self._network_tensors(), self.optimizers)
        self.step, self.seconds = int(header["step"]), float(header.get("seconds", 0))
