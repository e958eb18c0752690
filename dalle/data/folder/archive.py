"""What a person hands over: a folder, a zip or a list of files, none of it trusted.

    source  --opened-->  Entries, in the order of their names, and a Problem for all that is not read

Nothing is unpacked to disk, so that no path can lead out of a folder. What is dubious is refused by its name,
with a reason.
"""

import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from dalle import images
from dalle.errors import ErrorMessage, InputError, error_message

Source = Path | Sequence[Path]  # a folder or a zip; or files, as a browser uploads them

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")
ZIP = b"PK\x03\x04"  # how a zip begins
ENTRY_BYTES = 1_024  # of a zip's directory, more than an honest entry needs
JUNK = {"__macosx", "thumbs.db", "desktop.ini", "@eadir"}
HIDDEN, NESTED = error_message("hidden"), error_message("nested")
MAX_NAME = 160  # characters of a name that are shown


class FolderError(InputError):
    """A source that is refused as a whole; the message says why and what to do."""


@dataclass(frozen=True)
class Quota:
    """How much of a source is read."""

    files: int = 2_000  # of any kind: a source with more is refused as a whole
    pictures: int = 500
    file_bytes: int = images.MAX_BYTES
    total_bytes: int = 2**29  # unpacked
    total_pixels: int = 2**32  # of all pictures together; images.MAX_PIXELS bounds each
    side: int = 32  # pixels: a picture whose shorter side is less is too small to learn from

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}")


@dataclass(frozen=True)
class ImportIssue:
    """Something that will not be learnt from, by name."""

    name: str
    kind: str  # unreadable | duplicate | small | orphan | caption | refused | ignored | removed
    reason: str  # in English
    code: str = ""  # of the reason, and its values; without, where an older version wrote it down
    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, kind: str, reason: ErrorMessage) -> "ImportIssue":
        """`name`: a stranger's."""
        return cls(shown(name), kind, str(reason), reason.code, reason.values)


class Entry(NamedTuple):
    name: str  # its path in the source, with "/"
    read: Callable[[], bytes]  # may raise OSError, or whatever a damaged zip makes Python raise


@contextmanager
def opened(source: Source, quota: Quota) -> Iterator[tuple[list[Entry], list[ImportIssue]]]:
    """The files of a source that may be read, by name, and the others.

    Raises FolderError where the source is missing, no zip, or holds more than `quota.files`.
    """
    if not isinstance(source, Path) and len(source) == 1:
        (source,) = source
    if isinstance(source, Path) and _is_zip(source):
        with _zip(source, quota) as archive:
            yield _checked(_of_zip(archive), quota)
    else:
        yield _checked(_of_folder(source) if isinstance(source, Path) else _of_files(source), quota)


def shown(name: str) -> str:
    """A stranger's name, fit for a page or a log: no control characters, no end of lines, not too long."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return clean if len(clean) <= MAX_NAME else clean[: MAX_NAME - 1] + "…"


class _Found(NamedTuple):
    name: str
    size: int  # bytes when unpacked
    refusal: ErrorMessage | None  # why it is not read
    read: Callable[[], bytes]


def _checked(found: Iterator[_Found], quota: Quota) -> tuple[list[Entry], list[ImportIssue]]:
    """Apply what all sources have in common."""
    listed = []
    for file in found:
        listed.append(file)
        if len(listed) > quota.files:
            raise FolderError("files", most=quota.files)
    entries, problems, total = [], [], 0
    for file in sorted(listed, key=lambda file: file.name):
        if objection := _objection(file, quota, total):
            problems.append(
                ImportIssue.of(file.name, "ignored" if objection == HIDDEN else "refused", objection)
            )
        else:
            total += file.size
            entries.append(Entry(file.name, file.read))
    return entries, problems


def _objection(file: _Found, quota: Quota, total: int) -> ErrorMessage | None:
    """Why a file may not be read."""
    parts = PurePosixPath(file.name).parts
    if any((part.startswith(".") and part != "..") or part.lower() in JUNK for part in parts):
        return HIDDEN
    if file.refusal:
        return file.refusal
    if file.name.lower().endswith(ARCHIVES):
        return NESTED
    if file.size > quota.file_bytes:
        return error_message("unpacked", size=mib(file.size), most=mib(quota.file_bytes))
    if total + file.size > quota.total_bytes:
        return error_message("total", most=mib(quota.total_bytes))
    return None


def mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size / 2**10:,.0f} KiB"


# --- folders and files


def _of_folder(folder: Path) -> Iterator[_Found]:
    """Every file below a folder, or a file alone; links are not followed, hidden folders not entered."""
    if not folder.is_dir():
        if not folder.exists():
            raise FolderError("missing", path=str(folder))
        yield _file(folder, folder.name)
    for home, folders, files in os.walk(folder, followlinks=False):
        closed = [
            name for name in folders if name.startswith(".") or os.path.islink(os.path.join(home, name))
        ]
        folders[:] = [name for name in folders if name not in closed]
        for name in files + closed:
            path = Path(home, name)
            yield _file(path, path.relative_to(folder).as_posix())


def _of_files(files: Sequence[Path]) -> Iterator[_Found]:
    for path in files:
        yield _file(path, path.name)


def _file(path: Path, name: str) -> _Found:
    try:
        status = path.lstat()
    except OSError as error:
        return _Found(name, 0, error_message("closed", error=error.strerror), path.read_bytes)
    refusal = None
    if stat.S_ISLNK(status.st_mode):
        refusal = error_message("link")
    elif not stat.S_ISREG(status.st_mode):  # a pipe would block for ever
        refusal = error_message("irregular")
    return _Found(name, status.st_size, refusal, path.read_bytes)


# --- zips


def _is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return path.suffix.lower() == ".zip" or file.read(4) == ZIP


@contextmanager
def _zip(path: Path, quota: Quota) -> Iterator[zipfile.ZipFile]:
    if path.stat().st_size > quota.total_bytes:
        raise FolderError("large_zip", name=shown(path.name), most=mib(quota.total_bytes))
    # Python reads a zip's whole directory at once; one with millions of entries would fill the memory.
    if _directory_bytes(path) > ENTRY_BYTES * quota.files:
        raise FolderError("long_zip", name=shown(path.name), most=quota.files)
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # on hostile bytes struct.error, ValueError, NotImplementedError, ...
        raise FolderError("bad_zip", name=shown(path.name), error=str(error)) from error
    with archive:
        yield archive


def _of_zip(archive: zipfile.ZipFile) -> Iterator[_Found]:
    """Every file that a zip claims to hold. What it claims bounds what is ever unpacked of it."""
    for info in archive.infolist():
        if not info.is_dir():
            name = info.filename.replace("\\", "/")  # as some programs of Windows part folders
            yield _Found(name, info.file_size, _suspicion(info, name), partial(_unpacked, archive, info))


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """As much as the zip claims: without a limit zipfile would first unpack all that is there."""
    with archive.open(info) as file:
        return file.read(info.file_size)


def _suspicion(info: zipfile.ZipInfo, name: str) -> ErrorMessage | None:
    """Why a file in a zip is not read, however small."""
    path, kind = PurePosixPath(name), stat.S_IFMT(info.external_attr >> 16)
    if ".." in path.parts or path.is_absolute() or re.match("[A-Za-z]:", name):
        return error_message("outside")
    if kind == stat.S_IFLNK:
        return error_message("link")
    if kind not in (0, stat.S_IFREG):
        return error_message("irregular")
    if info.flag_bits & 1:
        return error_message("encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return error_message("method")
    return None


def _directory_bytes(path: Path) -> int:
    """The size of a zip's directory as zipfile will believe it; 0 where it will find none.

    Asked of zipfile's own search: a second one could be led to another record than it, or past a zip64 one.
    """
    try:
        with path.open("rb") as file:
            record = zipfile._EndRecData(file)
    except (zipfile.BadZipFile, struct.error):  # ZipFile will say what is wrong
        return 0
    return record[zipfile._ECD_SIZE] if record else 0
