"""Processes of training runs: start one, let it wait for its turn, and be the process that trains.

A run can be resumed after it was stopped, killed or failed. One run trains at a time (run_lock.py); the
others wait in a queue, which is the runs whose state is "waiting".
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dalle.finetuning.run_lock import (
    RunActive,
    active_message,
    file_lock,
    read_lock,
    release_lock,
    running,
    write_lock,
)
from dalle.finetuning.run_status import StatusReporter, describe_error
from dalle.finetuning.runs import Run, list_runs, record_state

NICENESS = 10  # of a process that trains in the background
PROJECT_FOLDER = Path(__file__).resolve().parents[2]  # where `python -m dalle` works without installation

# --- from outside: the page and the command line


def start(run: Run) -> None:
    """Start the process of a run, or start it again after it was stopped, interrupted or failed.

    Raises RunActive if a run is training, ValueError if this one is done.
    """
    _acquire(run, inherit=False)  # for this process, until the number of the new one is known
    try:
        (run.folder / "stop").unlink(missing_ok=True)
        record_state(run, "preparing")
        process = _spawn(run)
    except BaseException:
        release_lock(run.home, run.name)
        raise
    write_lock(run.home, run.name, process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # otherwise it would remain as a zombie


def _spawn(run: Run) -> subprocess.Popen:
    command = [sys.executable, "-m", "dalle", "train-folder", "--output", str(run.folder.resolve())]
    with (run.folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [*command, "--nice", str(NICENESS)],
            cwd=PROJECT_FOLDER,
            # Threads that spin while they wait slow another process on the same cores 20-fold.
            env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def enqueue(run: Run) -> None:
    """Let a run wait until `start_next` starts it. Raises RunActive if it is training, ValueError if done."""
    if run.alive:
        raise RunActive(f"run {run.name!r} is training already")
    _check_unfinished(run)
    record_state(run, "waiting")


def queued_runs(home: Path) -> list[Run]:
    """The runs that wait for their turn, first come first."""
    statuses = {run: run.status() for run in list_runs(home)}
    queued = [run for run, status in statuses.items() if status.state == "waiting"]
    return sorted(queued, key=lambda run: statuses[run].heartbeat)


def start_next(home: Path) -> Run | None:
    """Start the run that has waited longest, unless one is training; -> the run that was started.

    A run that cannot be started is recorded as failed, and the next one is tried.
    """
    for run in queued_runs(home) if running(home) is None else ():
        try:
            start(run)
        except RunActive:
            return None
        except (ValueError, OSError) as error:
            record_state(run, "failed", describe_error(error, run.folder))
        else:
            return run
    return None


# --- from inside: the process that trains


def set_niceness(niceness: int) -> None:
    """Lower the priority of this process, and on Linux of its session, without which it has no effect."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    with suppress(OSError):  # not on Linux, or on one without session groups
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


@contextmanager
def run_in_this_process(run: Run) -> Iterator[StatusReporter]:
    """A context in which this process holds the lock for `run`; an error that leaves it is recorded.

    The caller passes the reporter to the stages, and calls its `end` with the last state. Raises RunActive if
    another run is training, ValueError if this one is done.
    """
    if not _acquire(run, inherit=True):
        (run.folder / "stop").unlink(missing_ok=True)  # requested of an earlier process
    reporter = StatusReporter(run.folder)
    try:
        yield reporter
    except Exception as error:
        reporter.end("failed", describe_error(error, run.folder))
        raise
    finally:
        release_lock(run.home, run.name)


def _acquire(run: Run, inherit: bool) -> bool:
    """Take the lock for this process; -> whether its parent, which started it, held it for the same run.

    Only with `inherit` may the lock be taken over from the parent. Raises RunActive if another process holds
    it, ValueError if the run is missing or done.
    """
    if not run.folder.is_dir():
        raise ValueError(f"there is no run {run.name!r}")
    with file_lock(run.home):
        holder = read_lock(run.home)
        inherited = inherit and holder.run == run.name and holder.pid in (os.getpid(), os.getppid())
        if not inherited and holder.alive:
            raise RunActive(active_message(holder.run))
        _check_unfinished(run)
        write_lock(run.home, run.name, os.getpid())
    return inherited


def _check_unfinished(run: Run) -> None:
    if run.status().state == "done":
        raise ValueError(f"run {run.name!r} is done; start a new one to learn more")
