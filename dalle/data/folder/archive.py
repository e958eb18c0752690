"""Lists the files of an untrusted source: a folder, a zip, or uploaded files.

    source --open_source--> files that may be read, by name; an ImportIssue for every other one

Nothing is unpacked to disk, so no path of a zip can lead out of a folder. A quota bounds what is read; a file
of a dubious kind is refused, with a reason.
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

ImportSource = Path | Sequence[Path]  # a folder, a zip or a file; or several files, as a browser uploads them

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")
ZIP_SIGNATURE = b"PK\x03\x04"  # the first bytes of a zip
MAX_DIRECTORY_ENTRY_BYTES = 1_024  # of a zip's central directory: more than an honest entry needs
SYSTEM_NAMES = {"__macosx", "thumbs.db", "desktop.ini", "@eadir"}  # made by systems, in lower case
HIDDEN, NESTED = error_message("hidden"), error_message("nested")
MAX_SHOWN_NAME = 160  # characters


class SourceError(InputError):
    """A source that is refused as a whole; the message says why, and what to do."""


@dataclass(frozen=True)
class Quota:
    """How much of a source is read. Raises ValueError for a value below 1."""

    files: int = 2_000  # of any kind; a source with more is refused as a whole
    pictures: int = 500
    file_bytes: int = images.MAX_BYTES
    total_bytes: int = 2**29  # unpacked
    total_pixels: int = 2**32  # of all images together; images.MAX_PIXELS bounds each
    side: int = 32  # pixels: an image whose shorter side is less is too small to learn from

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}")


@dataclass(frozen=True)
class ImportIssue:
    """A file or a caption that is not used. The fields are keys of report.json."""

    name: str  # printable
    kind: str  # unreadable | duplicate | small | orphan | caption | refused | ignored | removed
    reason: str  # in English
    code: str = ""  # of the reason's message; "" in reports of versions that kept the English text alone
    values: Mapping[str, Any] = field(default_factory=dict)  # of the reason's message

    @classmethod
    def from_message(cls, name: str, kind: str, reason: ErrorMessage) -> "ImportIssue":
        """`name`: untrusted."""
        return cls(printable(name), kind, str(reason), reason.code, reason.values)


class SourceFile(NamedTuple):
    """A file of a source that passed the checks."""

    name: str  # path in the source, with "/"
    read: Callable[[], bytes]  # may raise OSError, or any exception at all for a damaged zip


@contextmanager
def open_source(source: ImportSource, quota: Quota) -> Iterator[tuple[list[SourceFile], list[ImportIssue]]]:
    """List the files of a source that may be read, sorted by name, and the issues of the others.

    Raises SourceError if the source is missing, is a damaged or too large zip, or has more than
    `quota.files`.
    """
    if not isinstance(source, Path) and len(source) == 1:
        (source,) = source
    if isinstance(source, Path) and _is_zip(source):
        with _open_zip(source, quota) as archive:
            yield _apply_quota(_list_zip(archive), quota)
    else:
        listed = _list_folder(source) if isinstance(source, Path) else _list_files(source)
        yield _apply_quota(listed, quota)


def printable(name: str) -> str:
    """An untrusted name, safe to show: no control characters, no line ends, at most MAX_SHOWN_NAME long."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return clean if len(clean) <= MAX_SHOWN_NAME else clean[: MAX_SHOWN_NAME - 1] + "…"


def format_size(size: int) -> str:
    """A number of bytes in MiB or KiB."""
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size / 2**10:,.0f} KiB"


class _ListedFile(NamedTuple):
    """A file of a source before the quota is applied."""

    name: str
    size: int  # bytes when unpacked
    refusal: ErrorMessage | None  # why its kind is not read
    read: Callable[[], bytes]


def _apply_quota(listed: Iterator[_ListedFile], quota: Quota) -> tuple[list[SourceFile], list[ImportIssue]]:
    """The files that all rules permit, and the issues of the others; SourceError for too many files."""
    files = []
    for file in listed:
        files.append(file)
        if len(files) > quota.files:
            raise SourceError("files", most=quota.files)
    permitted, issues, total = [], [], 0
    for file in sorted(files, key=lambda file: file.name):
        if refusal := _refusal(file, quota, total):
            kind = "ignored" if refusal == HIDDEN else "refused"
            issues.append(ImportIssue.from_message(file.name, kind, refusal))
        else:
            total += file.size
            permitted.append(SourceFile(file.name, file.read))
    return permitted, issues


def _refusal(file: _ListedFile, quota: Quota, total: int) -> ErrorMessage | None:
    """Why a file may not be read, if `total` bytes of other files are; None if it may."""
    parts = PurePosixPath(file.name).parts
    if any((part.startswith(".") and part != "..") or part.lower() in SYSTEM_NAMES for part in parts):
        return HIDDEN
    if file.refusal:
        return file.refusal
    if file.name.lower().endswith(ARCHIVE_SUFFIXES):
        return NESTED
    if file.size > quota.file_bytes:
        return error_message("unpacked", size=format_size(file.size), most=format_size(quota.file_bytes))
    if total + file.size > quota.total_bytes:
        return error_message("total", most=format_size(quota.total_bytes))
    return None


# --- folders and files


def _list_folder(folder: Path) -> Iterator[_ListedFile]:
    """Every file below a folder, or the file itself; links are not followed, hidden folders not entered."""
    if not folder.is_dir():
        if not folder.exists():
            raise SourceError("missing", path=str(folder))
        yield _list_file(folder, folder.name)
    for parent, folders, files in os.walk(folder, followlinks=False):
        closed = [
            name for name in folders if name.startswith(".") or os.path.islink(os.path.join(parent, name))
        ]
        folders[:] = [name for name in folders if name not in closed]
        for name in files + closed:
            path = Path(parent, name)
            yield _list_file(path, path.relative_to(folder).as_posix())


def _list_files(files: Sequence[Path]) -> Iterator[_ListedFile]:
    for path in files:
        yield _list_file(path, path.name)


def _list_file(path: Path, name: str) -> _ListedFile:
    try:
        status = path.lstat()
    except OSError as error:
        return _ListedFile(name, 0, error_message("closed", error=error.strerror), path.read_bytes)
    refusal = None
    if stat.S_ISLNK(status.st_mode):
        refusal = error_message("link")
    elif not stat.S_ISREG(status.st_mode):  # a pipe would block for ever
        refusal = error_message("irregular")
    return _ListedFile(name, status.st_size, refusal, path.read_bytes)


# --- zips


def _is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return path.suffix.lower() == ".zip" or file.read(4) == ZIP_SIGNATURE


@contextmanager
def _open_zip(path: Path, quota: Quota) -> Iterator[zipfile.ZipFile]:
    """Open a zip; SourceError if it is too large, lists too many files, or is damaged."""
    if path.stat().st_size > quota.total_bytes:
        raise SourceError("large_zip", name=printable(path.name), most=format_size(quota.total_bytes))
    # Python reads a zip's whole directory at once; one with millions of entries would fill the memory.
    if _directory_bytes(path) > MAX_DIRECTORY_ENTRY_BYTES * quota.files:
        raise SourceError("long_zip", name=printable(path.name), most=quota.files)
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # on hostile bytes struct.error, ValueError, NotImplementedError, ...
        raise SourceError("bad_zip", name=printable(path.name), error=str(error)) from error
    with archive:
        yield archive


def _list_zip(archive: zipfile.ZipFile) -> Iterator[_ListedFile]:
    """Every file of a zip, with the size that its directory claims, which bounds what is read of it."""
    for info in archive.infolist():
        if not info.is_dir():
            name = info.filename.replace("\\", "/")  # some Windows programs separate folders by backslashes
            read = partial(_read_entry, archive, info)
            yield _ListedFile(name, info.file_size, _entry_refusal(info, name), read)


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """At most the claimed size: without a limit zipfile would first unpack all that is there."""
    with archive.open(info) as file:
        return file.read(info.file_size)


def _entry_refusal(info: zipfile.ZipInfo, name: str) -> ErrorMessage | None:
    """Why an entry of a zip is not read, whatever its size; None if it may be."""
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
    """The size of a zip's central directory as zipfile will believe it; 0 where zipfile will find none.

    It asks zipfile's own search, which is private. A search of ours could be led to another record than
    zipfile's, or past a zip64 record.
    """
    try:
        with path.open("rb") as file:
            record = zipfile._EndRecData(file)  # pyright: ignore[reportAttributeAccessIssue]
    except (zipfile.BadZipFile, struct.error):  # ZipFile will say what is wrong
        return 0
    return record[zipfile._ECD_SIZE] if record else 0  # pyright: ignore[reportAttributeAccessIssue]
