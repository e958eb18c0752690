"""Writing a set of sprites: parts drawn one source at a time, joined into one folder, with a digest.

A part that is on the disk is whole, since each file is written beside its place and then moved there.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file to write that appears at `path` when it is complete, or not at all."""
    scratch = path.with_name(f".{path.name}.part")
    try:
        with scratch.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def write_array(path: Path, shape: tuple[int, ...], pictures: Iterable[np.ndarray]) -> str:
    """Stream uint8 pictures into an .npy file of the given shape; the sha256 of their bytes.

    Raises ValueError where there are more or fewer of them.
    """
    digest, count = hashlib.sha256(), 0
    with written(path) as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for picture in pictures:
            if picture.shape != shape[1:] or picture.dtype != np.uint8:
                raise ValueError(f"a picture {picture.shape} of {picture.dtype} among pictures {shape[1:]}")
            data = picture.tobytes()
            digest.update(data)
            file.write(data)
            count += 1
        if count != shape[0]:
            raise ValueError(f"{path.name} should have {shape[0]} pictures and has {count}")
    return digest.hexdigest()


def joined(parts: Iterable[Path]) -> Iterator[np.ndarray]:
    """The pictures of several .npy files, one after the other."""
    for part in parts:
        yield from np.load(part, mmap_mode="r", allow_pickle=False)


def write_index(path: Path, index: dict[str, Any], digests: Iterable[str]) -> str:
    """Write index.json with the set's digest, which is over the digests of its pixels and the index."""
    body = _json(index)
    digest = hashlib.sha256("".join([*digests, body]).encode()).hexdigest()
    with written(path) as file:
        file.write(_json({**index, "digest": digest}).encode())
    return digest


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
