"""Small files: atomic writes with fsync, JSON lines and lists, deterministic zip files."""

import io
import json
import os
import threading
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 to a temporary file and rename it, so that after a kill `path` is either old or new."""
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
    """Flush the files of a folder, and their names, to the disk."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    fsync_directory(folder)


def fsync_directory(folder: Path) -> None:
    """Flush the names of a folder's files to the disk, where the file system supports it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """JSON objects, one a line, without a last line that was cut off; empty where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def read_string_list(path: Path) -> list[str]:
    """A JSON list of strings; empty where there is no file. Raises ValueError for any other content."""
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


def write_string_list(path: Path, texts: Sequence[str]) -> None:
    """Write what `read_string_list` reads; no file for no texts."""
    if texts:
        path.write_text(json.dumps(list(texts), ensure_ascii=False) + "\n", encoding="utf-8")


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A zip file of uncompressed contents by name, without dates: the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()
