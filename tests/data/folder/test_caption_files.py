"""Captions from metadata files, text files and names."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from dalle.data.folder.archive import Quota
from dalle.data.folder.importer import import_images
from tests.data.folder.sources import captions_of, issues_by_name, png, write_files, write_zip

CSV = 'file_name,text\na.png,a red one\nb.png,"a green, round one"\n'

JSONL = (
    '{"file_name": "a.png", "text": "a red one"}\n\n{"file_name": "b.png", "text": "a green, round one"}\n'
)

CAPTIONS = ["a red one", "a green, round one"]


CAPTION_FORMATS = {
    "csv": ({"metadata.csv": CSV}, "metadata"),
    "csv of Excel": ({"metadata.csv": "\ufeff" + CSV.replace("\n", "\r\n")}, "metadata"),
    "jsonl": ({"metadata.jsonl": JSONL}, "metadata"),
    "texts": ({"a.txt": " a red\n one ", "b.txt": "\ufeffa green, round one"}, "text"),
}


@pytest.mark.parametrize("source_kind", ["folder", "zip", "uploaded zip", "files"])
@pytest.mark.parametrize("caption_format", CAPTION_FORMATS)
def test_captions_from_files(caption_format: str, source_kind: str, tmp_path: Path) -> None:
    """Guards against a caption file that is silently passed over, in any kind of source."""
    caption_files, caption_source = CAPTION_FORMATS[caption_format]
    files = {"b.png": png(1), "a.png": png(0)} | caption_files
    directory = write_files(tmp_path / "in", files)
    source = {
        "folder": directory,
        "zip": write_zip(tmp_path / "in.zip", files),
        "uploaded zip": [tmp_path / "in.zip"],
        "files": [directory / name for name in files],
    }[source_kind]
    folder = import_images(source, tmp_path / "out")
    assert captions_of(folder) == CAPTIONS
    assert {item.source for item in folder.items} == {caption_source}
    assert folder.issues == () and folder.file_count == len(files)
    assert folder.summary() == "2 pictures, 2 captions matched"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["cats/1.png", "dogs/1.png", "red_birds/x.png"], ["cats", "dogs", "red birds"]),
        (["pets/cats/1.png", "pets/dogs/2.png"], ["cats", "dogs"]),
        (["my dog/IMG_0001.jpg", "my dog/DSC 2.jpg"], ["my dog", "my dog"]),
        (["all/blue car.png", "all/green-tree (2).png"], ["blue car", "green tree"]),
        (["blue_car_12.png", "苹果.png"], ["blue car", "苹果"]),
        (["IMG_1234.png", "3f2504e0-4f89-11d3-9a0c-0305e82c3301.png", "0001.png", "image (3).png"], [""] * 4),
        (
            ["2024-05-12 at 10.33.12.png", "WhatsApp Image 2024-05-12.png", "IMG-20240512-WA0001.png"],
            [""] * 3,
        ),
        (["cat.png", "more/IMG_1.png"], ["cat", "more"]),
    ],
)
def test_captions_from_names(paths: list[str], expected: list[str], tmp_path: Path) -> None:
    """Guards against "IMG 0001" as a caption, and against classes that are lost."""
    files = {path: png(seed) for seed, path in enumerate(paths)}
    folder = import_images(write_zip(tmp_path / "in.zip", files), tmp_path / "out")
    captions = dict(zip(sorted(paths), captions_of(folder), strict=True))
    assert [captions[path] for path in paths] == expected
    assert len(folder.uncaptioned) == expected.count("")


def test_browsers_flatten_folders(tmp_path: Path) -> None:
    """Guards against captions lost because an upload keeps base names only."""
    table = "file_name,text\ntrain/cats/a.png,a cat\ntrain\\dogs\\b.png,a dog\n./c.png,a bird\n"
    files = {f"{name}.png": png(seed) for seed, name in enumerate("abc")}
    directory = write_files(tmp_path / "in", files | {"metadata.csv": table})
    uploads = [directory / name for name in ("a.png", "c.png", "metadata.csv", "b.png")]
    folder = import_images(uploads, tmp_path / "out")
    assert captions_of(folder) == ["a cat", "a dog", "a bird"]


def test_base_names_that_two_images_share(tmp_path: Path) -> None:
    """Guards against a caption given to the wrong one of two images."""
    files = {
        "x/a.png": png(0),
        "y/a.png": png(1),
        "metadata.csv": "file_name,text\nx/a.png,right\na.png,which?\n",
    }
    folder = import_images(write_zip(tmp_path / "in.zip", files), tmp_path / "out")
    assert captions_of(folder) == ["right", "y"]
    ((name, (kind, reason)),) = issues_by_name(folder).items()
    assert "row 2" in name and kind == "orphan" and "2 pictures have that name" in reason
    assert sorted(item.name for item in folder.items) == ["a-2.png", "a.png"]


def test_one_caption_for_each_image(tmp_path: Path) -> None:
    """Guards against a second caption that wins, or is dropped without a word."""
    files = {
        "a.png": png(),
        "a.txt": "of the text",
        "metadata.csv": "file_name,text\na.png,of the table\n",
    }
    folder = import_images(write_files(tmp_path / "in", files), tmp_path / "out")
    assert captions_of(folder) == ["of the table"]
    kind, reason = issues_by_name(folder)["a.txt"]
    assert kind == "orphan" and "metadata.csv" in reason


def test_accents_of_another_system(tmp_path: Path) -> None:
    """Guards against macOS, which splits é into two code points in file names."""
    name = unicodedata.normalize("NFD", "café.png")
    files = {name: png(), "metadata.csv": f"file_name,text\n{unicodedata.normalize('NFC', name)},a cup\n"}
    assert captions_of(import_images(write_zip(tmp_path / "in.zip", files), tmp_path / "out")) == ["a cup"]


def test_invalid_tables(tmp_path: Path) -> None:
    """Guards against a mistyped table that is silently ignored."""
    tables = {
        "1/metadata.csv": "file,caption\na.png,a cat\n",
        "2/metadata.csv": "file_name;text\na.png;a cat\n",
        "3/metadata.csv": "file_name,text\na.png\na.png,\na.png,tab\x07\n" + "a.png," + "x" * 1_001,
        "4/metadata.jsonl": '{"file_name": "a.png"}\nnot json\n[1]\n' + "[" * 100_000,
        "5/metadata.csv": "file_name,text\na.png,caf\xe9\n".encode("latin-1"),
        "6/metadata.csv": b"",
        "7/metadata.csv": "file_name,text\n" + "b.png,x\n" * 40,
    }
    files = {"a.png": png(), "a.txt": b"\xff\xfe"} | tables
    folder = import_images(write_files(tmp_path / "in", files), tmp_path / "out", Quota(files=30))
    issues = issues_by_name(folder)
    assert issues["1/metadata.csv"] == (
        "unreadable",
        "no column 'file_name'; it has ['file', 'caption']",
    )
    assert "file_name;text" in issues["2/metadata.csv"][1]
    assert "needs the texts file_name and text" in issues["3/metadata.csv, row 1"][1]
    assert issues["3/metadata.csv, row 2 (a.png)"] == ("caption", "the caption is empty")
    assert "U+0007" in issues["3/metadata.csv, row 3 (a.png)"][1]
    assert "1,001" in issues["3/metadata.csv, row 4 (a.png)"][1]
    assert {issues[f"4/metadata.jsonl, row {row}"][0] for row in (1, 2, 3, 4)} == {"caption"}
    assert {issues[name][0] for name in ("5/metadata.csv", "6/metadata.csv", "a.txt")} == {"unreadable"}
    assert "at most 30 rows" in issues["7/metadata.csv, row 31"][1]
    assert Counter(kind for kind, _ in issues.values())["orphan"] == 30
    assert folder.caption_file_count == 3 and captions_of(folder) == ["a"]
