"""Training runs on disk: each is a folder, and its files alone say how it stands.

    home/lock.json       which run trains now, in which process (run_lock.py)
    home/NAME/           plan.json and data/: what to do (plan.py)
               status.json: how far it is (run_status.py); stop: a request; log.txt: output of its process
               metrics, sample grids, training states, checkpoint-STEP/: results (runner.py)

So a page that is reloaded, and a server that is restarted, find every run as it is.
"""

import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from dalle.files import read_json_lines
from dalle.finetuning.run_lock import RunActive, file_lock, running
from dalle.finetuning.run_status import ACTIVE_STATES, Status, StatusReporter

RUN_NAME = re.compile(r"[\w-]{1,64}")


@dataclass(frozen=True)
class Run:
    """The folder of a training run."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def home(self) -> Path:
        """The folder of all runs."""
        return self.folder.parent

    @property
    def alive(self) -> bool:
        """Whether a process trains it."""
        return running(self.home) == self.name

    def status(self) -> Status:
        """The status now.

        "interrupted" is never written: it replaces an active state if no process trains the run any more.
        """
        alive = self.alive  # read first: a run that ends writes its status, then releases the lock
        status = Status.read(self.folder)
        gone = status.state in ACTIVE_STATES and not alive and not self.alive  # again: it may just have begun
        return replace(status, state="interrupted", seconds_left=None) if gone else status

    def stop(self) -> None:
        """Request a stop after the current step; a run that waits in the queue leaves it."""
        (self.folder / "stop").touch()
        if self.status().state == "waiting":
            record_state(self, "stopped")

    @property
    def stop_requested(self) -> bool:
        return (self.folder / "stop").exists()

    @property
    def checkpoint(self) -> Path | None:
        """The folder of the newest checkpoint, which is verified; None if there is none yet."""
        return max(self.folder.glob("checkpoint-*"), default=None)

    def sample_grids(self) -> list[Path]:
        """Samples at fixed seeds, drawn in the course of the run; the newest last."""
        return sorted(self.folder.glob("flow/sheets/*.png"))

    def metrics(self, phase: str = "flow") -> list[dict[str, float]]:
        """The metrics of each step of a training stage: "generator", "autoencoder" or "flow"."""
        return read_json_lines(self.folder / phase / "metrics.jsonl")


def list_runs(home: Path) -> list[Run]:
    """All runs that have a status, the one written last first."""
    written = {}
    for folder in home.iterdir() if home.is_dir() else ():
        status = folder / "status.json"
        if RUN_NAME.fullmatch(folder.name) and not folder.is_symlink() and status.is_file():
            written[folder] = status.stat().st_mtime
    return [Run(folder) for folder in sorted(written, key=written.__getitem__, reverse=True)]


def create(home: Path, name: str) -> Run:
    """Create the empty folder of a run. Raises ValueError for a bad name, FileExistsError for a taken one."""
    folder = home / _checked(name)
    if folder.exists():
        raise FileExistsError(f"there is a run {name!r} already; choose another name or delete it")
    folder.mkdir(parents=True)
    return Run(folder)


def delete(home: Path, name: str) -> None:
    """Delete a run. Raises RunActive if it is training, ValueError if there is none of that name."""
    run = Run(home / _checked(name))
    if run.folder.is_symlink() or not run.folder.is_dir():
        raise ValueError(f"there is no run {name!r}")
    deleted = home / f".{name}-deleted-{os.getpid()}"
    with file_lock(home):
        if run.alive:
            raise RunActive(f"run {name!r} is training; stop it first")
        run.folder.rename(deleted)
    shutil.rmtree(deleted)  # follows no links


def record_state(run: Run, state: str, error: str = "") -> None:
    """Write a new state of a run that no process trains."""
    StatusReporter(run.folder).write(replace(run.status(), state=state, seconds_left=None, error=error))


def _checked(name: str) -> str:
    """The name, which is no path. Raises ValueError for one that RUN_NAME does not allow."""
    if not RUN_NAME.fullmatch(name):
        raise ValueError(f"a run's name is 1 to 64 letters, digits, '-' and '_'; got {name[:80]!r}")
    return name
