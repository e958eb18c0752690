"""How fast things are on this machine: `python -m dalle bench train` and `bench generate`.

Timings are worth something only while nothing else runs; ratios of two timings of one run travel best.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from dalle import runtime
from dalle.model import DALLE
from dalle.phases import FlowTask
from dalle.recipe import Recipe
from dalle.trainer import Settings, Trainer


def seconds(action: Callable[[], Any], repeats: int) -> float:
    """The median time of `repeats` calls, after one to warm up."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def matmul_rate(dtype: torch.dtype = torch.bfloat16, side: int = 2048) -> float:
    """Floating-point operations a second of a square matrix product, the machine's yardstick."""
    a, b = torch.randn(side, side, dtype=dtype), torch.randn(side, side, dtype=dtype)
    return 2 * side**3 / seconds(lambda: a @ b, 10)


def train(task: FlowTask, folder: Path, batch: int, steps: int = 8) -> dict[str, float]:
    """A flow training step's rate beside the matrix product's, both measured here and now.

    Operations counted: the networks' products forward and backward. The optimizer's are not, its time is.
    """
    settings = Settings(steps=10**6, batch=batch, compile=True, workers=0)
    trainer = Trainer(task, settings, folder)
    items = task.collate([task.dataset[i] for i in range(batch)])
    with FlopCounterMode(display=False) as counter, trainer.accelerator.autocast():
        task(items)[0].backward()
    forward = torch.compile(task)
    step = seconds(lambda: trainer._step(forward, items), steps)
    rate = matmul_rate()
    operations = counter.get_total_flops()
    return {
        "pictures_per_second": batch / step,
        "step_seconds": step,
        "step_gflops": operations / 1e9,
        "rate_gflops_per_second": operations / step / 1e9,
        "matmul_gflops_per_second": rate / 1e9,
        "share": operations / step / rate,
    }


def generate(folder: Path) -> dict[str, float]:
    """Seconds to load the checkpoint, to draw one picture and to draw eight, with default settings."""
    loading = seconds(lambda: DALLE.from_pretrained(folder, runtime.inference_dtype()), 3)
    model = DALLE.from_pretrained(folder, runtime.inference_dtype())
    recipes = [Recipe("a red apple", seed=seed) for seed in range(8)]
    one = seconds(lambda: model.draw(recipes[:1]), 9)
    eight = seconds(lambda: model.draw(recipes), 5)
    return {"load_seconds": loading, "one_picture_seconds": one, "eight_pictures_seconds": eight}
