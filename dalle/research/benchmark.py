"""How fast things are on this machine: `python -m dalle bench train`, `bench generate` and `bench edit`.

Timings are worth something only while nothing else runs; ratios of two timings of one run travel best.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset
from torch.utils.flop_counter import FlopCounterMode

from dalle import runtime
from dalle.config import Config
from dalle.editing.editor import Editor
from dalle.edits import (
    Edit,
    Inpaint,
    Interpolate,
    PromptEdit,
    RemoveBackground,
    Upscale,
    Variation,
    extended,
    pack_mask,
)
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.batches import run
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sampler import Sampler
from dalle.recipe import Picture, Recipe
from dalle.training.feature_cache import Entry
from dalle.training.tasks import FlowTask
from dalle.training.trainer import Task, Trainer, TrainingSettings


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


def operations(task: Task, items: Any) -> int:
    """Floating-point operations of one batch: the networks' products, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        task(items)[0].backward()
    return counter.get_total_flops()


class _RandomBank(Dataset):
    """Features and captions of the right shapes: what they say makes no difference to the time."""

    def __init__(self, config: Config):
        self.shape = (config.tokens, config.channels)

    def __getitem__(self, index: int) -> Entry:
        features = np.random.default_rng(index).standard_normal(self.shape).astype(np.float16)
        return Entry(index, features, "a small red apple to the left of a green house on a white background")


def train(checkpoint: Path, batch: int, repeats: int = 8) -> dict[str, float]:
    """A flow training step's rate beside the matrix product's, both measured here and now.

    Operations counted: the networks' products forward and backward. The optimizer's are not, its time is.
    """
    model = DALLE.from_pretrained(checkpoint)
    task = FlowTask(model, _RandomBank(model.config))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(task, TrainingSettings(steps=10**6, batch=batch, workers=0), Path(folder))
    items = task.collate([task.dataset[i] for i in range(batch)])
    done = operations(task, items)
    forward = torch.compile(task)
    step = seconds(lambda: trainer.take_step(forward, items), repeats)
    rate = matmul_rate()
    return {
        "pictures_per_second": batch / step,
        "step_seconds": step,
        "step_gflop": done / 1e9,
        "gflop_per_second": done / step / 1e9,
        "matmul_gflop_per_second": rate / 1e9,
        "share_of_matmul_rate": done / step / rate,
    }


def generate(folder: Path) -> dict[str, float]:
    """Seconds to load the checkpoint, to draw one picture and to draw eight, with default settings."""
    loading = seconds(lambda: DALLE.from_pretrained(folder, runtime.inference_dtype()), 3)
    model = DALLE.from_pretrained(folder, runtime.inference_dtype())
    recipes = [Recipe("a red apple", seed=seed) for seed in range(8)]
    one = seconds(lambda: model.draw(recipes[:1]), 9)
    eight = seconds(lambda: model.draw(recipes), 5)
    return {"load_seconds": loading, "one_picture_seconds": one, "eight_pictures_seconds": eight}


def edit(folder: Path) -> dict[str, float]:
    """Seconds of each kind of edit of one picture, one result each, with nothing remembered of it.

    Where the checkpoint has no upscaler, enlarging is timed with one of random weights: they take as long.
    """
    dtype = runtime.inference_dtype()
    model, upscaler = DALLE.from_pretrained(folder, dtype), Upscaler.load(folder, dtype)
    if upscaler is None:
        upscaler = Upscaler().to(dtype).eval().requires_grad_(False)
        upscaler.digest = "untrained"
    drawn, plain = model.generate("a red apple", seed=7)[0], Recipe(size=model.config.image_size)
    flat = Picture(Image.new("RGB", drawn.image.size, "white"), plain)  # a drawn one may not be
    mask = np.zeros((model.config.image_size,) * 2, bool)
    mask[: len(mask) // 2] = True
    asked: dict[str, Edit] = {
        "vary": Variation(0.5, 1),
        "change": PromptEdit("a green apple", None, 0.3, Recipe.guidance),
        "paint": Inpaint(pack_mask(mask), "a red apple", 1),
        "extend": extended("out", 0.3, "a red apple", 1),
        "blend": Interpolate(replace(plain, prompt="a dog", seed=1).to_dict(), 0.5),
        "enlarge": Upscale(4, upscaler.digest),
        "cut-out": RemoveBackground(),
    }
    return {
        f"{name}_seconds": seconds(
            lambda one=one: run(
                Editor(Sampler(model), upscaler).edited(
                    flat if one.kind == RemoveBackground.kind else drawn, [one]
                )
            ),
            5,
        )
        for name, one in asked.items()
    }
