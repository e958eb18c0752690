"""Tests of the upscaler: its initialisation and its file."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch.nn import functional as F

from dalle.networks import upscaler
from dalle.networks.upscaler import UPSCALER_FILE, Upscaler
from tests.tiny import random_upscaler


def test_an_untrained_upscaler_is_bicubic_interpolation() -> None:
    """Guards against a network that starts worse than the interpolation it is added to."""
    small = torch.rand(2, 3, 9, 7) * 2 - 1
    for factor in (2, 4):
        large = Upscaler(16, 2)(small, factor)
        assert torch.equal(large, F.interpolate(small, scale_factor=factor, mode="bicubic"))


def test_weights_come_back_from_the_file(tmp_path: Path) -> None:
    """Guards against weights of another name or size, and a file too large for a checkpoint."""
    network = random_upscaler(upscaler.UPSCALER_WIDTH)
    network.save(tmp_path)
    assert (tmp_path / UPSCALER_FILE).stat().st_size < 10e6
    loaded = Upscaler.load(tmp_path)
    pictures = torch.rand(1, 3, 8, 8)
    assert torch.allclose(loaded(pictures, 4), network(pictures, 4), atol=0.05)
    assert len(loaded.digest) == 12 and loaded.digest == Upscaler.load(tmp_path).digest
    assert Upscaler.load(tmp_path / "nowhere") is None


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04" * 10])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    """Guards against a server that starts and fails at the first upscaling."""
    (tmp_path / UPSCALER_FILE).write_bytes(content)
    with pytest.raises(ValueError, match=UPSCALER_FILE):
        Upscaler.load(tmp_path)
    safetensors.torch.save_file(
        {"x": torch.zeros(1)}, tmp_path / UPSCALER_FILE, {"upscaler": json.dumps({"width": 8})}
    )
    with pytest.raises(ValueError, match=UPSCALER_FILE):
        Upscaler.load(tmp_path)


@pytest.mark.parametrize("sizes", [(10**6, 10), (64, 10**6), (0, 10), ("64", 10), (64.5, 10)])
def test_sizes_of_a_file_are_bounded(tmp_path: Path, sizes: tuple) -> None:
    """Guards against a foreign file that fills the memory before its weights are read."""
    header = json.dumps(dict(zip(("width", "blocks"), sizes, strict=True)))
    safetensors.torch.save_file({"x": torch.zeros(1)}, tmp_path / UPSCALER_FILE, {"upscaler": header})
    with pytest.raises(ValueError, match="its sizes are"):
        Upscaler.load(tmp_path)
