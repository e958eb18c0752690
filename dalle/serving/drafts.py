"""Drafts: images and captions that visitors have uploaded, but not started to train on. One for each visitor.

A visitor is identified by a secret that their browser keeps; the folder of a draft is named by its digest.
"""

import hashlib
import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dalle.data.folder import augmentation, importer
from dalle.data.folder.archive import ImportSource, Quota, SourceError
from dalle.data.folder.augmentation import ResizeMode
from dalle.data.folder.image_folder import ImageFolder
from dalle.errors import InputError
from dalle.finetuning import forecast
from dalle.finetuning.plan import MIN_RECONSTRUCTION_PSNR
from dalle.finetuning.reconstruction import ReconstructionQuality
from dalle.pipeline.dalle import DALLE
from dalle.serving.training_limits import Limits, check_disk_space

DRAFTS_FOLDER = ".drafts"
DRAFT_LIFETIME = 24 * 3600  # seconds after the last upload, until a draft is deleted
MAX_RECONSTRUCTED = 12  # images of a draft whose reconstructions are measured


@dataclass(frozen=True)
class Forecast:
    """What training on a draft would take, as measured on this machine."""

    seconds: dict[str, float]  # by preset
    psnr: float  # dB, of the images' reconstructions by the checkpoint
    adapts_generator: bool  # whether that is so low that the Generator would adapt
    reconstructions: Image.Image  # images above their reconstructions


class Drafts:
    """The drafts in `home`, the folder of all runs."""

    def __init__(self, home: Path, limits: Limits):
        self.home, self.limits = home, limits
        self.lock = threading.RLock()  # captions are in two files, which are read and written together
        self._forecasts: dict[Path, tuple[object, Forecast]] = {}  # by draft, with what it depends on
        self._measuring = threading.Lock()  # two measurements at once would each take twice as long

    def get(self, visitor: str) -> ImageFolder | None:
        """The draft of a visitor; None if there is none."""
        with self.lock, suppress(SourceError):
            return ImageFolder.open(self._path(visitor))
        return None

    def require(self, visitor: str) -> ImageFolder:
        """The draft of a visitor. Raises InputError if it has no images."""
        draft = self.get(visitor)
        if draft is None or not draft.items:
            raise InputError("no_pictures")
        return draft

    def import_images(self, visitor: str, source: ImportSource) -> ImageFolder:
        """Add an upload to the draft. Raises SourceError if it is refused as a whole, InputError if the disk
        is full; the old draft stays then."""
        check_disk_space(self.home, self.limits)
        self._delete_expired()
        quota = Quota(pictures=self.limits.pictures, total_bytes=self.limits.source_bytes)
        path = self._path(visitor)
        imported = path.with_name(f"{path.name}-{secrets.token_hex(4)}")
        importer.import_images(source, imported, quota, self.get(visitor))
        with self.lock:
            old = self.get(visitor)
            shutil.rmtree(path, ignore_errors=True)
            imported.rename(path)
            if old:  # captions that were typed during the import
                self.save_captions(visitor, [row for row in old.rows if all(row)])
            return ImageFolder.open(path)

    def save_captions(self, visitor: str, rows: Sequence[tuple[str, str]]) -> None:
        """Save (file name, caption) rows while they are typed. Invalid ones are reported at the start."""
        with self.lock, suppress(ValueError):
            if draft := self.get(visitor):
                captions = dict(draft.rows)
                captions |= {name: caption for name, caption in rows if name in captions}
                draft.with_captions(captions.items())

    def discard(self, visitor: str) -> None:
        """Delete the draft of a visitor."""
        with self.lock:
            self._delete(self._path(visitor))

    def forecast(self, visitor: str, base: Path, resize_mode: ResizeMode = "crop") -> Forecast:
        """What fine-tuning the checkpoint `base` on the draft would take.

        It is measured once for each draft: a page that is reloaded asks again.
        """
        draft = self.require(visitor)
        key = (base, resize_mode, draft.path.stat().st_ino)
        if self._forecasts.get(draft.path, (None, None))[0] != key:
            self._forecasts[draft.path] = (key, self._measure(draft, base, resize_mode))
        return self._forecasts[draft.path][1]

    def _measure(self, draft: ImageFolder, base: Path, resize_mode: ResizeMode) -> Forecast:
        model = DALLE.from_pretrained(base).model
        pictures, size = draft.read_images()[:MAX_RECONSTRUCTED], model.config.image_size
        pixels = [np.asarray(augmentation.fit_on_white(picture, size, resize_mode)) for picture in pictures]
        with self._measuring:
            times = forecast.measure_in_subprocess(base)
        quality = ReconstructionQuality(model, np.stack(pixels))
        adapts_generator = quality.psnr < MIN_RECONSTRUCTION_PSNR
        seconds = {preset: times.seconds(preset, adapts_generator) for preset in self.limits.presets}
        return Forecast(seconds, quality.psnr, adapts_generator, quality.grid())

    def _path(self, visitor: str) -> Path:
        return self.home / DRAFTS_FOLDER / visitor_digest(visitor)

    def _delete_expired(self) -> None:
        for path in (self.home / DRAFTS_FOLDER).glob("*"):
            if time.time() - path.stat().st_mtime > DRAFT_LIFETIME:
                self._delete(path)

    def _delete(self, path: Path) -> None:
        self._forecasts.pop(path, None)
        shutil.rmtree(path, ignore_errors=True)


def visitor_digest(visitor: str) -> str:
    """A name on disk that does not reveal the visitor's secret."""
    return hashlib.sha256(visitor.encode()).hexdigest()[:32]
