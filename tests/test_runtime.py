"""Laws of dalle/runtime.py."""

import math
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from dalle import runtime


def global_state() -> tuple[object, ...]:
    numpy = np.random.get_state()
    return random.getstate(), numpy[1].tobytes(), numpy[2], torch.get_rng_state().numpy().tobytes()


def test_a_seed_gives_the_same_numbers_whatever_happened_before() -> None:
    first = torch.randn(5, generator=runtime.generator(7))
    torch.manual_seed(99)
    before = global_state()
    assert torch.equal(torch.randn(5, generator=runtime.generator(7)), first)
    assert not torch.equal(torch.randn(5, generator=runtime.generator(8)), first)
    assert torch.isfinite(torch.randn(5, generator=runtime.generator(2**32 - 1))).all()
    assert global_state() == before


def test_inference_leaves_the_random_states_and_gradients_alone() -> None:
    """Guards against a picture drawn in the middle of a training that changes how it goes on."""
    before = global_state()
    with pytest.raises(KeyError), runtime.inference():
        assert torch.is_inference_mode_enabled()
        random.seed(3), np.random.seed(3), torch.manual_seed(3)
        raise KeyError
    assert global_state() == before
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_the_dtype_is_measured_once_and_without_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a choice that changes within a process, and a measurement that draws random numbers."""
    runtime.fast_bfloat16.cache_clear()
    before = global_state()
    chosen = runtime.inference_dtype()
    assert chosen is (torch.bfloat16 if runtime.fast_bfloat16() else torch.float32)
    assert global_state() == before
    monkeypatch.setattr(runtime, "_seconds", lambda matrix: pytest.fail("measured again"))
    assert runtime.inference_dtype() is chosen


@pytest.mark.parametrize(("seconds_of_bf16", "fast"), [(0.4, True), (0.9, False), (3.0, False)])
def test_bf16_must_be_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds_of_bf16: float, fast: bool
) -> None:
    """Guards against bf16 where it is emulated, and against a near tie decided anew at each start."""
    times = {torch.float32: 1.0, torch.bfloat16: seconds_of_bf16}
    monkeypatch.setattr(runtime, "_seconds", lambda matrix: times[matrix.dtype])
    runtime.fast_bfloat16.cache_clear()
    try:
        assert runtime.fast_bfloat16() is fast
    finally:
        runtime.fast_bfloat16.cache_clear()


@pytest.mark.parametrize(
    ("granted", "cores"),
    [("200000 100000", 2), ("50000 100000", 0.5), ("max 100000", math.inf), ("", math.inf), (None, math.inf)],
)
def test_the_quota_of_a_container(granted: str | None, cores: float, tmp_path: Path) -> None:
    """Guards against 64 threads on a hosted machine of two cores."""
    file = tmp_path / "cpu.max"
    if granted is not None:
        file.write_text(granted)
    assert runtime._quota(file) == cores


def test_an_accelerator_is_fed_by_all_other_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against an accelerator that waits for one process, and a CPU taken from its own training."""
    monkeypatch.setattr(runtime, "threads", lambda: 16)
    for device, expected in (("cpu", [0, 1, 1]), ("cuda", [15, 15, 7])):
        monkeypatch.setattr(runtime, "device", lambda device=device: torch.device(device))
        assert [runtime.num_workers(0), runtime.num_workers(1), runtime.num_workers(1, 2)] == expected


def test_threads_are_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= runtime.threads() <= os.cpu_count()
    monkeypatch.setattr(runtime, "_quota", lambda: 0.5)
    assert runtime.threads() == 1


def test_the_device_computes() -> None:
    assert (torch.ones(2, device=runtime.device()) + 1).sum().item() == 4
