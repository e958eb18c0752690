"""Training runs: each is a folder, and a process while it trains. The files alone say how it stands.

    home/lock.json       which run trains now, in which process
    home/NAME/           plan.json and data/: what to do
               status.json, log.txt, stop (a request), sheets, figures, states, checkpoint-STEP/

So a page that is reloaded, and a server that is started again, find every run as it is. One whose process is
gone is interrupted, and can be started again. A process is known by its number and its birth, as numbers are
given again. One run trains at a time; others may wait for their turn.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dalle.files import read_records, write_text

try:
    import fcntl
except ImportError:  # Windows: there two starts in the same millisecond are not told apart
    fcntl = None

NAME = re.compile(r"[\w-]{1,64}")
ACTIVE = ("preparing", "training", "saving")
NICE = 10  # of a run in the background
OFTEN = 0.5  # seconds between two reports of steps
RECENT = 32  # reports from which the time left is told
MAX_ERROR = 2_000  # characters
ROOM = 2**20  # bytes: a disk with less is full


class RunActive(RuntimeError):
    """Another run is training; the message names it."""


@dataclass(frozen=True)
class Status:
    """How a run stands."""

    state: str  # waiting | preparing | training | saving | done | stopped | failed | interrupted
    step: int = 0
    steps: int = 0
    loss: float | None = None
    seconds_left: float | None = None
    heartbeat: float = 0.0  # when it was last heard of, in seconds since 1970
    error: str = ""  # why it failed


@dataclass(frozen=True)
class Run:
    """A training run's folder."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        return running(self.folder.parent) == self.name

    def status(self) -> Status:
        """How it stands now. "interrupted" is never written: it is said of a run whose process is gone."""
        alive = self.alive  # first: a run that ends writes its status, then gives the lock back
        try:
            status = Status(**json.loads((self.folder / "status.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            status = Status("preparing")
        gone = status.state in ACTIVE and not alive and not self.alive  # twice: it may just have begun
        return replace(status, state="interrupted", seconds_left=None) if gone else status

    def stop(self) -> None:
        """Ask it to stop after the step that it is at; one that waits for its turn waits no longer."""
        (self.folder / "stop").touch()
        if self.status().state == "waiting":
            record(self, "stopped")

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return (self.folder / "stop").exists()

    @property
    def checkpoint(self) -> Path | None:
        """What it has learnt so far, as a checkpoint that drew pictures."""
        return max(self.folder.glob("checkpoint-*"), default=None)

    def sheets(self) -> list[Path]:
        """Pictures drawn at fixed seeds in the course of the run, the newest last."""
        return sorted(self.folder.glob("flow/sheets/*.png"))

    def metrics(self, phase: str = "flow") -> list[dict[str, float]]:
        """What was logged of each step of a phase, "generator" or "flow"."""
        return read_records(self.folder / phase / "metrics.jsonl")


# --- from outside: the page and the command line


def listing(home: Path) -> list[Run]:
    """The runs that were ever started, those heard of last first."""
    heard = {}
    for folder in home.iterdir() if home.is_dir() else ():
        status = folder / "status.json"
        if NAME.fullmatch(folder.name) and not folder.is_symlink() and status.is_file():
            heard[folder] = status.stat().st_mtime
    return [Run(folder) for folder in sorted(heard, key=heard.__getitem__, reverse=True)]


def create(home: Path, name: str) -> Run:
    """A new run's folder, empty. Raises ValueError for a bad name, FileExistsError for one that is taken."""
    folder = home / _checked(name)
    if folder.exists():
        raise FileExistsError(f"there is a run {name!r} already; choose another name or delete it")
    folder.mkdir(parents=True)
    return Run(folder)


def start(run: Run) -> None:
    """Start a run's process, or start it again where it was stopped, interrupted or failed.

    Raises Busy where one is training, ValueError where it is done.
    """
    _take(run, heir=False)  # for this process, until the new one has a number
    try:
        (run.folder / "stop").unlink(missing_ok=True)
        record(run, "preparing")
        process = _spawn(run)
    except BaseException:
        _release(run)
        raise
    _write_lock(run, process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # else it would stay as a zombie


def enqueue(run: Run) -> None:
    """Let a run wait for its turn, which `start_next` gives. Raises what `start` raises of the run itself."""
    if run.alive:
        raise RunActive(f"run {run.name!r} is training already")
    _check_unfinished(run)
    record(run, "waiting")


def record(run: Run, state: str, error: str = "") -> None:
    """Write down how a run stands that no process works on."""
    _Report(run).write(replace(run.status(), state=state, seconds_left=None, error=error))


def waiting(home: Path) -> list[Run]:
    """The runs that wait for their turn, in the order in which they came."""
    since = {run: status.heartbeat for run in listing(home) if (status := run.status()).state == "waiting"}
    return sorted(since, key=since.__getitem__)


def start_next(home: Path) -> Run | None:
    """Start the run that has waited longest, unless one is training; -> the run that was started.

    One that cannot be started has failed, and the next has its turn.
    """
    for run in waiting(home) if running(home) is None else ():
        try:
            start(run)
        except RunActive:
            return None
        except (ValueError, OSError) as error:
            record(run, "failed", _told(error, run.folder))
        else:
            return run
    return None


def delete(home: Path, name: str) -> None:
    """Delete a run for ever. Raises Busy where it is training, ValueError where there is none."""
    run = Run(home / _checked(name))
    if run.folder.is_symlink() or not run.folder.is_dir():
        raise ValueError(f"there is no run {name!r}")
    gone = home / f".{name}-deleted-{os.getpid()}"
    with _guarded(home):
        if run.alive:
            raise RunActive(f"run {name!r} is training; stop it first")
        run.folder.rename(gone)
    shutil.rmtree(gone)  # follows no links


def running(home: Path) -> str | None:
    """The name of the run that is training, if one is."""
    name, pid, birth = _read_lock(home)
    return name if birth and process_start_time(pid) == birth else None


def check_free(home: Path) -> None:
    """Raise Busy where a run is training."""
    if name := running(home):
        raise RunActive(_busy(name))


def seconds_running(home: Path) -> float:
    """For how long the run that is training has been at it; 0 where none is."""
    try:
        return time.time() - (home / "lock.json").stat().st_mtime if running(home) else 0.0
    except FileNotFoundError:  # it has just ended
        return 0.0


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"a run's name is 1 to 64 letters, digits, '-' and '_'; got {name[:80]!r}")
    return name


def _spawn(run: Run) -> subprocess.Popen:
    command = [sys.executable, "-m", "dalle", "train-folder", "--output", str(run.folder.resolve())]
    with (run.folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [*command, "--nice", str(NICE)],
            cwd=Path(__file__).resolve().parents[2],
            # Threads that spin while they wait slow another process on the same cores 20-fold.
            env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


# --- from inside: the process that trains


def set_niceness(nice: int) -> None:
    """Lower this process's priority; on Linux that of its session too, without which nice says little."""
    if hasattr(os, "nice"):
        os.nice(nice)
    with suppress(OSError):  # no Linux, or one without session groups
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")


@contextmanager
def working(run: Run) -> Iterator["_Report"]:
    """Inside, this process is the one that trains. An error that leaves is written down in the status.

    The report is called with (state, step, steps, loss) and says whether to stop; its `end` takes the last
    state. Raises Busy where another run is training, ValueError where this one is done.
    """
    if not _take(run, heir=True):
        (run.folder / "stop").unlink(missing_ok=True)  # asked of an earlier process
    report = _Report(run)
    try:
        yield report
    except Exception as error:
        report.end("failed", _told(error, run.folder))
        raise
    finally:
        _release(run)


class _Report:
    """Writes a run's status."""

    def __init__(self, run: Run):
        self.path, self.request = run.folder / "status.json", run.folder / "stop"
        self.status = Status("preparing")
        self.times: deque[tuple[int, float]] = deque(maxlen=RECENT)  # step, seconds

    def __call__(self, state: str, step: int = 0, steps: int = 0, loss: float | None = None) -> bool:
        """Tell how far it is; -> whether it is asked to stop."""
        stop = self.request.exists()
        if state != self.status.state:
            self.times.clear()
        self.times.append((step, time.monotonic()))
        if stop or state != self.status.state or time.time() > self.status.heartbeat + OFTEN:
            left = self._left(steps) if state == "training" else None
            self.write(Status(state, step, steps, self.status.loss if loss is None else loss, left))
        return stop

    def end(self, state: str, error: str = "") -> None:
        self.write(replace(self.status, state=state, error=error, seconds_left=None))
        self.request.unlink(missing_ok=True)

    def write(self, status: Status) -> None:
        self.status = replace(status, heartbeat=time.time())
        text = json.dumps(asdict(self.status)) + "\n"
        try:
            write_text(self.path, text)
        except OSError:  # on a full disk the old file's room is there still
            with self.path.open("r+", encoding="utf-8") as file:
                file.write(text)
                file.truncate()

    def _left(self, steps: int) -> float | None:
        (first, began), (last, now) = self.times[0], self.times[-1]
        return (steps - last) * (now - began) / (last - first) if last > first else None


def _told(error: Exception, folder: Path) -> str:
    """An error for people."""
    known = isinstance(error, ValueError | RuntimeError | OSError)
    text = (str(error) if known else f"{type(error).__name__}: {error}")[:MAX_ERROR]
    # Not every library passes the system's error on as it is.
    if "No space left" in text or shutil.disk_usage(folder).free < ROOM:
        return f"the disk is full ({text}); make room and start the run again, it goes on from its last save"
    return text


# --- one run at a time


def process_start_time(pid: int) -> str:
    """When a living process began, as a text to compare; empty where there is none of that number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"  # a zombie lives no longer
    except OSError:
        return "" if sys.platform == "linux" else _born_elsewhere(pid)


def _born_elsewhere(pid: int) -> str:
    import psutil  # comes with accelerate

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.0f}"
    except psutil.Error:
        return ""


def _take(run: Run, heir: bool) -> bool:
    """Write into the lock that this process trains `run`; -> whether its parent had started that for it.

    Only an `heir` may take the lock over from its parent. Raises Busy where another process holds it,
    ValueError where there is nothing to train.
    """
    if not run.folder.is_dir():
        raise ValueError(f"there is no run {run.name!r}")
    home = run.folder.parent
    with _guarded(home):
        name, pid, birth = _read_lock(home)
        inherited = heir and name == run.name and pid in (os.getpid(), os.getppid())
        if not inherited and birth and process_start_time(pid) == birth:
            raise RunActive(_busy(name))
        _check_unfinished(run)
        _write_lock(run, os.getpid())
    return inherited


def _busy(name: str) -> str:
    return f"run {name!r} is training; stop it or wait until it is done"


def _check_unfinished(run: Run) -> None:
    if run.status().state == "done":
        raise ValueError(f"run {run.name!r} is done; start a new one to learn more")


def _release(run: Run) -> None:
    with _guarded(run.folder.parent):
        if _read_lock(run.folder.parent)[:2] == (run.name, os.getpid()):
            (run.folder.parent / "lock.json").unlink()


@contextmanager
def _guarded(home: Path) -> Iterator[None]:
    """Nobody else takes or releases the lock meanwhile."""
    with (home / ".guard").open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_lock(run: Run, pid: int) -> None:
    text = json.dumps({"run": run.name, "pid": pid, "born": process_start_time(pid)})
    write_text(run.folder.parent / "lock.json", text + "\n")


def _read_lock(home: Path) -> tuple[str, int, str]:
    """The run, process and birth that the lock names; empty where it names none."""
    try:
        lock = json.loads((home / "lock.json").read_text(encoding="utf-8"))
        return str(lock["run"]), int(lock["pid"]), str(lock["born"])
    except (OSError, ValueError, TypeError, KeyError):
        return "", 0, ""
