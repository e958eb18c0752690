"""The workshop: what visitors of the page may do with training runs, within limits, one run at a time.

    files --gather--> draft --start--> a run that waits for its turn, trains --> a checkpoint to draw with

A visitor is known by a secret that their browser keeps; a run's folder holds its digest. All else is files
too, so that a page that is reloaded, and a server that is started again, find everything as it is.
"""

import hashlib
import re
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dalle.data.folder import augmentation
from dalle.data.folder import image_folder as folders
from dalle.data.folder.archive import FolderError, Quota, Source
from dalle.data.folder.augmentation import ResizeMode
from dalle.data.folder.image_folder import Folder
from dalle.errors import InputError
from dalle.finetuning import forecast, plan, runs
from dalle.finetuning.finetune_tasks import Reconstruction
from dalle.finetuning.plan import PRESETS, Plan
from dalle.finetuning.runs import Run
from dalle.pipeline import checkpoint_archive
from dalle.pipeline.dalle import DALLE

HOME = Path("runs/taught")
EVERY = 1.0  # seconds between two looks at the queue
ABANDONED = 24 * 3600  # seconds after which a draft that was never started is thrown away
RECONSTRUCTED = 12  # pictures of a draft
DRAFTS, OWNER = ".drafts", "owner.txt"


@dataclass(frozen=True)
class Limits:
    """How much a visitor may take."""

    pictures: int = 500  # of a run
    source_bytes: int = 2**29  # of what is handed over, unpacked
    steps: int = 10_000  # of a run
    hours: float = 24  # that a run trains at a time
    waiting: int = 64  # runs that wait for their turn
    waiting_each: int = 64  # of a visitor
    disk_bytes: int = 2**36  # of all runs together
    free_bytes: int = 2**31  # of the disk, that a run may need and must be there

    @property
    def presets(self) -> list[str]:
        """The presets that are short enough."""
        return [name for name, preset in PRESETS.items() if preset.steps <= self.steps]


HOSTED = Limits(
    pictures=50, source_bytes=2**26, steps=1_000, hours=1, waiting=16, waiting_each=1, disk_bytes=2**33
)


@dataclass(frozen=True)
class Forecast:
    """What is to be expected of training on a draft, measured here and now."""

    seconds: dict[str, float]  # by preset
    psnr: float  # dB of the pictures' reconstructions as the checkpoint is
    adapts: bool  # whether the Generator will adapt to them
    sheet: Image.Image  # pictures above their reconstructions


class TrainingService:
    """The runs below `home`. `shared`: each visitor sees only their own; else everybody sees all."""

    def __init__(self, home: Path = HOME, limits: Limits | None = None, shared: bool = False):
        self.home, self.limits, self.shared = home, limits or Limits(), shared
        self._outlooks: dict[Path, tuple[object, Forecast]] = {}  # by draft
        self._measuring = threading.Lock()  # two at once would each look half as fast
        self._drafting = threading.RLock()  # a start reads what a typed caption writes, in two files
        self._closed = threading.Event()
        home.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "TrainingService":
        threading.Thread(target=self._work, name="dalle-workshop", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        """Runs go on."""
        self._closed.set()

    def _work(self) -> None:
        while not self._closed.wait(EVERY):
            with suppress(OSError):  # a disk that is full now may not be so later
                self.tick()

    def tick(self) -> None:
        """Stop a run whose time is up, and start the next."""
        if runs.seconds_running(self.home) > 3600 * self.limits.hours and (name := runs.running(self.home)):
            Run(self.home / name).stop()
        runs.start_next(self.home)

    # --- whose runs

    def runs(self, visitor: str) -> list[Run]:
        """The runs that a visitor sees, the newest first."""
        seen = [run for run in runs.listing(self.home) if self._sees(visitor, run)]
        return sorted(seen, key=lambda run: _since(run.folder / OWNER), reverse=True)

    def run(self, visitor: str, name: str) -> Run:
        """A run that a visitor sees. Raises ValueError where there is none of that name."""
        found = {run.name: run for run in self.runs(visitor)}
        if name not in found:
            raise ValueError(f"there is no run {name[:80]!r}")
        return found[name]

    def place(self, run: Run) -> int:
        """How many runs have to end before this one begins; 0 where it does not wait."""
        queue = runs.waiting(self.home)
        return queue.index(run) + (runs.running(self.home) is not None) if run in queue else 0

    def _sees(self, visitor: str, run: Run) -> bool:
        if not self.shared:
            return True
        try:
            owner = (run.folder / OWNER).read_text(encoding="ascii")
        except (OSError, ValueError):
            return False
        return secrets.compare_digest(owner, _digest(visitor))

    # --- drafts: pictures with captions that are not learnt from yet

    def draft(self, visitor: str) -> Folder | None:
        """The pictures that the visitor handed over and has not started with."""
        with self._drafting, suppress(FolderError):
            return Folder.open(self._drafts(visitor))
        return None

    def gather(self, visitor: str, source: Source) -> Folder:
        """Add what a visitor hands over to their draft. Raises FolderError, ValueError."""
        self._check_room()
        self._tidy()
        quota = Quota(pictures=self.limits.pictures, total_bytes=self.limits.source_bytes)
        path = self._drafts(visitor)
        fresh = path.with_name(f"{path.name}-{secrets.token_hex(4)}")
        folders.import_images(source, fresh, quota, self.draft(visitor))
        with self._drafting:
            draft = self.draft(visitor)
            shutil.rmtree(path, ignore_errors=True)
            fresh.rename(path)
            if draft:  # what was typed meanwhile
                self.keep_captions(visitor, [row for row in draft.rows if all(row)])
            return Folder.open(path)

    def keep_captions(self, visitor: str, rows: Sequence[tuple[str, str]]) -> None:
        """Save a draft's captions as they are typed; one that cannot be used is told of at the start."""
        with self._drafting, suppress(ValueError):
            if draft := self.draft(visitor):
                captions = dict(draft.rows)
                captions |= {name: caption for name, caption in rows if name in captions}
                draft.recaptioned(captions.items())

    def forget(self, visitor: str) -> None:
        """Throw the visitor's draft away."""
        with self._drafting:
            self._outlooks.pop(self._drafts(visitor), None)
            shutil.rmtree(self._drafts(visitor), ignore_errors=True)

    def outlook(self, visitor: str, base: Path, how: ResizeMode = "crop") -> Forecast:
        """Measure how long each preset would take on the draft, and how well `base` holds its pictures.

        What was measured of a draft is remembered: a page that is reloaded asks again.
        """
        draft = self._some_draft(visitor)
        key = (base, how, draft.path.stat().st_ino)
        if self._outlooks.get(draft.path, (None, None))[0] != key:
            self._outlooks[draft.path] = (key, self._measured(draft, base, how))
        return self._outlooks[draft.path][1]

    def _measured(self, draft: Folder, base: Path, how: ResizeMode) -> Forecast:
        model = DALLE.from_pretrained(base)
        pictures, size = draft.pictures()[:RECONSTRUCTED], model.config.image_size
        pixels = [np.asarray(augmentation.plain(picture, size, how)) for picture in pictures]
        with self._measuring:
            pace = forecast.measure_in_subprocess(base)
        seen = Reconstruction(model, np.stack(pixels))
        adapts = seen.psnr < plan.POOR
        seconds = {preset: pace.seconds(preset, adapts) for preset in self.limits.presets}
        return Forecast(seconds, seen.psnr, adapts, seen.sheet())

    def _some_draft(self, visitor: str) -> Folder:
        draft = self.draft(visitor)
        if draft is None or not draft.items:
            raise InputError("no_pictures")
        return draft

    def _drafts(self, visitor: str) -> Path:
        return self.home / DRAFTS / _digest(visitor)

    def _tidy(self) -> None:
        for path in (self.home / DRAFTS).glob("*"):
            if time.time() - path.stat().st_mtime > ABANDONED:
                self._outlooks.pop(path, None)
                shutil.rmtree(path, ignore_errors=True)

    # --- runs

    def start(
        self,
        visitor: str,
        rows: Sequence[tuple[str, str]],
        base: Path,
        preset: str,
        name: str = "",
        how: ResizeMode = "crop",
        flips: bool = False,
    ) -> Run:
        """Make a run of the draft, with these (file name, caption) rows, and let it wait for its turn.

        Raises ValueError where rows, preset or checkpoint cannot be used, the disk has no room, or as many
        runs wait as may.
        """
        self._check_room()
        self._check_queue(visitor)
        if preset not in self.limits.presets:
            raise ValueError(f"there is no preset {preset!r} here; choose {', '.join(self.limits.presets)}")
        todo = plan.make_plan(base, preset, how=how, flips=flips)
        with self._drafting:
            draft = self._some_draft(visitor).recaptioned(rows)
            plan.check(draft)
            usual = Counter(item.caption for item in draft.items).most_common(1)[0][0]
            run = self._new(visitor, name or usual)
            self._hand_over(draft, todo, run)
        self._outlooks.pop(draft.path, None)
        self.tick()
        return run

    def _hand_over(self, draft: Folder, todo: Plan, run: Run) -> None:
        """Make the draft a run's data, and queue it."""
        data = run.folder / "data"
        try:
            todo.save(run.folder)
            draft.path.rename(data)
            runs.enqueue(run)
        except BaseException:
            if data.is_dir():
                data.rename(draft.path)  # the pictures are the visitor's: they stay a draft
            shutil.rmtree(run.folder)
            raise

    def resume(self, visitor: str, name: str) -> None:
        """Let a run that was stopped, interrupted or failed wait for its turn to go on."""
        self._check_room()
        run = self.run(visitor, name)
        self._check_queue(visitor)
        runs.enqueue(run)
        self.tick()

    def delete(self, visitor: str, name: str) -> None:
        """Delete a run and its checkpoint for ever. Raises Busy where it is training."""
        runs.delete(self.home, self.run(visitor, name).name)

    def take_in(self, visitor: str, source: Source) -> Run:
        """A checkpoint that a visitor brings, as a run that is done. Raises what parcel.unpack raises."""
        self._check_room()
        first = source if isinstance(source, Path) else source[0]
        run = self._new(visitor, first.stem if first.suffix == ".zip" else "checkpoint")
        try:
            checkpoint_archive.import_checkpoint(source, run.folder / "checkpoint-000000")
        except BaseException:
            shutil.rmtree(run.folder)
            raise
        runs.record(run, "done")
        return run

    def _new(self, visitor: str, name: str) -> Run:
        """A new run's folder, called `name` as far as that can be a name and is free."""
        plain = re.sub(r"\W+", "-", name).strip("-")[:40].strip("-") or "run"
        number, run = 1, None
        while run is None:
            try:
                run = runs.create(self.home, plain if number == 1 else f"{plain}-{number}")
            except FileExistsError:
                number += 1
        (run.folder / OWNER).write_text(_digest(visitor), encoding="ascii")
        return run

    def _check_queue(self, visitor: str) -> None:
        """Raise Refused where as many runs wait as may."""
        queue = runs.waiting(self.home)
        if len(queue) >= self.limits.waiting:
            raise InputError("waiting", most=self.limits.waiting)
        if sum(self._sees(visitor, run) for run in queue) >= self.limits.waiting_each:
            raise InputError("yours_waiting", most=self.limits.waiting_each)

    def _check_room(self) -> None:
        """Raise ValueError where another run might fill the disk, or the part of it that runs may have."""
        used = sum(_size(path) for path in self.home.rglob("*"))
        if used > self.limits.disk_bytes:
            raise InputError("runs_full", used=f"{used / 2**30:.0f} GiB")
        if shutil.disk_usage(self.home).free < self.limits.free_bytes:
            raise InputError("disk_full", needed=f"{self.limits.free_bytes / 2**30:.0f} GiB")


def _digest(visitor: str) -> str:
    return hashlib.sha256(visitor.encode()).hexdigest()[:32]


def _since(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else 0.0


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # a run that trains moves its files
        return 0
