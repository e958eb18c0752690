"""Tests of dalle/runtime.py."""

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


def test_a_seeded_generator_ignores_the_global_state() -> None:
    first = torch.randn(5, generator=runtime.seeded_generator(7))
    torch.manual_seed(99)
    before = global_state()
    assert torch.equal(torch.randn(5, generator=runtime.seeded_generator(7)), first)
    assert not torch.equal(torch.randn(5, generator=runtime.seeded_generator(8)), first)
    assert torch.isfinite(torch.randn(5, generator=runtime.seeded_generator(2**32 - 1))).all()
    assert global_state() == before


def test_isolated_inference_restores_random_states_and_gradients() -> None:
    """Guards against a sample grid that changes the random numbers of the training that draws it."""
    before = global_state()
    with pytest.raises(KeyError), runtime.isolated_inference():
        assert torch.is_inference_mode_enabled()
        random.seed(3), np.random.seed(3), torch.manual_seed(3)
        raise KeyError
    assert global_state() == before
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_the_dtype_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a dtype that changes within a process, and a measurement that uses random numbers."""
    runtime.bfloat16_is_faster.cache_clear()
    before = global_state()
    chosen = runtime.inference_dtype()
    assert chosen is (torch.bfloat16 if runtime.bfloat16_is_faster() else torch.float32)
    assert global_state() == before
    monkeypatch.setattr(runtime, "_matmul_seconds", lambda matrix: pytest.fail("measured again"))
    assert runtime.inference_dtype() is chosen


@pytest.mark.parametrize(("seconds_of_bf16", "fast"), [(0.4, True), (0.9, False), (3.0, False)])
def test_bfloat16_must_be_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds_of_bf16: float, fast: bool
) -> None:
    """Guards against bf16 where it is emulated, and near a tie, where each start would decide differently."""
    times = {torch.float32: 1.0, torch.bfloat16: seconds_of_bf16}
    monkeypatch.setattr(runtime, "_matmul_seconds", lambda matrix: times[matrix.dtype])
    runtime.bfloat16_is_faster.cache_clear()
    try:
        assert runtime.bfloat16_is_faster() is fast
    finally:
        runtime.bfloat16_is_faster.cache_clear()


@pytest.mark.parametrize(
    ("content", "cores"),
    [("200000 100000", 2), ("50000 100000", 0.5), ("max 100000", math.inf), ("", math.inf), (None, math.inf)],
)
def test_the_quota_of_a_container_is_read(content: str | None, cores: float, tmp_path: Path) -> None:
    """Guards against 64 threads on a hosted machine of two cores."""
    file = tmp_path / "cpu.max"
    if content is not None:
        file.write_text(content)
    assert runtime._cgroup_cores(file) == cores


def test_data_loading_for_an_accelerator_uses_all_other_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against an accelerator that waits for one worker, and workers that slow training on a CPU."""
    monkeypatch.setattr(runtime, "available_cores", lambda: 16)
    for device, expected in (("cpu", [0, 1, 1]), ("cuda", [15, 15, 7])):
        monkeypatch.setattr(runtime, "device", lambda device=device: torch.device(device))
        assert [runtime.num_workers(0), runtime.num_workers(1), runtime.num_workers(1, 2)] == expected


def test_at_least_one_core_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= runtime.available_cores() <= os.cpu_count()
    monkeypatch.setattr(runtime, "_cgroup_cores", lambda: 0.5)
    assert runtime.available_cores() == 1


def test_the_device_works() -> None:
    assert (torch.ones(2, device=runtime.device()) + 1).sum().item() == 4
