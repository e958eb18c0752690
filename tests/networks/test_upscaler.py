"""Laws of the upscaler: where it starts, that windows are not to be seen, its files, and that it learns."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from accelerate import Accelerator
from PIL import Image
from torch.nn import functional as F

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.editing import tiled_upscaling
from dalle.editing.tiled_upscaling import TiledUpscaler, UpscaleState
from dalle.networks import upscaler
from dalle.networks.upscaler import FILE, Upscaler
from dalle.recipe import Recipe
from dalle.training import super_resolution
from dalle.training.super_resolution import PATCH, Patches, UpscalerTask, measured
from tests.fakes import fake_emoji

LARGE = 4 * PATCH


def wild(width: int = 16, blocks: int = 10) -> Upscaler:
    """Untrained, but with every layer at work."""
    network = Upscaler(width, blocks)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    """A few discs, rasterised large."""
    small = fake_emoji()
    pixels = [
        np.asarray(Image.fromarray(icon).resize((LARGE, LARGE), Image.Resampling.NEAREST))
        for icon in small.pixels[:6]
    ]
    return replace(small, icons=small.icons[:6], size=LARGE, pixels=np.stack(pixels))


def enlarged(network: Upscaler, picture: Image.Image, factor: int) -> Image.Image:
    job, worker = UpscaleState(Recipe(), np.asarray(picture), factor), TiledUpscaler(network)
    while job.walk.taken < job.walk.steps:
        worker.step([job])
    return worker.paint([job])[0]


def test_it_starts_as_cubic_interpolation() -> None:
    """Guards against a network that must first unlearn noise: never worse than what it adds to."""
    pictures = torch.rand(2, 3, 9, 7) * 2 - 1
    for factor in (2, 4):
        made = Upscaler(16, 2)(pictures, factor)
        assert torch.equal(made, F.interpolate(pictures, scale_factor=factor, mode="bicubic"))


@pytest.mark.parametrize("size", [(1, 1), (128, 128), (129, 40), (300, 210)])
@pytest.mark.parametrize("factor", [2, 4])
def test_windows_cannot_be_seen(size: tuple[int, int], factor: int) -> None:
    """Guards against seams where windows meet: a margin that is narrower than the network sees."""
    network, picture = wild(), Image.effect_noise(size, 90).convert("RGB")
    whole = images.to_images(network(images.from_images([picture]), factor))[0]
    made = enlarged(network, picture, factor)
    assert made.size == (size[0] * factor, size[1] * factor)
    assert np.abs(np.asarray(made, int) - np.asarray(whole, int)).max() <= 1


def test_the_margin_is_as_wide_as_the_shipped_network_sees() -> None:
    """Guards against more blocks under the old margin."""
    assert 2 + 2 * upscaler.BLOCKS + 2 <= tiled_upscaling.MARGIN


def test_one_step_is_one_window_however_many_wait() -> None:
    """Guards against a slider that waits for several large pictures at once."""
    worker, picture = TiledUpscaler(wild()), np.zeros((200, 200, 3), np.uint8)
    jobs = [UpscaleState(Recipe(), picture, 2) for _ in range(3)]
    worker.step(jobs)
    assert sum(job.walk.taken for job in jobs) == 1


def test_a_preview_shows_the_picture_and_no_stray_memory() -> None:
    """Guards against pixels of other visitors' pictures, in the part that is not yet enlarged."""
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    job = UpscaleState(Recipe(), pixels, 2)
    (shown,) = TiledUpscaler(wild()).paint([job])
    assert (np.asarray(shown)[::2, ::2] == pixels).all()


def test_memory_is_taken_at_the_first_step() -> None:
    """Guards against requests that fill the memory before they are told that too many wait."""
    tracemalloc.start()
    try:
        job = UpscaleState(Recipe(), np.zeros((500, 500, 3), np.uint8), 4)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    TiledUpscaler(wild()).step([job])
    assert job.output.nbytes == 12_000_000


def test_memory_is_bounded() -> None:
    """Guards against a small link that fills the memory."""
    with pytest.raises(ValueError, match="choose a smaller"):
        UpscaleState(Recipe(), np.zeros((2000, 2000, 3), np.uint8), 4)


# --- files


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    """Guards against weights under another name or size, and a file beyond what a checkpoint may weigh."""
    network = wild(upscaler.WIDTH)
    network.save(tmp_path)
    assert (tmp_path / FILE).stat().st_size < 10e6
    again = Upscaler.load(tmp_path)
    pictures = torch.rand(1, 3, 8, 8)
    assert torch.allclose(again(pictures, 4), network(pictures, 4), atol=0.05)
    assert len(again.digest) == 12 and again.digest == Upscaler.load(tmp_path).digest
    assert Upscaler.load(tmp_path / "nowhere") is None


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04" * 10])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    """Guards against a server that starts and fails at a visitor's hands."""
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ValueError, match=FILE):
        Upscaler.load(tmp_path)
    safetensors.torch.save_file(
        {"x": torch.zeros(1)}, tmp_path / FILE, {"upscaler": json.dumps({"width": 8})}
    )
    with pytest.raises(ValueError, match=FILE):
        Upscaler.load(tmp_path)


@pytest.mark.parametrize("sizes", [(10**6, 10), (64, 10**6), (0, 10), ("64", 10), (64.5, 10)])
def test_sizes_of_a_file_are_bounded(tmp_path: Path, sizes: tuple) -> None:
    """Guards against a file from elsewhere that fills the memory before a single weight is read."""
    header = json.dumps(dict(zip(("width", "blocks"), sizes, strict=True)))
    safetensors.torch.save_file({"x": torch.zeros(1)}, tmp_path / FILE, {"upscaler": header})
    with pytest.raises(ValueError, match="its sizes are"):
        Upscaler.load(tmp_path)


# --- training


def test_a_patch_is_one_picture_at_three_sizes(emoji: EmojiSet) -> None:
    """Guards against a network taught that things move, turn or change colour when they grow."""
    patches = Patches(emoji, range(len(emoji.icons)), seed=3)
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
        Patches(fake_emoji(), [0])


def test_it_learns(emoji: EmojiSet) -> None:
    """Guards against a loss that does not reach every layer, or teaches nothing."""
    task = UpscalerTask(wild(16, 2), Patches(emoji, range(len(emoji.icons))))  # far from where it starts
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
    assert task.sheet().width > 8 * PATCH


def test_a_run_ends_in_a_file_and_its_figures(
    emoji: EmojiSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_precision: None
) -> None:
    """Guards against a run whose network is lost, or measured on what it was taught."""
    held = emoji.icons[0].concept
    monkeypatch.setattr(EmojiSet, "load", lambda folder: emoji)
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: concept == held)
    monkeypatch.setattr(upscaler, "BLOCKS", 1)
    with monkeypatch.context() as other:
        other.setattr(Accelerator, "is_main_process", False)  # of several processes
        assert super_resolution.train(tmp_path, tmp_path / "other", 2, batch=2, workers=0) is None
    assert list((tmp_path / "other").iterdir()) == []
    figures = super_resolution.train(tmp_path, tmp_path / "run", 2, batch=2, workers=0)
    assert figures["digest"] == Upscaler.load(tmp_path / "run").digest
    assert figures.keys() == {"digest"} | {
        f"{way}x{f}" for way in ("", "lanczos_", "bicubic_") for f in (2, 4)
    }


def test_who_knows_the_truth_is_measured_best(emoji: EmojiSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against figures of another picture, size or background."""
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: concept == emoji.icons[0].concept)
    cubic = measured(super_resolution.cubic, emoji)
    assert cubic["x4"] == pytest.approx(cubic["bicubic_x4"], abs=1.5)
    assert cubic["lanczos_x2"] > cubic["lanczos_x4"] > 20
