"""What all tests share: they reach no network, and start from the same random state."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program works offline: a connection that leaves this machine is a bug, so it fails the test."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in ("localhost", "127.0.0.1", "::1", "0.0.0.0"):
            raise AssertionError(f"a test tried to reach {address!r}; the program must work offline")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@contextmanager
def _own_accelerator() -> Iterator[None]:
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def own_accelerator() -> Iterator[None]:
    """accelerate's state is global and keeps its precision: other tests choose another."""
    with _own_accelerator():
        yield


@pytest.fixture(scope="module")
def module_accelerator() -> Iterator[None]:
    """The same for a whole file, whose fixtures train too."""
    with _own_accelerator():
        yield


@pytest.fixture
def full_precision(own_accelerator: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training in fp32 without measuring."""
    from dalle import runtime

    monkeypatch.setattr(runtime, "bfloat16_is_faster", lambda: False)


@pytest.fixture(autouse=True)
def same_start() -> Iterator[None]:
    """Tests that draw random numbers draw the same ones alone and in any order."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint so small that it draws and learns in moments."""
    from tests.tiny import tiny_checkpoint

    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures to teach it."""
    from tests.training_runs import save_blorple_images

    return save_blorple_images(tmp_path_factory.mktemp("pictures") / "in")
