"""The folder of images and captions: editing, reopening, and the format of `datasets`."""

from pathlib import Path

import pytest

from dalle.data.folder.archive import SourceError
from dalle.data.folder.image_folder import ImageFolder
from dalle.data.folder.importer import import_images
from tests.data.folder.sources import captions_of, issues_by_name, png, write_files


def test_captions_can_be_edited(tmp_path: Path) -> None:
    """Guards against edits that are lost, and against rows that name other files."""
    files = {f"{name}.png": png(seed) for seed, name in enumerate("abc")}
    folder = import_images(write_files(tmp_path / "in", files), tmp_path / "out")
    odd = 'a "round", <b>red</b>\none; =1+1 苹果'
    edited = folder.with_captions([("c.png", odd), ("a.png", "a")])
    assert edited.rows == [("a.png", "a"), ("c.png", " ".join(odd.split()))]
    assert [item.source for item in edited.items] == ["name", "typed"]
    assert issues_by_name(edited)["b.png"][0] == "removed" and not (folder.path / "b.png").exists()
    assert ImageFolder.open(folder.path) == edited
    for rows, message in (
        ([("b.png", "x")], "none of the folder's 2"),
        ([("../a.png", "x")], "none of the folder's"),
        ([("a.png", "x"), ("a.png", "y")], "twice"),
        ([("a.png", "bell\x07")], r"U\+0007"),
        ([("a.png", "x" * 1_001)], "1,001"),
    ):
        with pytest.raises(ValueError, match=message):
            edited.with_captions(rows)
    assert ImageFolder.open(folder.path) == edited
    assert edited.with_captions([("a.png", " ")]).uncaptioned == ["a.png"]


@pytest.mark.parametrize("broken", ["", "{}", "[]", '{"files": 1}'])
def test_other_folders_are_not_opened(broken: str, tmp_path: Path) -> None:
    """Guards against a KeyError for a folder that is not an import, or is a damaged one."""
    write_files(tmp_path, {"report.json": broken, "metadata.csv": "file_name,text\na.png,x\n"})
    with pytest.raises(SourceError, match="gather them again"):
        ImageFolder.open(tmp_path)


def test_it_is_an_imagefolder_of_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a format of our own: `datasets` must read both the source and the import."""
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    table = 'file_name,text\na.png,a red one\nb.png,"a green, round one"\n'
    captions = ["a red one", "a green, round one"]
    source = write_files(tmp_path / "in", {"metadata.csv": table, "a.png": png(0), "b.png": png(1)})
    folder = import_images(source, tmp_path / "out")
    assert captions_of(folder) == captions
    for path in (source, folder.path):
        cache = str(tmp_path / "cache")
        loaded = datasets.load_dataset("imagefolder", data_dir=str(path), cache_dir=cache)["train"]
        assert sorted(row["text"] for row in loaded) == sorted(captions)
        assert {row["image"].size for row in loaded} == {(40, 40)}
