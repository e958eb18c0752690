"""Small files that a kill or a power cut at any moment leaves old or new, never half."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write `path` beside its place, then move it there."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
