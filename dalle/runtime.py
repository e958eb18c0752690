"""Device, dtype by measurement, thread counts, seeded generators.

Nothing happens on import; the measurement runs once a process.
"""

import math
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import torch

MIN_BFLOAT16_SPEEDUP = 1.25  # over fp32: nearer to a tie, the choice would differ from start to start


def device() -> torch.device:
    """The accelerator (CUDA, MPS, ...) where there is one, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def available_cores() -> int:
    """Cores that this process may use, by its affinity and the quota of its container.

    torch counts the machine's cores instead, and is slow where a container grants two of sixty-four.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return int(max(1, min(cores, _cgroup_cores())))


def num_workers(default: int, processes: int = 1) -> int:
    """Data loader workers for each of `processes` training processes.

    `default` on a CPU, which training needs itself; with an accelerator, all cores but one for each process.
    """
    return default if device().type == "cpu" else max(default, available_cores() // processes - 1)


def use_one_thread() -> None:
    """Compute on one core in this thread, and by default in threads that start later.

    A process has room for one thread pool of the machine's size, the scheduler's: with a second one, the
    workers of both sleep instead of spinning, and a picture takes twice as long.
    """
    torch.set_num_threads(1)


def use_all_threads() -> None:
    """Compute on all available cores in this thread, and by default in threads that start later."""
    torch.set_num_threads(available_cores())
    torch.get_num_threads()  # fixes the number for this thread: later calls in other threads do not change it


def _cgroup_cores(file: Path = Path("/sys/fs/cgroup/cpu.max")) -> float:
    """Cores granted by a Linux control group: "200000 100000" is two; infinite for "max" or no file."""
    try:
        quota, period = file.read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return math.inf


@cache
def bfloat16_is_faster() -> bool:
    """Whether bf16 matrix products are clearly faster than fp32 ones; takes a fraction of a second.

    On a CPU, CPU time of one thread is measured: in wall time, the load of other programs would change the
    answer from start to start, and with it every picture.
    """
    seconds = {torch.float32: math.inf, torch.bfloat16: math.inf}
    matrices = {dtype: torch.ones(768, 768, dtype=dtype, device=device()) for dtype in seconds}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(6):  # interleaved; the fastest of each counts
            for dtype, matrix in matrices.items():
                seconds[dtype] = min(seconds[dtype], _matmul_seconds(matrix))
    finally:
        torch.set_num_threads(threads)
    return seconds[torch.float32] > MIN_BFLOAT16_SPEEDUP * seconds[torch.bfloat16]


def _matmul_seconds(matrix: torch.Tensor) -> float:
    on_cpu = matrix.device.type == "cpu"
    clock = time.thread_time if on_cpu else time.perf_counter
    start = clock()
    torch.matmul(matrix, matrix)
    if not on_cpu:
        torch.accelerator.synchronize()
    return clock() - start


def inference_dtype() -> torch.dtype:
    """The dtype for weights that are not trained."""
    return torch.bfloat16 if bfloat16_is_faster() else torch.float32


def seeded_generator(seed: int) -> torch.Generator:
    """A generator on the CPU, so that a seed gives the same numbers with every device."""
    return torch.Generator("cpu").manual_seed(seed)


@contextmanager
def isolated_inference() -> Iterator[None]:
    """Context without gradients that restores the global random states of Python, NumPy and torch."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(), torch.inference_mode():
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
