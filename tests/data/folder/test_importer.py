"""Imports: no file vanishes silently, and no image is kept that should not be."""

import io
import pickle
from pathlib import Path
from unittest.mock import Mock

import pytest
from PIL import Image

from dalle.data.folder.archive import Quota
from dalle.data.folder.image_folder import ImageFolder
from dalle.data.folder.importer import import_images
from dalle.errors import ErrorMessage
from tests.data.folder.sources import captions_of, issues_by_name, png, write_files, write_zip


def test_a_later_import_adds_to_the_first(tmp_path: Path) -> None:
    """Guards against a second upload that loses the images and captions of the first."""
    first = {"1.png": png(0), "2.png": png(1), "2.txt": "my cup", "bad.png": b"no picture"}
    before = import_images(write_files(tmp_path / "first", first), tmp_path / "before")
    later = {"1.png": png(2), "0-again.png": png(1), "3.png": png(3), "4.png": png(4)}
    table = "file_name,text\n1.png,a bowl\n3.png,a jug\n"
    source = write_files(tmp_path / "later", later | {"metadata.csv": table})
    folder = import_images(source, tmp_path / "out", Quota(pictures=4), before)
    assert folder.rows == [("1.png", ""), ("2.png", "my cup"), ("1-2.png", "a bowl"), ("3.png", "a jug")]
    assert [item.source for item in folder.items] == ["", "text", "metadata", "metadata"]
    assert [(issue.name, issue.kind) for issue in folder.issues] == [
        ("bad.png", "unreadable"),
        ("0-again.png", "duplicate"),
        ("4.png", "refused"),
    ]
    assert (folder.file_count, folder.caption_file_count) == (9, 2)
    assert ImageFolder.open(tmp_path / "out") == folder
    assert len(folder.read_images()) == 4 and len(before.read_images()) == 2
    caption_file = write_files(tmp_path / "caption", {"1.txt": "a mug"})
    captioned = import_images(caption_file, tmp_path / "third", None, before)
    assert captioned.rows == [("1.png", "a mug"), ("2.png", "my cup")]


FILES = {
    "a.png": png(0),
    "copy of a.png": png(0),
    "b.png": png(1),
    "b.txt": "a bird",
    "lost.txt": "nobody",
    "small.png": png(2, (31, 400)),
    "broken.png": png(3)[:900],
    "empty.png": b"",
    "text.png": "hello",
    "drawing.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "weights.png": pickle.dumps({"a": 1}),
    "notes.pdf": b"%PDF-1.4",
    ".DS_Store": b"x",
    "__MACOSX/a.png": b"x",
    "inner.zip": b"PK\x05\x06" + bytes(18),
    "inner.png": b"PK\x03\x04" + bytes(18),
    "metadata.jsonl": '{"file_name": "a.png", "text": "an ant"}\n{"file_name": "gone.png", "text": "?"}\n',
}


ISSUE_KINDS = {
    "copy of a.png": "duplicate",
    "lost.txt": "orphan",
    "small.png": "small",
    **dict.fromkeys(
        ["broken.png", "empty.png", "text.png", "drawing.svg", "weights.png", "notes.pdf"], "unreadable"
    ),
    ".DS_Store": "ignored",
    "__MACOSX/a.png": "ignored",
    "inner.zip": "refused",
    "inner.png": "refused",
    "metadata.jsonl, row 2 (gone.png)": "orphan",
}


@pytest.mark.parametrize("source_kind", ["folder", "zip"])
def test_nothing_vanishes_silently(source_kind: str, tmp_path: Path) -> None:
    """Guards against files neither imported nor reported, and a broken image that ends the import."""
    if source_kind == "folder":
        source = write_files(tmp_path / "in", FILES)
    else:
        source = write_zip(tmp_path / "in.zip", FILES)
    folder = import_images(source, tmp_path / "out")
    issues = issues_by_name(folder)
    assert {name: kind for name, (kind, _) in issues.items()} == ISSUE_KINDS
    assert all(len(reason) > 10 for _, reason in issues.values())
    assert all(str(ErrorMessage(issue.code, issue.values)) == issue.reason for issue in folder.issues)
    assert captions_of(folder) == ["an ant", "a bird"]
    assert folder.file_count == len(FILES)
    issue_files = sum(name in FILES for name in issues)
    assert folder.file_count == len(folder.items) + folder.caption_file_count + issue_files
    assert folder.summary() == (
        "2 pictures, 2 captions matched; 1 duplicate, 2 ignored, 2 unused captions, 2 refused, 1 too small, "
        "6 unreadable"
    )
    assert ImageFolder.open(folder.path) == folder
    assert {path.name for path in folder.path.iterdir()} == {"a.png", "b.png", "metadata.csv", "report.json"}


@pytest.mark.parametrize(
    ("quota", "left_out", "message"),
    [
        (Quota(pictures=2), ["c.png", "d.png"], "more than 2 pictures"),
        (Quota(file_bytes=len(png(3, (90, 90))) - 1), ["d.png"], "a file may have"),
        (Quota(total_bytes=2 * len(png(0)) + 600), ["c.png", "d.png"], "in all"),
        (Quota(total_pixels=3 * 1600), ["d.png"], "megapixels in all"),
        (Quota(side=60), ["a.png", "b.png", "c.png"], "60 a side"),
    ],
)
def test_quotas(quota: Quota, left_out: list[str], message: str, tmp_path: Path) -> None:
    """Guards against limits of single files only, and images left out without an issue."""
    files = {f"{name}.png": png(seed) for seed, name in enumerate("abc")}
    files["d.png"] = png(3, (90, 90))
    folder = import_images(write_files(tmp_path / "in", files), tmp_path / "out", quota)
    assert list(issues_by_name(folder)) == left_out
    assert all(message in reason for _, reason in issues_by_name(folder).values())
    assert len(folder.items) == 4 - len(left_out)


def test_names_become_plain(tmp_path: Path) -> None:
    """Guards against names that are paths, commands or markup, or that differ in case alone."""
    names = [
        "-rf *.png",
        "<b>.png",
        "A.png",
        "a.png",
        "a.jpg",
        "x" * 200 + ".png",
        "\n\t.png",
        "nul\udc80.png",
    ]
    directory = tmp_path / "in"
    directory.mkdir()
    for seed, name in enumerate(names):
        (directory / name).write_bytes(png(seed))
    folder = import_images(directory, tmp_path / "out")
    assert len({item.name.lower() for item in folder.items}) == len(names)
    for item in folder.items:
        assert len(item.name) < 80 and item.name.endswith(".png") and item.name[0] not in "-."
        assert item.caption.isprintable() and (folder.path / item.name).is_file()
    assert ImageFolder.open(folder.path) == folder


def test_alpha_stays_and_metadata_goes(tmp_path: Path) -> None:
    """Guards against transparency turned black, large photos, and metadata such as the place of a photo."""
    clear = Image.new("RGBA", (900, 600), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 255), (0, 0, 450, 600))
    file = io.BytesIO()
    clear.save(file, "PNG")
    photo, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "at home"
    Image.new("RGB", (64, 48), "green").save(photo, "JPEG", exif=exif)
    files = {"clear.png": file.getvalue(), "photo.jpg": photo.getvalue(), "grey.png": png(0, mode="RGBA")}
    folder = import_images(write_files(tmp_path / "in", files), tmp_path / "out")
    pictures = dict(zip((item.name for item in folder.items), folder.read_images(), strict=True))
    assert pictures["clear.png"].size == (384, 256)
    assert pictures["clear.png"].getpixel((380, 9))[3] == 0
    assert pictures["clear.png"].getpixel((9, 9))[2:] == (255, 255)
    assert (pictures["photo.png"].mode, pictures["photo.png"].size) == ("RGB", (64, 48))
    assert b"at home" not in (folder.path / "photo.png").read_bytes()
    assert folder.sample_grid(columns=3, side=32).size[0] == 3 * 36 + 4


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    """Guards against half a folder that looks like a whole one, and against overwriting a folder."""
    source = write_files(tmp_path / "in", {f"{i}.png": png(i) for i in range(3)})

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ImageFolder, "save", Mock(side_effect=KeyboardInterrupt))
        import_images(source, tmp_path / "there/out")
    assert list((tmp_path / "there").iterdir()) == []
    import_images(source, tmp_path / "out")
    with pytest.raises(FileExistsError, match="choose another"):
        import_images(source, tmp_path / "out")
