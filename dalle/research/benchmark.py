"""Timings on this machine: `python -m dalle bench train`, `bench generate` and `bench edit`.

Run nothing else meanwhile. To compare machines, use ratios of two timings of one run.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
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
    outpaint_towards,
    pack_mask,
)
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sampler import run
from dalle.recipe import Picture, Recipe
from dalle.training.feature_cache import CachedSample, FeatureCache
from dalle.training.task import TrainingSettings
from dalle.training.tasks import FlowTask
from dalle.training.trainer import Trainer


def median_seconds(action: Callable[[], Any], repeats: int) -> float:
    """Median seconds of `repeats` calls, after one call to warm up."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def matmul_rate(dtype: torch.dtype = torch.bfloat16, side: int = 2048) -> float:
    """FLOP/s of a square matrix product: the practical peak that training is compared with."""
    a, b = torch.randn(side, side, dtype=dtype), torch.randn(side, side, dtype=dtype)
    return 2 * side**3 / median_seconds(lambda: a @ b, 10)


def count_flops(task: Callable[[Any], tuple[Tensor, dict[str, Tensor]]], batch: Any) -> int:
    """FLOPs of the matrix products and convolutions of a task's forward and backward pass on one batch."""
    with FlopCounterMode(display=False) as counter:
        task(batch)[0].backward()
    return counter.get_total_flops()


class _RandomFeatures(FeatureCache):
    """Random features of the right shape with one caption: the time does not depend on the values."""

    def __init__(self, config: Config) -> None:
        # Not super().__init__, which reads a folder.
        self.shape = (config.tokens, config.channels)

    def __getitem__(self, index: int) -> CachedSample:
        features = np.random.default_rng(index).standard_normal(self.shape).astype(np.float16)
        return CachedSample(
            index, features, "a small red apple to the left of a green house on a white background"
        )


def benchmark_training(checkpoint: Path, batch: int, repeats: int = 8) -> dict[str, float]:
    """Speed of a training step of the flow, in FLOP/s and as a share of `matmul_rate`.

    The time of the optimizer is included, its FLOPs are not.
    """
    pipeline = DALLE.from_pretrained(checkpoint)
    task = FlowTask(pipeline, _RandomFeatures(pipeline.model.config))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(task, TrainingSettings(steps=10**6, batch=batch, workers=0), Path(folder))
    samples = task.collate([task.dataset[i] for i in range(batch)])
    flops = count_flops(task, samples)
    forward = torch.compile(task)
    seconds = median_seconds(lambda: trainer.take_step(forward, samples), repeats)
    rate = matmul_rate()
    return {
        "pictures_per_second": batch / seconds,
        "step_seconds": seconds,
        "step_gflop": flops / 1e9,
        "gflop_per_second": flops / seconds / 1e9,
        "matmul_gflop_per_second": rate / 1e9,
        "share_of_matmul_rate": flops / seconds / rate,
    }


def benchmark_generation(folder: Path) -> dict[str, float]:
    """Seconds to load a checkpoint, to draw one picture and to draw eight, with default settings."""
    loading = median_seconds(lambda: DALLE.from_pretrained(folder, runtime.inference_dtype()), 3)
    pipeline = DALLE.from_pretrained(folder, runtime.inference_dtype())
    recipes = [Recipe("a red apple", seed=seed) for seed in range(8)]
    one = median_seconds(lambda: pipeline.draw(recipes[:1]), 9)
    eight = median_seconds(lambda: pipeline.draw(recipes), 5)
    return {"load_seconds": loading, "one_picture_seconds": one, "eight_pictures_seconds": eight}


def benchmark_editing(folder: Path) -> dict[str, float]:
    """Seconds of each kind of edit of one picture with one result, without cached latents.

    A checkpoint without an upscaler is timed with an untrained one, which takes as long.
    """
    dtype = runtime.inference_dtype()
    pipeline = DALLE.from_pretrained(folder, dtype)
    upscaler = pipeline.upscaler
    if upscaler is None:
        upscaler = Upscaler().to(dtype).eval().requires_grad_(False)
        upscaler.digest = "untrained"
    drawn, plain = pipeline.generate("a red apple", seed=7)[0], Recipe(size=pipeline.model.config.image_size)
    flat = Picture(Image.new("RGB", drawn.image.size, "white"), plain)  # for background removal
    mask = np.zeros((pipeline.model.config.image_size,) * 2, bool)
    mask[: len(mask) // 2] = True
    edits: dict[str, Edit] = {
        "vary": Variation(0.5, 1),
        "change": PromptEdit("a green apple", None, 0.3, Recipe.guidance),
        "paint": Inpaint(pack_mask(mask), "a red apple", 1),
        "extend": outpaint_towards("out", 0.3, "a red apple", 1),
        "blend": Interpolate(replace(plain, prompt="a dog", seed=1).to_dict(), 0.5),
        "enlarge": Upscale(4, upscaler.digest),
        "cut-out": RemoveBackground(),
    }

    def apply(picture: Picture, edit: Edit) -> None:
        run(Editor(pipeline.make_sampler(), upscaler).apply(picture, [edit]))

    seconds = {}
    for name, edit in edits.items():
        picture = flat if isinstance(edit, RemoveBackground) else drawn
        seconds[f"{name}_seconds"] = median_seconds(partial(apply, picture, edit), 5)
    return seconds
