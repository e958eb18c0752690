"""Tests of training and measuring the upscaler."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from torch.nn import functional as F

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.networks import upscaler
from dalle.networks.upscaler import Upscaler
from dalle.training import super_resolution
from dalle.training.super_resolution import PATCH_SIZE, PatchDataset, UpscalerTask, held_out_psnr
from tests.fakes import fake_emoji
from tests.tiny import random_upscaler

LARGE = 4 * PATCH_SIZE


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    """A few discs, rasterised large."""
    small = fake_emoji()
    pixels = [
        np.asarray(Image.fromarray(icon).resize((LARGE, LARGE), Image.Resampling.NEAREST))
        for icon in small.pixels[:6]
    ]
    return replace(small, icons=small.icons[:6], size=LARGE, pixels=np.stack(pixels))


def test_a_patch_is_one_picture_at_three_sizes(emoji: EmojiSet) -> None:
    """Guards against a network taught that things move, turn or change colour when they grow."""
    patches = PatchDataset(emoji, range(len(emoji.icons)), seed=3)
    for index in range(12):
        patch = patches[index]
        assert [part.shape[0] for part in patch] == [32, 64, 128]
        small, double, large = (images.from_arrays(part[None]) for part in patch)
        assert images.psnr(F.avg_pool2d(large, 2), double) > 45
        assert images.psnr(F.avg_pool2d(large, 4), small) > 15
        again = patches[index]
        assert all((one == other).all() for one, other in zip(patch, again, strict=True))
    assert np.ptp([patches[i].large.mean() for i in range(12)]) > 5


def test_icons_that_are_too_small_are_refused() -> None:
    with pytest.raises(ValueError, match="dataset emoji --size 512"):
        PatchDataset(fake_emoji(), [0])


def test_it_learns(emoji: EmojiSet) -> None:
    """Guards against a loss that does not reach every layer, or teaches nothing."""
    task = UpscalerTask(
        random_upscaler(16, 2), PatchDataset(emoji, range(len(emoji.icons)))
    )  # far from where it starts
    optimizer = torch.optim.AdamW(task.parameters(), 1e-3)
    batch, losses = task.collate([task.dataset[i] for i in range(8)]), []
    for _ in range(12):
        loss, parts = task(batch)
        loss.backward()
        assert parts["gain4"].isfinite() and not parts["gain4"].requires_grad
        optimizer.step()
        losses.append(float(loss.detach()))
        assert all(p.grad is not None for p in task.parameters())
        silent = [n for n, p in task.named_parameters() if not p.grad.any()]
        optimizer.zero_grad()
    assert silent == [] and losses[-1] < losses[0]
    assert task.sample_grid().width > 8 * PATCH_SIZE


def test_a_run_ends_in_a_file_and_its_figures(
    emoji: EmojiSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_precision: None
) -> None:
    """Guards against a run whose network is lost, or measured on what it was taught."""
    held = emoji.icons[0].concept
    monkeypatch.setattr(EmojiSet, "load", lambda folder: emoji)
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: concept == held)
    monkeypatch.setattr(upscaler, "UPSCALER_BLOCKS", 1)
    with monkeypatch.context() as other:
        other.setattr(Accelerator, "is_main_process", False)  # of several processes
        assert super_resolution.train_upscaler(tmp_path, tmp_path / "other", 2, batch=2, workers=0) is None
    assert list((tmp_path / "other").iterdir()) == []
    figures = super_resolution.train_upscaler(tmp_path, tmp_path / "run", 2, batch=2, workers=0)
    assert figures["digest"] == Upscaler.load(tmp_path / "run").digest
    assert figures.keys() == {"digest"} | {
        f"{way}x{f}" for way in ("", "lanczos_", "bicubic_") for f in (2, 4)
    }


def test_who_knows_the_truth_is_measured_best(emoji: EmojiSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against figures of another picture, size or background."""
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: concept == emoji.icons[0].concept)
    cubic = held_out_psnr(super_resolution.bicubic, emoji)
    assert cubic["x4"] == pytest.approx(cubic["bicubic_x4"], abs=1.5)
    assert cubic["lanczos_x2"] > cubic["lanczos_x4"] > 20
