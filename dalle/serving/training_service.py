"""The training runs of visitors of the page: who owns them, whose turn it is, and within which limits.

    upload --Drafts--> draft --start--> a run that waits in the queue, trains --> a checkpoint to draw with

Everything is kept in files, so that a page that is reloaded, and a server that is restarted, find it as it
is. The folder of a run holds the digest of the secret by which a visitor is identified (drafts.py).
"""

import re
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dalle.data.folder.archive import ImportSource
from dalle.data.folder.augmentation import ResizeMode
from dalle.data.folder.image_folder import ImageFolder
from dalle.errors import InputError
from dalle.finetuning import run_lock, run_process, runs
from dalle.finetuning.plan import Plan, check_trainable, make_plan
from dalle.finetuning.runs import Run
from dalle.pipeline import checkpoint_archive
from dalle.serving.drafts import Drafts, visitor_digest
from dalle.serving.training_limits import Limits, check_disk_space

RUNS_FOLDER = Path("runs/taught")
OWNER_FILE = "owner.txt"
POLL_INTERVAL = 1.0  # seconds between two looks at the queue
MAX_NAME_LENGTH = 40  # characters of a run's name


class TrainingService:
    """The runs in the folder `home`, and the queue. `shared`: each visitor sees only their own runs.

    As a context manager it polls the queue; runs that train go on after it is left.
    """

    def __init__(self, home: Path = RUNS_FOLDER, limits: Limits | None = None, shared: bool = False):
        self.home, self.limits, self.shared = home, limits or Limits(), shared
        self.drafts = Drafts(home, self.limits)
        self._closed = threading.Event()
        home.mkdir(parents=True, exist_ok=True)

    # --- queue

    def __enter__(self) -> "TrainingService":
        threading.Thread(target=self._poll_until_closed, name="dalle-training", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed.set()

    def _poll_until_closed(self) -> None:
        while not self._closed.wait(POLL_INTERVAL):
            with suppress(OSError):  # a disk that is full now may not be so later
                self.poll()

    def poll(self) -> None:
        """Stop a run that has trained too long, and start the next one."""
        too_long = run_lock.seconds_running(self.home) > 3600 * self.limits.hours
        if too_long and (name := run_lock.running(self.home)):
            Run(self.home / name).stop()
        run_process.start_next(self.home)

    def queue_position(self, run: Run) -> int:
        """How many runs have to end before this one starts; 0 if it does not wait."""
        queue = run_process.queued_runs(self.home)
        if run not in queue:
            return 0
        return queue.index(run) + (run_lock.running(self.home) is not None)

    def _check_queue(self, visitor: str) -> None:
        """Raise InputError if the queue is full, for all or for this visitor."""
        queue = run_process.queued_runs(self.home)
        if len(queue) >= self.limits.waiting:
            raise InputError("waiting", most=self.limits.waiting)
        if sum(self._may_see(visitor, run) for run in queue) >= self.limits.waiting_per_visitor:
            raise InputError("yours_waiting", most=self.limits.waiting_per_visitor)

    # --- runs of a visitor

    def runs(self, visitor: str) -> list[Run]:
        """The runs that a visitor may see, the newest first."""
        visible = [run for run in runs.list_runs(self.home) if self._may_see(visitor, run)]
        return sorted(visible, key=_creation_time, reverse=True)

    def run(self, visitor: str, name: str) -> Run:
        """The run of that name. Raises ValueError if there is none that the visitor may see."""
        for run in self.runs(visitor):
            if run.name == name:
                return run
        raise ValueError(f"there is no run {name[:80]!r}")

    def start(
        self,
        visitor: str,
        rows: Sequence[tuple[str, str]],
        base: Path,
        preset: str,
        name: str = "",
        resize_mode: ResizeMode = "crop",
        horizontal_flip: bool = False,
    ) -> Run:
        """Make a run of the visitor's draft with these (file name, caption) rows, and put it into the queue.

        Without a `name` it is named after the most frequent caption. Raises ValueError if rows, preset or
        checkpoint cannot be used, InputError if disk or queue are full; the draft stays then.
        """
        check_disk_space(self.home, self.limits)
        self._check_queue(visitor)
        if preset not in self.limits.presets:
            raise ValueError(f"there is no preset {preset!r} here; choose {', '.join(self.limits.presets)}")
        plan = make_plan(base, preset, resize_mode=resize_mode, horizontal_flip=horizontal_flip)
        with self.drafts.lock:
            draft = self.drafts.require(visitor).with_captions(rows)
            check_trainable(draft)
            caption = Counter(item.caption for item in draft.items).most_common(1)[0][0]
            run = self._create_run(visitor, name or caption)
            self._enqueue_draft(draft, plan, run)
            self.drafts.discard(visitor)  # its images are the run's now
        self.poll()
        return run

    def _enqueue_draft(self, draft: ImageFolder, plan: Plan, run: Run) -> None:
        """Move the draft into the run's folder, and put the run into the queue."""
        data = run.folder / "data"
        try:
            plan.save(run.folder)
            draft.path.rename(data)
            run_process.enqueue(run)
        except BaseException:
            if data.is_dir():
                data.rename(draft.path)  # so that the visitor's images are not lost
            shutil.rmtree(run.folder)
            raise

    def resume(self, visitor: str, name: str) -> None:
        """Put a run that was stopped, interrupted or failed into the queue again."""
        check_disk_space(self.home, self.limits)
        run = self.run(visitor, name)
        self._check_queue(visitor)
        run_process.enqueue(run)
        self.poll()

    def delete(self, visitor: str, name: str) -> None:
        """Delete a run and its checkpoint. Raises RunActive if it is training."""
        runs.delete(self.home, self.run(visitor, name).name)

    def import_checkpoint(self, visitor: str, source: ImportSource) -> Run:
        """Import a visitor's checkpoint, as a run that is done.

        Raises what checkpoint_archive.import_checkpoint raises.
        """
        check_disk_space(self.home, self.limits)
        first = source if isinstance(source, Path) else source[0]
        run = self._create_run(visitor, first.stem if first.suffix == ".zip" else "checkpoint")
        try:
            checkpoint_archive.import_checkpoint(source, run.folder / "checkpoint-000000")
        except BaseException:
            shutil.rmtree(run.folder)
            raise
        runs.record_state(run, "done")
        return run

    def _create_run(self, visitor: str, name: str) -> Run:
        """Create the folder of a run, named `name` as far as that is allowed and free."""
        allowed = re.sub(r"\W+", "-", name).strip("-")[:MAX_NAME_LENGTH].strip("-") or "run"
        number, run = 1, None
        while run is None:
            try:
                run = runs.create(self.home, allowed if number == 1 else f"{allowed}-{number}")
            except FileExistsError:
                number += 1
        (run.folder / OWNER_FILE).write_text(visitor_digest(visitor), encoding="ascii")
        return run

    def _may_see(self, visitor: str, run: Run) -> bool:
        if not self.shared:
            return True
        try:
            owner = (run.folder / OWNER_FILE).read_text(encoding="ascii")
        except (OSError, ValueError):
            return False
        return secrets.compare_digest(owner, visitor_digest(visitor))


def _creation_time(run: Run) -> float:
    """When the run was created, in seconds since 1970; 0 if it has no owner."""
    path = run.folder / OWNER_FILE
    return path.stat().st_mtime if path.is_file() else 0.0
