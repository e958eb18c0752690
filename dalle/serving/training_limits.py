"""How much visitors of the page may take for training: images, time, places in the queue, disk."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from dalle.errors import InputError
from dalle.finetuning.plan import FINETUNE_PRESETS


@dataclass(frozen=True)
class Limits:
    """Upper bounds, except `free_bytes`."""

    pictures: int = 500  # of a run
    source_bytes: int = 2**29  # of an upload, unpacked
    steps: int = 10_000  # of a run's flow
    hours: float = 24  # that a run may train at a time
    waiting: int = 64  # runs in the queue
    waiting_per_visitor: int = 64
    disk_bytes: int = 2**36  # of all runs and drafts together
    free_bytes: int = 2**31  # that must be free on the disk, as a run may need them

    @property
    def presets(self) -> list[str]:
        """The presets that are short enough."""
        return [name for name, preset in FINETUNE_PRESETS.items() if preset.steps <= self.steps]


HOSTED_LIMITS = Limits(
    pictures=50,
    source_bytes=2**26,
    steps=1_000,
    hours=1,
    waiting=16,
    waiting_per_visitor=1,
    disk_bytes=2**33,
)


def check_disk_space(home: Path, limits: Limits) -> None:
    """Raise InputError if another run or draft in `home` could exceed its quota, or fill the disk."""
    used = sum(_file_size(path) for path in home.rglob("*"))
    if used > limits.disk_bytes:
        raise InputError("runs_full", used=f"{used / 2**30:.0f} GiB")
    if shutil.disk_usage(home).free < limits.free_bytes:
        raise InputError("disk_full", needed=f"{limits.free_bytes / 2**30:.0f} GiB")


def _file_size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # a run that trains moves its files
        return 0
