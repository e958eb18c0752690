"""The checkpoint of a run replaces older ones only after it is safe on the disk."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from dalle.data.folder.importer import import_images
from dalle.finetuning import save
from dalle.pipeline.dalle import DALLE
from tests.training_runs import OPTIONAL_FILES, complete_checkpoint


def test_older_checkpoints_are_deleted_after_the_new_one_is_on_the_disk(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a power cut that leaves no checkpoint at all: the old deleted, the new not written."""
    older, new = tmp_path / "checkpoint-000001", tmp_path / "checkpoint-000002"
    older.mkdir()
    synced, synced_at_deletion, rmtree = set(), set(), shutil.rmtree

    def delete(path: Path, *arguments: object, **options: object) -> None:
        if path == older:
            synced_at_deletion.update(synced)
        rmtree(path, *arguments, **options)

    base = complete_checkpoint(tmp_path / "base")
    data, pipeline = import_images(pictures, tmp_path / "data"), DALLE.from_pretrained(base)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
        patch.setattr(shutil, "rmtree", delete)
        save.save(pipeline, new, data, lambda saved: Image.new("RGB", (8, 8)), {}, {"psnr": 30.0})
    assert not older.exists()
    assert {path.stat().st_ino for path in (*new.iterdir(), new, tmp_path)} <= synced_at_deletion
    assert set(OPTIONAL_FILES) <= {path.name for path in new.iterdir()}
