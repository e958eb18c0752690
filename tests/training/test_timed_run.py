"""The whole pre-training by the clock, at a tiny size: what a lent accelerator runs, from start to pieces."""

from pathlib import Path

import pytest
import torch

from dalle.cli import main
from dalle.pipeline.dalle import DALLE
from dalle.training import scene_tasks, timed_run
from tests.tiny import tiny_checkpoint
from tests.tiny_sprites import tiny_sprites

pytestmark = pytest.mark.usefixtures("own_accelerator")


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint to start from, beside a sprite set."""
    monkeypatch.setattr(scene_tasks.SceneAutoencoderTask.standardise, "__defaults__", (16,))
    tiny_sprites(tmp_path / "sprites")
    return tiny_checkpoint(tmp_path / "start")


def run(command: str, **paths: Path) -> None:
    main.main([part.format(**paths) for part in command.split()])


def test_a_run_travels_there_and_back(tmp_path: Path, start: Path) -> None:
    """Guards against a phase that fails, or weights that are lost, on the one day when a machine is lent."""
    run(
        "pretrain pack {out} --checkpoint {start} --data {sprites}",
        out=tmp_path / "pack",
        start=start,
        sprites=tmp_path / "sprites",
    )
    run("pretrain unpack {pack} {there}", pack=tmp_path / "pack", there=tmp_path / "there")
    there = {"start": tmp_path / "there" / "start", "data": tmp_path / "there" / "sprites"}
    there |= {"run": tmp_path / "run", "first": tmp_path / "first", "second": tmp_path / "second"}
    train = "pretrain run {run} --start {start} --data {data} --minutes 0.02 --batch 8 --repeats 2 "
    train += "--load-factor 2 "
    run(train + "--save-every 1 --phases autoencoder text", **there)
    run("pretrain export {run} {first} --start {start} --eight-bit normalizer", **there)
    run(train + "--phases flow generator", **there)
    run("pretrain export {run} {second} --start {start} --networks normalizer generator", **there)
    run(
        "pretrain join {first} {second} --start {start} --output {joined}",
        first=there["first"],
        second=there["second"],
        start=there["start"],
        joined=tmp_path / "joined",
    )
    joined = DALLE.from_pretrained(tmp_path / "joined")
    last = DALLE.from_pretrained(tmp_path / "run" / "generator" / "checkpoint")
    for name, tensor in last.model.state_dict().items():
        assert torch.equal(joined.model.state_dict()[name], tensor), name
    assert joined.model.config.flow.told == 12
    before, after = DALLE.from_pretrained(there["start"]), joined
    for network in ("extractor", "generator", "text", "tower"):
        changed = [
            not torch.equal(old, new)
            for old, new in zip(
                getattr(before.model, network).parameters(),
                getattr(after.model, network).parameters(),
                strict=True,
            )
        ]
        assert any(changed), f"{network} was not trained"
    assert (tmp_path / "joined" / "flow.jsonl").is_file()
    assert len(after.generate("a dog", count=2, seed=1)) == 2


def test_a_phase_that_is_done_is_not_trained_again(tmp_path: Path, start: Path) -> None:
    """Guards against minutes spent twice, and against a second run that begins at the start weights."""
    folder = tmp_path / "run"
    arguments = {"minutes": 0.01, "batch": 8, "phases": ("text",)}
    first = timed_run.run(start, tmp_path / "sprites", folder, **arguments)
    written = (first / "model.safetensors").stat().st_mtime_ns
    assert timed_run.run(start, tmp_path / "sprites", folder, **arguments) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == written


def test_weights_of_a_phase_under_way_are_its_average(tmp_path: Path, start: Path) -> None:
    """Guards against an export that has the phase before only, or the weights of one noisy step."""
    folder = tmp_path / "run"
    timed_run.run(start, tmp_path / "sprites", folder, 0.01, 8, ("text",), save_every=1)
    done = DALLE.from_pretrained(folder / "text" / "checkpoint").model.text.state_dict()
    (folder / "autoencoder").mkdir()
    (folder / "text" / "checkpoint").rename(folder / "autoencoder" / "checkpoint")
    so_far = timed_run.weights_so_far(folder, start).text.state_dict()
    for name, tensor in done.items():
        assert torch.allclose(so_far[name], tensor, rtol=0.01, atol=1e-4), name
