"""lock.json: which run of a folder trains now, and in which process. One run trains at a time.

A process is identified by its number and its start time, since numbers are used again. A lock whose process
is gone counts as released.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dalle.files import write_text_atomically

try:
    import fcntl
except ImportError:  # Windows: there two starts in the same millisecond are not told apart
    fcntl = None


class RunActive(RuntimeError):
    """A run is training; the message names it."""


class LockHolder(NamedTuple):
    """The content of lock.json."""

    run: str = ""
    pid: int = 0
    start_time: str = ""

    @property
    def alive(self) -> bool:
        """Whether the process still exists."""
        return bool(self.start_time) and process_start_time(self.pid) == self.start_time


def read_lock(home: Path) -> LockHolder:
    """The holder that lock.json names; empty if there is none, or the file is damaged."""
    try:
        lock = json.loads((home / "lock.json").read_text(encoding="utf-8"))
        return LockHolder(str(lock["run"]), int(lock["pid"]), str(lock["born"]))
    except (OSError, ValueError, TypeError, KeyError):
        return LockHolder()


def write_lock(home: Path, run: str, pid: int) -> None:
    """Make process `pid`, which trains `run`, the holder."""
    text = json.dumps({"run": run, "pid": pid, "born": process_start_time(pid)})
    write_text_atomically(home / "lock.json", text + "\n")


def release_lock(home: Path, run: str) -> None:
    """Remove the lock, if it is this process that trains `run`."""
    with file_lock(home):
        if read_lock(home)[:2] == (run, os.getpid()):
            (home / "lock.json").unlink()


@contextmanager
def file_lock(home: Path) -> Iterator[None]:
    """A context in which no other process acquires or releases the lock."""
    with (home / ".guard").open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def running(home: Path) -> str | None:
    """The name of the run that is training, if one is."""
    holder = read_lock(home)
    return holder.run if holder.alive else None


def check_free(home: Path) -> None:
    """Raise RunActive if a run is training."""
    if name := running(home):
        raise RunActive(active_message(name))


def active_message(name: str) -> str:
    """The message of RunActive when another run is to start."""
    return f"run {name!r} is training; stop it or wait until it is done"


def seconds_running(home: Path) -> float:
    """For how many seconds the run that is training has held the lock; 0 if none is training."""
    try:
        return time.time() - (home / "lock.json").stat().st_mtime if running(home) else 0.0
    except FileNotFoundError:  # it has just ended
        return 0.0


def process_start_time(pid: int) -> str:
    """When a process was started, as a text to compare; empty if no process has this number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"  # zombies and the dead have ended
    except OSError:
        return "" if sys.platform == "linux" else _start_time_elsewhere(pid)


def _start_time_elsewhere(pid: int) -> str:
    """process_start_time on systems without /proc."""
    import psutil  # a dependency of accelerate

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.0f}"
    except psutil.Error:
        return ""
