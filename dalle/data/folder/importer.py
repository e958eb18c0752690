"""Imports a user's images and captions, from a folder, a zip or uploaded files, into an ImageFolder.

Every file of the source becomes an image, is read for captions, or is reported as an ImportIssue.
"""

import hashlib
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image

from dalle import images
from dalle.data.folder import archive
from dalle.data.folder.archive import ImportIssue, ImportSource, Quota, SourceFile, printable
from dalle.data.folder.caption_files import (
    CaptionTable,
    base_name,
    caption_from_path,
    has_class_folders,
    normalize_path,
    without_suffix,
)
from dalle.data.folder.image_folder import CaptionedImage, ImageFolder, drop_opaque_alpha
from dalle.errors import ErrorMessage, error_message

MAX_SHORT_SIDE = 256  # pixels: the shorter side of a saved image, enough for every preset
MAX_FILE_STEM = 60  # characters of a saved image's name, before a number and the suffix


def import_images(
    source: ImportSource, path: Path, quota: Quota | None = None, before: ImageFolder | None = None
) -> ImageFolder:
    """Read a source into a new folder at `path`, which appears when it is complete.

    `before`: an earlier import, whose images come first. Images keep their transparency, lose their metadata,
    and are made no larger than training needs. Raises FileExistsError if `path` exists, SourceError if the
    source is refused as a whole.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists; choose another folder or delete it")
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    quota = quota or Quota()
    try:
        with archive.open_source(source, quota) as (files, issues):
            importer = _Importer(scratch, quota, issues)
            folder = importer.run(files, before or ImageFolder(path, (), (), 0, 0))
        folder.save()
        scratch.chmod(0o755)
        scratch.rename(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return replace(folder, path=path)


class _Rejected(Exception):
    """A file that becomes no image, with the kind and the reason of its ImportIssue."""

    def __init__(self, kind: str, reason: ErrorMessage):
        super().__init__(str(reason))
        self.kind, self.reason = kind, reason


class _Importer:
    """One import into `folder`. Adds to `issues` what cannot be used."""

    def __init__(self, folder: Path, quota: Quota, issues: list[ImportIssue]):
        self.folder, self.quota, self.issues = folder, quota, issues
        self.total_pixels = 0  # of the images decoded so far
        self.first_path: dict[bytes, str] = {}  # digest of an image -> path of the first file that had it
        self.names: set[str] = set()  # of the saved images, in lower case

    def run(self, files: list[SourceFile], before: ImageFolder) -> ImageFolder:
        file_count = len(files) + len(self.issues)
        captions = CaptionTable(self.issues, self.quota.files)
        candidates = [file for file in files if not captions.read(file)]
        self._copy_images(before)
        saved: dict[int, str] = {}  # position in `candidates` -> name in the folder
        for position, file in enumerate(candidates):
            try:
                saved[position] = self._save_image(file)
            except _Rejected as rejected:
                self.issues.append(ImportIssue.from_message(file.name, rejected.kind, rejected.reason))
        items = _assign_captions(list(before.items), saved, [file.name for file in candidates], captions)
        return ImageFolder(
            self.folder,
            tuple(items),
            (*before.issues, *self.issues),
            before.file_count + file_count,
            before.caption_file_count + captions.used_files,
        )

    def _copy_images(self, before: ImageFolder) -> None:
        for item, picture in zip(before.items, before.read_images(), strict=True):
            shutil.copy(before.path / item.name, self.folder)
            self.first_path[_digest(picture)] = item.name
            self.names.add(item.name.lower())

    def _save_image(self, file: SourceFile) -> str:
        """Save a file as an image -> its name in the folder; raises _Rejected."""
        if len(self.names) >= self.quota.pictures:
            raise _Rejected("refused", error_message("pictures", most=self.quota.pictures))
        picture = _shrink(drop_opaque_alpha(self._decode(file)))
        digest = _digest(picture)
        if digest in self.first_path:
            first = printable(self.first_path[digest])
            raise _Rejected("duplicate", error_message("duplicate", first=first))
        self.first_path[digest] = file.name
        name = self._new_name(file.name)
        picture.save(self.folder / name)
        return name

    def _decode(self, file: SourceFile) -> Image.Image:
        """The RGBA image of a file; raises _Rejected if it is unreadable, too small or beyond the quota."""
        try:
            content = file.read()
        except Exception as error:  # a damaged zip makes Python raise zlib.error, EOFError, BadZipFile, ...
            raise _Rejected("unreadable", error_message("closed", error=str(error))) from error
        if content.startswith(archive.ZIP_SIGNATURE):
            raise _Rejected("refused", archive.NESTED)
        try:
            picture = images.read(content, alpha=True)
        except images.ImageError as error:
            raise _Rejected("unreadable", error.message) from error
        self.total_pixels += picture.width * picture.height
        if self.total_pixels > self.quota.total_pixels:
            megapixels = round(self.quota.total_pixels / 1e6)
            raise _Rejected("refused", error_message("megapixels", most=megapixels))
        if min(picture.size) < self.quota.side:
            size = {"width": picture.width, "height": picture.height}
            raise _Rejected("small", error_message("small", side=self.quota.side, **size))
        return picture

    def _new_name(self, path: str) -> str:
        """A plain file name that no other image has, from an untrusted path."""
        stem = without_suffix(base_name(normalize_path(path)))
        stem = re.sub(r"[^\w-]+", "-", stem).strip("-")[:MAX_FILE_STEM] or "picture"
        name, number = f"{stem}.png", 1
        while name.lower() in self.names:
            number += 1
            name = f"{stem}-{number}.png"
        self.names.add(name.lower())
        return name


def _assign_captions(
    older: list[CaptionedImage], saved: dict[int, str], paths: list[str], captions: CaptionTable
) -> list[CaptionedImage]:
    """The older images, then those saved from `paths` (position -> name), with captions of files or paths.

    Caption files are matched with older images too, if these have no caption and no new file has their name.
    """
    in_classes = has_class_folders([paths[position] for position in saved])
    items = list(older)
    index_of: dict[int, int] = {}  # position in `paths`, or after them of an older image -> index in `items`
    for position, name in saved.items():
        index_of[position] = len(items)
        items.append(CaptionedImage(name, *caption_from_path(paths[position], in_classes)))
    new_names = {without_suffix(base_name(normalize_path(path))) for path in paths}
    open_older = [
        index
        for index, item in enumerate(older)
        if not item.caption and without_suffix(item.name) not in new_names
    ]
    index_of |= dict(enumerate(open_older, len(paths)))
    for position, row in captions.match(paths + [older[index].name for index in open_older]).items():
        if position in index_of:
            index = index_of[position]
            items[index] = CaptionedImage(items[index].name, row.caption, row.source)
    return items


def _digest(picture: Image.Image) -> bytes:
    return hashlib.sha256(f"{picture.mode} {picture.width} ".encode() + picture.tobytes()).digest()


def _shrink(picture: Image.Image) -> Image.Image:
    """An image whose shorter side is at most MAX_SHORT_SIDE."""
    scale = MAX_SHORT_SIDE / min(picture.size)
    if scale >= 1:
        return picture
    width, height = (round(side * scale) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
