"""Processes of runs: one trains at a time, and a kill at any moment does not change the result."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dalle.cli import main
from dalle.finetuning import run_lock, run_process, runs
from dalle.finetuning.finetune import finetune_checkpoint
from dalle.finetuning.run_lock import RunActive
from dalle.finetuning.run_process import run_in_this_process
from dalle.finetuning.runs import Run
from dalle.pipeline.dalle import DALLE
from tests.training_runs import create_run, load_checkpoint, never_stop, run_with_state, wait_until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


# --- the lock


def test_one_run_at_a_time(home: Path) -> None:
    """Guards against two trainings that share two cores, and against one that is started twice."""
    one, other = run_with_state(home, "one"), run_with_state(home, "other")
    with run_in_this_process(one):
        for run in (one, other):
            with pytest.raises(RunActive, match="run 'one' is training"):
                run_process.start(run)
        with pytest.raises(RunActive), run_in_this_process(other):
            pytest.fail("it began")
        with pytest.raises(RunActive, match="stop it first"):
            runs.delete(home, "one")
        assert main.main(["train-folder", str(home), "--output", str(home / "third")]) == 1
        assert not (home / "third").exists()  # a leftover folder would block the next attempt
        assert other.status().state == "interrupted" and one.alive
        one.stop()
    with run_in_this_process(other) as reporter:
        assert not reporter("training") and other.alive and not one.alive
    other.stop()
    with run_in_this_process(other) as reporter:  # a request to an earlier process does not stop this one
        assert not reporter("training")
        reporter.end("done")
    with pytest.raises(ValueError, match="is done"):
        run_process.start(other)
    with pytest.raises(ValueError, match="no run 'none'"):
        run_process.start(Run(home / "none"))
    assert run_lock.running(home) is None


def test_a_process_that_cannot_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a lock that is held by a run that never began."""
    run = run_with_state(home)
    monkeypatch.setattr(sys, "executable", str(home / "no python"))
    with pytest.raises(FileNotFoundError):
        run_process.start(run)
    assert run.status().state == "interrupted" and run_lock.running(home) is None


# --- real processes

# Trains the run of the second argument, and kills itself as the first one says: in a step of the flow, or in
# the save of a file whose path contains it.
TRAIN_AND_DIE = """
import os, signal, sys
import safetensors.torch
from dalle.cli import main
from dalle.finetuning import plan
from dalle.finetuning.finetune_tasks import FlowFinetuneTask
plan.SAVE_EVERY = 2
when, run = sys.argv[1:]
forward, save_file, calls = FlowFinetuneTask.forward, safetensors.torch.save_file, []

def die_in_a_step(self, batch):
    calls.append(1)
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return forward(self, batch)

def die_in_a_save(tensors, path, header):
    save_file(tensors, path, header)
    calls.append(when in str(path))
    if sum(calls) == (2 if when == "flow/state" else 1):
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

if when == "a step":
    FlowFinetuneTask.forward = die_in_a_step
else:
    safetensors.torch.save_file = die_in_a_save
main.main(["train-folder", "--output", run])
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, base: Path, pictures: Path) -> str:
    """Digest of the checkpoint of a run that was not killed."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    create_run(run, base, pictures, replay_samples=4, generator_steps=1)
    assert finetune_checkpoint(run, never_stop)
    return load_checkpoint(run).model.digest


@pytest.mark.parametrize("when", ["a step", "flow/state", "..checkpoint"])
def test_kill_9(when: str, home: Path, base: Path, pictures: Path, whole: str) -> None:
    """Guards against work that is lost, doubled or changed by a kill in a step, or in a save."""
    run = Run(create_run(home / "run", base, pictures, replay_samples=4, generator_steps=1))
    command = [sys.executable, "-c", TRAIN_AND_DIE, when, str(run.folder)]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    status = run.status()
    assert (status.state, status.steps, run.checkpoint) == ("interrupted", 7, None)
    assert (run.folder / "flow/state.safetensors").is_file()
    assert (run.folder / "flow/state.writing").is_file() == (when == "flow/state")
    assert main.main(["train-folder", "--output", str(run.folder)]) == 0
    assert run.status().state == "done" and load_checkpoint(run.folder).model.digest == whole
    assert [line["step"] for line in run.metrics()] == [1, 2, 3, 4, 5, 6]
    folders = {"data", "flow", "generator", run.checkpoint.name}
    assert {path.name for path in run.folder.iterdir() if path.is_dir()} == folders


def test_a_disk_that_is_really_full(home: Path, base: Path, pictures: Path, whole: str) -> None:
    """Guards against libraries that report a full disk each in a way of its own."""
    disk = home / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root on Linux alone")
    try:
        run = Run(create_run(disk / "run", base, pictures, replay_samples=4, generator_steps=1))
        filler = disk / "filler"
        for left in (300_000, 3_000_000, 0):  # full while it prepares, while it saves, and at last not
            free = shutil.disk_usage(disk).free
            filler.write_bytes(bytes(max(0, free - left)) if left else b"")
            assert main.main(["train-folder", "--output", str(run.folder)]) == bool(left)
            assert run.status().state == ("failed" if left else "done")
            assert ("the disk is full" in run.status().error) == bool(left)
            assert (run.folder / "figures.json").is_file() == (left != 300_000)
            filler.unlink()
        assert load_checkpoint(run.folder).model.digest == whole
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_run_from_start_to_end(home: Path, base: Path, pictures: Path) -> None:
    """Guards against a run that cannot be stopped or resumed, or is done with nothing made."""
    run = Run(create_run(home / "run", base, pictures, steps=100_000, generator_steps=0, replay_samples=4))
    run_process.start(run)
    assert run.alive and run.status().state == "preparing"
    with pytest.raises(RunActive):
        run_process.start(run)
    wait_until(lambda: run.status().state != "preparing")
    run.stop()
    wait_until(lambda: not run.alive)
    status = run.status()
    assert status.state == "stopped" and 1 <= status.step < 100_000, (run.folder / "log.txt").read_text()
    assert DALLE.from_pretrained(run.checkpoint).model.digest and run.sample_grids()

    plan = json.loads((run.folder / "plan.json").read_text()) | {"steps": status.step + 2}
    (run.folder / "plan.json").write_text(json.dumps(plan))
    run_process.start(run)
    wait_until(lambda: not run.alive)
    assert run.status().state == "done", (run.folder / "log.txt").read_text()
    assert len(run.metrics()) == status.step + 2 and run.metrics("generator") == []
    assert run.checkpoint.name == f"checkpoint-{status.step + 2:06d}"
    assert not (home / "lock.json").exists()


def test_the_command_line(home: Path, base: Path, pictures: Path, capsys: pytest.CaptureFixture) -> None:
    """Guards against a command that leaves half a run, or does not say what it could not read."""
    command = ["train-folder", "--output", str(home / "run"), "--checkpoint", str(base)]
    assert main.main([*command, str(home / "none")]) == 1
    assert "is not there" in capsys.readouterr().err and not (home / "run").exists()
    assert main.main([*command, str(pictures), "--preset", "slow"]) == 1
    assert "no preset 'slow'" in capsys.readouterr().err and not (home / "run").exists()
    assert main.main([*command, str(pictures)]) == 1  # the names of the files are no captions
    printed = capsys.readouterr()
    assert "5 pictures, 0 captions matched, 5 without a caption" in printed.out
    assert "data/metadata.csv" in printed.err
    assert Run(home / "run").status().state == "failed"
    assert main.main([*command, str(pictures)]) == 1
    assert "already" in capsys.readouterr().err
