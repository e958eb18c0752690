"""Run folders: their files tell the truth about a run, and their names never lead outside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dalle.finetuning import run_lock, run_process, runs
from dalle.finetuning.run_status import Status
from tests.training_runs import run_with_state, wait_until, write_lock_file

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


# --- status


def test_a_process_is_identified_by_its_start_time(home: Path) -> None:
    """Guards against a run that is "training" for ever, because the number of its process was used again."""
    run, own_start_time = run_with_state(home), run_lock.process_start_time(os.getpid())
    assert run.status() == Status("interrupted", 3, 9)
    write_lock_file(home, "one", os.getpid(), own_start_time)
    assert run.status().state == "training" and run_lock.running(home) == "one"
    for pid, start_time in ((os.getpid(), "another"), (2**22 + 1, ""), (os.getpid(), "")):
        write_lock_file(home, "one", pid, start_time)
        assert run.status().state == "interrupted" and run_lock.running(home) is None
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    write_lock_file(home, "one", child.pid, run_lock.process_start_time(child.pid))
    assert run.status().state == "training"
    child.kill()
    wait_until(lambda: run.status().state == "interrupted")  # though it is a zombie until `wait`
    child.wait()
    assert run_lock.process_start_time(child.pid) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": 1}', '{"run": "one", "pid": "x", "born": "y"}'])
def test_damaged_files(text: str, home: Path) -> None:
    """Guards against a page that breaks after a power cut."""
    run = run_with_state(home)
    for path in (home / "lock.json", run.folder / "status.json"):
        path.write_text(text)
    assert run.status().state == "interrupted" and run_lock.running(home) is None
    assert [run.name for run in runs.list_runs(home)] == ["one"]
    with run_process.run_in_this_process(run) as reporter:
        assert run.status().state in ("preparing", "training")
        reporter.end("done")
    assert run.status().state == "done"


def test_a_run_that_ended_needs_no_process(home: Path) -> None:
    """Guards against "interrupted" runs that ended as they should."""
    for state in ("done", "stopped", "failed"):
        assert run_with_state(home, state, state).status().state == state


# --- names and deletion


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "/tmp/x", "a b", "x" * 65, "a\n", ".hidden", "a\\b"]
)
def test_names_stay_inside(name: str, home: Path) -> None:
    """Guards against a name that is a path: to write to, or worse, to delete."""
    for action in (runs.create, runs.delete):
        with pytest.raises(ValueError, match="letters, digits"):
            action(home, name)


def test_deletion_follows_no_links(home: Path, tmp_path: Path) -> None:
    """Guards against a link among the runs, or inside a run, through which other files are deleted."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "photo.png").write_bytes(b"x")
    (precious / "status.json").write_text('{"state": "done"}')
    (home / "link").symlink_to(precious)
    run = run_with_state(home, "苹果", "done")
    (run.folder / "photos").symlink_to(precious)
    assert [run.name for run in runs.list_runs(home)] == ["苹果"]
    with pytest.raises(ValueError, match="no run 'link'"):
        runs.delete(home, "link")
    with pytest.raises(ValueError, match="no run 'none'"):
        runs.delete(home, "none")
    runs.delete(home, "苹果")
    assert not run.folder.exists() and (precious / "photo.png").exists()
    assert runs.list_runs(home) == [] and runs.list_runs(tmp_path / "none") == []
    with pytest.raises(FileExistsError, match="choose another name"):
        runs.create(home, run_with_state(home).name)
