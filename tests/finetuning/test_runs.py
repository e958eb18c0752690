"""Laws of training runs: whatever happens to its process, a run is told truly and goes on to the same end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dalle import files
from dalle.cli import main
from dalle.finetuning import finetune, runs
from dalle.finetuning.runs import Run, RunActive, Status
from dalle.pipeline.dalle import DALLE
from tests.blorples import checkpoint, lay_out

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds that a process may take to begin on a busy machine


pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def some_run(home: Path, name: str = "one", state: str = "training") -> Run:
    run = runs.create(home, name)
    (run.folder / "status.json").write_text(json.dumps({"state": state, "step": 3, "steps": 9}))
    return run


def lock(home: Path, name: str, pid: int, born: str) -> None:
    (home / "lock.json").write_text(json.dumps({"run": name, "pid": pid, "born": born}))


def await_(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


# --- what is told of a run


def test_a_process_is_known_by_its_birth(home: Path) -> None:
    """Guards against a run that is "training" for ever, since its process's number was given again."""
    run = some_run(home)
    assert run.status() == Status("interrupted", 3, 9)
    lock(home, "one", os.getpid(), runs.process_start_time(os.getpid()))
    assert run.status().state == "training" and runs.running(home) == "one"
    for pid, birth in ((os.getpid(), "another"), (2**22 + 1, ""), (os.getpid(), "")):
        lock(home, "one", pid, birth)
        assert run.status().state == "interrupted" and runs.running(home) is None
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    lock(home, "one", child.pid, runs.process_start_time(child.pid))
    assert run.status().state == "training"
    child.kill()
    await_(lambda: run.status().state == "interrupted")  # though nobody has waited for it yet
    child.wait()
    assert runs.process_start_time(child.pid) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": 1}', '{"run": "one", "pid": "x", "born": "y"}'])
def test_files_that_were_cut_short(text: str, home: Path) -> None:
    """Guards against a page that breaks after a power cut."""
    run = some_run(home)
    for path in (home / "lock.json", run.folder / "status.json"):
        path.write_text(text)
    assert run.status().state == "interrupted" and runs.running(home) is None
    assert [found.name for found in runs.listing(home)] == ["one"]
    with runs.working(run) as report:
        assert run.status().state in ("preparing", "training")
        report.end("done")
    assert run.status().state == "done"


def test_ended_runs_need_no_process(home: Path) -> None:
    for state in ("done", "stopped", "failed"):
        assert some_run(home, state, state).status().state == state


def test_work_is_reported(home: Path) -> None:
    """Guards against a page that guesses: step, loss, time left and the error's text come from the files."""
    run = some_run(home)
    with runs.working(run) as report:
        assert not report("preparing", 1, 2)
        report("training", 1, 9, 0.5)
        report.times.clear()
        report.times.append((1, time.monotonic() - 10))
        report.status = Status("training")
        report("training", 2, 9, 0.25)
        status = run.status()
        assert (status.state, status.step, status.steps, status.loss) == ("training", 2, 9, 0.25)
        assert 65 < status.seconds_left < 80 and abs(status.heartbeat - time.time()) < 30
        run.stop()
        assert report("training", 3, 9, 0.25)
        assert run.status().step == 3
        report.end("stopped")
    assert run.status().state == "stopped" and not (run.folder / "stop").exists() and not run.alive
    for error, told in (
        (ValueError("no pictures"), "no pictures"),
        (KeyError("x"), "KeyError: 'x'"),
        (OSError(28, "No space left on device"), "the disk is full"),
    ):
        with pytest.raises(type(error)), runs.working(run):
            raise error
        assert run.status().state == "failed" and told in run.status().error
    with pytest.raises(KeyboardInterrupt), runs.working(run) as report:
        report("training", 4, 9, 0.1)
        raise KeyboardInterrupt
    assert run.status().state == "interrupted"


def test_a_full_disk_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a failure that cannot be written down where nothing can be written."""
    run = some_run(home)

    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), runs.working(run) as report:
        report("training", 5, 9, 0.5)
        monkeypatch.setattr(runs, "write_text", full)
        files_before = sorted(run.folder.iterdir())
        raise OSError(28, "No space left on device")
    assert run.status().state == "failed" and "make room" in run.status().error
    assert sorted(run.folder.iterdir()) == files_before


def test_a_file_is_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against half a file, and against what a failed write leaves behind."""
    path = tmp_path / "status.json"
    files.write_text(path, "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_text(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


# --- one at a time, names, deletion


def test_one_run_at_a_time(home: Path) -> None:
    """Guards against two trainings that share two cores, and against one that is started twice."""
    one, other = some_run(home, "one"), some_run(home, "other")
    with runs.working(one):
        for run in (one, other):
            with pytest.raises(RunActive, match="run 'one' is training"):
                runs.start(run)
        with pytest.raises(RunActive), runs.working(other):
            pytest.fail("it began")
        with pytest.raises(RunActive, match="stop it first"):
            runs.delete(home, "one")
        assert main.main(["train-folder", str(home), "--output", str(home / "third")]) == 1
        assert not (home / "third").exists()  # it would be in the way the next time
        assert other.status().state == "interrupted" and one.alive
        one.stop()
    with runs.working(other) as report:
        assert not report("training") and other.alive and not one.alive
    other.stop()
    with runs.working(other) as report:  # what was asked of an earlier process does not stop this one
        assert not report("training")
        report.end("done")
    with pytest.raises(ValueError, match="is done"):
        runs.start(other)
    with pytest.raises(ValueError, match="no run 'none'"):
        runs.start(Run(home / "none"))
    assert runs.running(home) is None


def test_a_process_that_cannot_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a lock that is kept by a run that never began."""
    run = some_run(home)
    monkeypatch.setattr(sys, "executable", str(home / "no python"))
    with pytest.raises(FileNotFoundError):
        runs.start(run)
    assert run.status().state == "interrupted" and runs.running(home) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "/tmp/x", "a b", "x" * 65, "a\n", ".hidden", "a\\b"]
)
def test_names_stay_inside(name: str, home: Path) -> None:
    """Guards against a run's name that is a path: to write, and worse, to delete."""
    for act in (runs.create, runs.delete):
        with pytest.raises(ValueError, match="letters, digits"):
            act(home, name)


def test_deletion_follows_no_links(home: Path, tmp_path: Path) -> None:
    """Guards against a link in the folder of runs, or in a run, that takes somebody's pictures along."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "photo.png").write_bytes(b"x")
    (precious / "status.json").write_text('{"state": "done"}')
    (home / "link").symlink_to(precious)
    run = some_run(home, "苹果", "done")
    (run.folder / "photos").symlink_to(precious)
    assert [found.name for found in runs.listing(home)] == ["苹果"]
    with pytest.raises(ValueError, match="no run 'link'"):
        runs.delete(home, "link")
    with pytest.raises(ValueError, match="no run 'none'"):
        runs.delete(home, "none")
    runs.delete(home, "苹果")
    assert not run.folder.exists() and (precious / "photo.png").exists()
    assert runs.listing(home) == [] and runs.listing(tmp_path / "none") == []
    with pytest.raises(FileExistsError, match="choose another name"):
        runs.create(home, some_run(home).name)


# --- real processes

KILLED = """
import os, signal, sys
import safetensors.torch
from dalle import cli, finetune
from dalle.lesson import KeepingFlowTask
finetune.SAVE_EVERY = 2
when, run = sys.argv[1:]
forward, save_file, calls = KeepingFlowTask.forward, safetensors.torch.save_file, []

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
    KeepingFlowTask.forward = die_in_a_step
else:
    safetensors.torch.save_file = die_in_a_save
cli.main(["train-folder", "--output", run])
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, base: Path, pictures: Path) -> str:
    """Digest of a run that nobody killed."""
    run = lay_out(tmp_path_factory.mktemp("runs") / "whole", base, pictures, prior=4, generator_steps=1)
    assert finetune.train(run, lambda *_: False)
    return checkpoint(run).digest


@pytest.mark.parametrize("when", ["a step", "flow/state", "..checkpoint"])
def test_kill_9(when: str, home: Path, base: Path, pictures: Path, whole: str) -> None:
    """Guards against work that is lost, doubled or changed by a kill in a step, or in a save."""
    run = Run(lay_out(home / "run", base, pictures, prior=4, generator_steps=1))
    killed = subprocess.run([sys.executable, "-c", KILLED, when, run.folder], cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    status = run.status()
    assert (status.state, status.steps, run.checkpoint) == ("interrupted", 7, None)
    assert (run.folder / "flow/state.safetensors").is_file()
    assert (run.folder / "flow/state.writing").is_file() == (when == "flow/state")
    assert main.main(["train-folder", "--output", str(run.folder)]) == 0
    assert run.status().state == "done" and checkpoint(run.folder).digest == whole
    assert [line["step"] for line in run.metrics()] == [1, 2, 3, 4, 5, 6]
    kept = {"data", "flow", "generator", run.checkpoint.name}
    assert {path.name for path in run.folder.iterdir() if path.is_dir()} == kept


def test_a_disk_that_is_really_full(home: Path, base: Path, pictures: Path, whole: str) -> None:
    """Guards against libraries that report a full disk each in a way of its own."""
    disk = home / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root on Linux alone")
    try:
        run = Run(lay_out(disk / "run", base, pictures, prior=4, generator_steps=1))
        filler = disk / "filler"
        for left in (300_000, 3_000_000, 0):  # full while it prepares, while it saves, and at last not
            free = shutil.disk_usage(disk).free
            filler.write_bytes(bytes(max(0, free - left)) if left else b"")
            assert main.main(["train-folder", "--output", str(run.folder)]) == bool(left)
            assert run.status().state == ("failed" if left else "done")
            assert ("the disk is full" in run.status().error) == bool(left)
            assert (run.folder / "figures.json").is_file() == (left != 300_000)
            filler.unlink()
        assert checkpoint(run.folder).digest == whole
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_run_from_start_to_end(home: Path, base: Path, pictures: Path) -> None:
    """Guards against a training tab that cannot stop, cannot go on, or says done with nothing made."""
    run = Run(lay_out(home / "run", base, pictures, steps=100_000, generator_steps=0, prior=4))
    runs.start(run)
    assert run.alive and run.status().state == "preparing"
    with pytest.raises(RunActive):
        runs.start(run)
    await_(lambda: run.status().state != "preparing")
    run.stop()
    await_(lambda: not run.alive)
    status = run.status()
    assert status.state == "stopped" and 1 <= status.step < 100_000, (run.folder / "log.txt").read_text()
    assert DALLE.from_pretrained(run.checkpoint).digest and run.sheets()

    plan = json.loads((run.folder / "plan.json").read_text()) | {"steps": status.step + 2}
    (run.folder / "plan.json").write_text(json.dumps(plan))
    runs.start(run)
    await_(lambda: not run.alive)
    assert run.status().state == "done", (run.folder / "log.txt").read_text()
    assert len(run.metrics()) == status.step + 2 and run.metrics("generator") == []
    assert run.checkpoint.name == f"checkpoint-{status.step + 2:06d}"
    assert not (home / "lock.json").exists()


def test_the_command_line(home: Path, base: Path, pictures: Path, capsys: pytest.CaptureFixture) -> None:
    """Guards against a command that leaves half a run, or hides what it did not read."""
    command = ["train-folder", "--output", str(home / "run"), "--checkpoint", str(base)]
    assert main.main([*command, str(home / "none")]) == 1
    assert "is not there" in capsys.readouterr().err and not (home / "run").exists()
    assert main.main([*command, str(pictures), "--preset", "slow"]) == 1
    assert "no preset 'slow'" in capsys.readouterr().err and not (home / "run").exists()
    assert main.main([*command, str(pictures)]) == 1  # names of files that say nothing
    told = capsys.readouterr()
    assert (
        "5 pictures, 0 captions matched, 5 without a caption" in told.out and "data/metadata.csv" in told.err
    )
    assert Run(home / "run").status().state == "failed"
    assert main.main([*command, str(pictures)]) == 1
    assert "already" in capsys.readouterr().err
