"""Where and how fast to compute: device, dtype chosen by a short measurement, threads, seeds.

Nothing happens on import, and what is measured is measured once a process.
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

FASTER = 1.25  # bf16 must beat fp32 by so much: a choice near a tie would differ from start to start


def device() -> torch.device:
    """The accelerator (CUDA, MPS, ...) where there is one, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def threads() -> int:
    """How many cores this process may use: its affinity, within the quota of its container.

    torch counts the machine's cores instead, and is slow where a container grants it two of sixty-four.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return int(max(1, min(cores, _quota())))


def num_workers(usual: int, processes: int = 1) -> int:
    """How many processes prepare data for each of so many: `usual`; beside an accelerator all other cores."""
    return usual if device().type == "cpu" else max(usual, threads() // processes - 1)


def use_one_thread() -> None:
    """Compute on one core in this thread, and in those that begin later, until they are told otherwise.

    A process has room for one pool of threads as large as the machine, the studio's. Beside a second one the
    workers of both sleep where they would spin, and a picture takes twice as long.
    """
    torch.set_num_threads(1)


def use_all_threads() -> None:
    """Compute on all cores in this thread, and from here on in those that begin later."""
    torch.set_num_threads(threads())
    torch.get_num_threads()  # asked once, the number is this thread's own, whatever others set


def _quota(file: Path = Path("/sys/fs/cgroup/cpu.max")) -> float:
    """Cores that a control group of Linux grants: "200000 100000" is two, "max 100000" is any number."""
    try:
        granted, period = file.read_text(encoding="ascii").split()
        return int(granted) / int(period)
    except (OSError, ValueError):
        return math.inf


@cache
def fast_bfloat16() -> bool:
    """Whether bf16 matrices multiply clearly faster here than fp32 ones; takes a fraction of a second.

    On a CPU it is the computing time of one thread that counts: the work of other programs would change the
    answer from start to start, and with it every picture.
    """
    best = {torch.float32: math.inf, torch.bfloat16: math.inf}
    matrices = {dtype: torch.ones(768, 768, dtype=dtype, device=device()) for dtype in best}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(6):  # in turn, the best of each
            for dtype, matrix in matrices.items():
                best[dtype] = min(best[dtype], _seconds(matrix))
    finally:
        torch.set_num_threads(threads)
    return best[torch.float32] > FASTER * best[torch.bfloat16]


def _seconds(matrix: torch.Tensor) -> float:
    on_cpu = matrix.device.type == "cpu"
    clock = time.thread_time if on_cpu else time.perf_counter
    start = clock()
    matrix @ matrix
    if not on_cpu:
        torch.accelerator.synchronize()
    return clock() - start


def inference_dtype() -> torch.dtype:
    """The dtype in which to keep weights that are only used."""
    return torch.bfloat16 if fast_bfloat16() else torch.float32


def generator(seed: int) -> torch.Generator:
    """Random numbers from a seed, on the CPU whatever the device: the same everywhere."""
    return torch.Generator("cpu").manual_seed(seed)


@contextmanager
def inference() -> Iterator[None]:
    """No gradients inside, and the global random states of Python, NumPy and torch afterwards as before."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(), torch.inference_mode():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
