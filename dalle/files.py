"""Small files: written so that a kill or a power cut leaves them old or new, never half; and read again."""

import io
import json
import os
import threading
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write `path` beside its place, then move it there."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def fsync_files(folder: Path) -> None:
    """Have the files of a folder on the disk itself, so that a power cut leaves them whole."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    fsync_directory(folder)


def fsync_directory(folder: Path) -> None:
    """The same of what the files of a folder are called, where its file system can."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def read_records(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line, less a half-written last one; none where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def read_texts(path: Path) -> list[str]:
    """A JSON file's list of texts; empty where there is no file. Raises ValueError for anything else."""
    if not path.is_file():
        return []
    try:
        texts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError("it is no list of texts")
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read: {error}; delete the file, or copy the checkpoint again"
        ) from error
    return texts


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file of files by name, stored as they are; the same files give the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as into:
        for name, content in files.items():
            into.writestr(zipfile.ZipInfo(name), content)
    return archive.getvalue()
