"""Small files: written whole or not at all."""

import os
from pathlib import Path

import pytest

from dalle import files


def test_a_file_is_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against half a file, and against what a failed write leaves behind."""
    path = tmp_path / "status.json"
    files.write_text_atomically(path, "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_text_atomically(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
