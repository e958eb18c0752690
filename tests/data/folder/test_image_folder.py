"""Laws of what people hand over: nothing vanishes silently, and nothing hostile gets through."""

import io
import os
import pickle
import stat
import struct
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from dalle.data.folder import augmentation
from dalle.data.folder.archive import FolderError, Quota
from dalle.data.folder.image_folder import Folder, import_images
from dalle.data.scenes.colours import COLOURS, nearest_colour
from dalle.errors import ErrorMessage


def picture(seed: int = 0, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> bytes:
    """A PNG that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], len(mode)), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def lay(home: Path, files: dict[str, bytes | str]) -> Path:
    """A folder of files, given by their paths."""
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return home


def pack(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def captions(folder: Folder) -> list[str]:
    return [item.caption for item in folder.items]


def reasons(folder: Folder) -> dict[str, tuple[str, str]]:
    """Problems by name."""
    return {problem.name: (problem.kind, problem.reason) for problem in folder.problems}


# --- captions

CSV = 'file_name,text\na.png,a red one\nb.png,"a green, round one"\n'
JSONL = (
    '{"file_name": "a.png", "text": "a red one"}\n\n{"file_name": "b.png", "text": "a green, round one"}\n'
)
TOLD = ["a red one", "a green, round one"]
SOURCES = {
    "csv": ({"metadata.csv": CSV}, "metadata"),
    "csv of Excel": ({"metadata.csv": "\ufeff" + CSV.replace("\n", "\r\n")}, "metadata"),
    "jsonl": ({"metadata.jsonl": JSONL}, "metadata"),
    "texts": ({"a.txt": " a red\n one ", "b.txt": "\ufeffa green, round one"}, "text"),
}


@pytest.mark.parametrize("kind", ["folder", "zip", "uploaded zip", "files"])
@pytest.mark.parametrize("source", SOURCES)
def test_captions_from_files(source: str, kind: str, tmp_path: Path) -> None:
    """Guards against a caption file that is silently passed over, in any of the ways pictures come."""
    files, told_by = SOURCES[source]
    files = {"b.png": picture(1), "a.png": picture(0)} | files
    home = lay(tmp_path / "in", files)
    given = {
        "folder": home,
        "zip": pack(tmp_path / "in.zip", files),
        "uploaded zip": [tmp_path / "in.zip"],
        "files": [home / name for name in files],
    }[kind]
    folder = import_images(given, tmp_path / "out")
    assert captions(folder) == TOLD
    assert {item.source for item in folder.items} == {told_by}
    assert folder.problems == () and folder.files == len(files)
    assert folder.summary() == "2 pictures, 2 captions matched"


def test_what_comes_later_is_added(tmp_path: Path) -> None:
    """Guards against a second handful of pictures that costs the first one and its captions."""
    first = {"1.png": picture(0), "2.png": picture(1), "2.txt": "my cup", "bad.png": b"no picture"}
    before = import_images(lay(tmp_path / "first", first), tmp_path / "before")
    later = {"1.png": picture(2), "0-again.png": picture(1), "3.png": picture(3), "4.png": picture(4)}
    table = "file_name,text\n1.png,a bowl\n3.png,a jug\n"
    given = lay(tmp_path / "later", later | {"metadata.csv": table})
    folder = import_images(given, tmp_path / "out", Quota(pictures=4), before)
    assert folder.rows == [("1.png", ""), ("2.png", "my cup"), ("1-2.png", "a bowl"), ("3.png", "a jug")]
    assert [item.source for item in folder.items] == ["", "text", "metadata", "metadata"]
    assert [(p.name, p.kind) for p in folder.problems] == [
        ("bad.png", "unreadable"),
        ("0-again.png", "duplicate"),
        ("4.png", "refused"),
    ]
    assert (folder.files, folder.caption_files) == (9, 2) and Folder.open(tmp_path / "out") == folder
    assert len(folder.pictures()) == 4 and len(before.pictures()) == 2
    caption = import_images(lay(tmp_path / "caption", {"1.txt": "a mug"}), tmp_path / "third", None, before)
    assert caption.rows == [("1.png", "a mug"), ("2.png", "my cup")]


@pytest.mark.parametrize(
    ("paths", "told"),
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
def test_captions_from_names(paths: list[str], told: list[str], tmp_path: Path) -> None:
    """Guards against "IMG 0001" as a caption, and against classes that are lost."""
    files = {path: picture(seed) for seed, path in enumerate(paths)}
    folder = import_images(pack(tmp_path / "in.zip", files), tmp_path / "out")
    found = dict(zip(sorted(paths), captions(folder), strict=True))
    assert [found[path] for path in paths] == told
    assert len(folder.uncaptioned) == told.count("")


def test_browsers_flatten_folders(tmp_path: Path) -> None:
    """Guards against captions lost because an upload keeps base names only."""
    table = "file_name,text\ntrain/cats/a.png,a cat\ntrain\\dogs\\b.png,a dog\n./c.png,a bird\n"
    home = lay(
        tmp_path / "in", {"metadata.csv": table} | {f"{n}.png": picture(i) for i, n in enumerate("abc")}
    )
    folder = import_images(
        [home / name for name in ("a.png", "c.png", "metadata.csv", "b.png")], tmp_path / "out"
    )
    assert captions(folder) == ["a cat", "a dog", "a bird"]


def test_base_names_that_two_pictures_share(tmp_path: Path) -> None:
    """Guards against a caption given to the wrong one of two pictures."""
    files = {
        "x/a.png": picture(0),
        "y/a.png": picture(1),
        "metadata.csv": "file_name,text\nx/a.png,right\na.png,which?\n",
    }
    folder = import_images(pack(tmp_path / "in.zip", files), tmp_path / "out")
    assert captions(folder) == ["right", "y"]
    ((name, (kind, reason)),) = reasons(folder).items()
    assert "row 2" in name and kind == "orphan" and "2 pictures have that name" in reason
    assert sorted(item.name for item in folder.items) == ["a-2.png", "a.png"]


def test_one_caption_a_picture(tmp_path: Path) -> None:
    """Guards against a second caption that wins, or is dropped without a word."""
    files = {
        "a.png": picture(),
        "a.txt": "of the text",
        "metadata.csv": "file_name,text\na.png,of the table\n",
    }
    folder = import_images(lay(tmp_path / "in", files), tmp_path / "out")
    assert captions(folder) == ["of the table"]
    assert reasons(folder)["a.txt"][0] == "orphan" and "metadata.csv" in reasons(folder)["a.txt"][1]


def test_accents_of_another_system(tmp_path: Path) -> None:
    """Guards against macOS, which takes é apart in the names of files."""
    name = unicodedata.normalize("NFD", "café.png")
    files = {name: picture(), "metadata.csv": f"file_name,text\n{unicodedata.normalize('NFC', name)},a cup\n"}
    assert captions(import_images(pack(tmp_path / "in.zip", files), tmp_path / "out")) == ["a cup"]


def test_tables_that_are_wrong(tmp_path: Path) -> None:
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
    files = {"a.png": picture(), "a.txt": b"\xff\xfe"} | tables
    folder = import_images(lay(tmp_path / "in", files), tmp_path / "out", Quota(files=30))
    found = reasons(folder)
    assert found["1/metadata.csv"] == (
        "unreadable",
        "no column 'file_name'; it has ['file', 'caption']",
    )
    assert "file_name;text" in found["2/metadata.csv"][1]
    assert "needs the texts file_name and text" in found["3/metadata.csv, row 1"][1]
    assert found["3/metadata.csv, row 2 (a.png)"] == ("caption", "the caption is empty")
    assert "U+0007" in found["3/metadata.csv, row 3 (a.png)"][1]
    assert "1,001" in found["3/metadata.csv, row 4 (a.png)"][1]
    assert {found[f"4/metadata.jsonl, row {row}"][0] for row in (1, 2, 3, 4)} == {"caption"}
    assert {found[name][0] for name in ("5/metadata.csv", "6/metadata.csv", "a.txt")} == {"unreadable"}
    assert "at most 30 rows" in found["7/metadata.csv, row 31"][1]
    assert Counter(kind for kind, _ in found.values())["orphan"] == 30
    assert folder.caption_files == 3 and captions(folder) == ["a"]


# --- counts

MIXED = {
    "a.png": picture(0),
    "copy of a.png": picture(0),
    "b.png": picture(1),
    "b.txt": "a bird",
    "lost.txt": "nobody",
    "small.png": picture(2, (31, 400)),
    "broken.png": picture(3)[:900],
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
KINDS = {
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


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_nothing_vanishes_silently(kind: str, tmp_path: Path) -> None:
    """Guards against files that are neither learnt from nor named, and one broken picture that ends all."""
    given = lay(tmp_path / "in", MIXED) if kind == "folder" else pack(tmp_path / "in.zip", MIXED)
    folder = import_images(given, tmp_path / "out")
    found = reasons(folder)
    assert {name: kind for name, (kind, _) in found.items()} == KINDS
    assert all(len(reason) > 10 for _, reason in found.values())
    assert all(str(ErrorMessage(each.code, each.values)) == each.reason for each in folder.problems)
    assert captions(folder) == ["an ant", "a bird"]
    assert folder.files == len(MIXED)
    assert folder.files == len(folder.items) + folder.caption_files + sum(name in MIXED for name in found)
    assert folder.summary() == (
        "2 pictures, 2 captions matched; 1 duplicate, 2 ignored, 2 unused captions, 2 refused, 1 too small, "
        "6 unreadable"
    )
    assert Folder.open(folder.path) == folder
    assert {path.name for path in folder.path.iterdir()} == {"a.png", "b.png", "metadata.csv", "report.json"}


@pytest.mark.parametrize(
    ("quota", "left_out", "says"),
    [
        (Quota(pictures=2), ["c.png", "d.png"], "more than 2 pictures"),
        (Quota(file_bytes=len(picture(3, (90, 90))) - 1), ["d.png"], "a file may have"),
        (Quota(total_bytes=2 * len(picture(0)) + 600), ["c.png", "d.png"], "in all"),
        (Quota(total_pixels=3 * 1600), ["d.png"], "megapixels in all"),
        (Quota(side=60), ["a.png", "b.png", "c.png"], "60 a side"),
    ],
)
def test_quotas(quota: Quota, left_out: list[str], says: str, tmp_path: Path) -> None:
    """Guards against limits that hold for single files only, and against pictures left out without a word."""
    files = {f"{name}.png": picture(seed) for seed, name in enumerate("abc")} | {
        "d.png": picture(3, (90, 90))
    }
    folder = import_images(lay(tmp_path / "in", files), tmp_path / "out", quota)
    assert list(reasons(folder)) == left_out
    assert all(says in reason for _, reason in reasons(folder).values())
    assert len(folder.items) == 4 - len(left_out)


def test_absurd_counts_are_refused(tmp_path: Path) -> None:
    """Guards against reading, or naming one by one, a million files."""
    files = {f"{number}.png": b"" for number in range(12)}
    for given in (lay(tmp_path / "in", files), pack(tmp_path / "in.zip", files)):
        with pytest.raises(FolderError, match="more than 10 files"):
            import_images(given, tmp_path / "out", Quota(files=10))
    assert not (tmp_path / "out").exists()
    with pytest.raises(FolderError, match="larger than 1 KiB"):
        import_images(
            pack(tmp_path / "in.zip", {"a.png": picture()}), tmp_path / "out", Quota(total_bytes=1024)
        )
    with pytest.raises(ValueError, match="pictures must be at least 1; got 0"):
        Quota(pictures=0)


# --- hostile zips


@pytest.mark.parametrize("told", ["openly", "behind a false record", "in a zip64 record"])
def test_a_directory_of_millions_is_not_read(
    told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a zip whose list of files alone fills the memory, however it tells its length."""
    path = pack(tmp_path / "in.zip", {"a.png": picture()})
    data = bytearray(path.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    if told == "in a zip64 record":
        record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 46 * 2**20, 0)
        data[end:end] = record + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    else:
        data[end + 12 : end + 16] = struct.pack("<I", 46 * 2**20)
    if told == "behind a false record":  # the number of entries, which zipfile does not read
        data[end + 8 : end + 12] = b"PK\x05\x06"
    path.write_bytes(data)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the directory was read"))
    with pytest.raises(FolderError, match="lists more than 2,000 files"):
        import_images(path, tmp_path / "out")


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    ("info", "says"),
    [
        (entry("../a.png"), "leads out"),
        (entry("x/../../a.png"), "leads out"),
        (entry("/etc/a.png"), "leads out"),
        (entry("..\\a.png"), "leads out"),
        (entry("C:\\a.png"), "leads out"),
        (entry("link.png", stat.S_IFLNK | 0o777), "a link"),
        (entry("pipe.png", stat.S_IFIFO | 0o644), "no regular file"),
    ],
    ids=lambda value: getattr(value, "filename", ""),
)
def test_entries_that_are_refused_by_name(info: zipfile.ZipInfo, says: str, tmp_path: Path) -> None:
    """Guards against zips that write elsewhere, or read elsewhere through a link."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(info, picture())
        archive.writestr("good.png", picture(1))
    folder = import_images(tmp_path / "in.zip", tmp_path / "home/out")
    ((name, (kind, reason)),) = reasons(folder).items()
    assert (name, kind) == (info.filename.replace("\\", "/"), "refused") and says in reason
    assert [item.name for item in folder.items] == ["good.png"]
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["out"]


def patched(path: Path, field: int, value: bytes, local: int | None = None) -> None:
    """Overwrite a field of the first entry, in the zip's directory and, if told where, in its own header."""
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02") + field
    data[at : at + len(value)] = value
    if local is not None:
        data[local : local + len(value)] = value
    path.write_bytes(data)


def test_a_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    """Guards against 64 MiB that claim to be a hundred bytes, and against claims that pass every quota."""
    bomb = pack(tmp_path / "bomb.zip", {"bomb.png": bytes(2**26), "good.png": picture()})
    assert bomb.stat().st_size < 100_000
    assert "64 MiB when unpacked" in reasons(import_images(bomb, tmp_path / "1"))["bomb.png"][1]
    patched(bomb, 24, struct.pack("<I", 100))
    folder = import_images(bomb, tmp_path / "2")
    assert reasons(folder)["bomb.png"][0] == "unreadable" and len(folder.items) == 1


@pytest.mark.parametrize(
    ("field", "local", "value", "says"),
    [(8, 6, b"\x01\x00", "encrypted"), (10, 8, b"\x0e\x00", "unusual"), (16, 14, b"abcd", "CRC")],
)
def test_entries_that_cannot_be_unpacked(
    field: int, local: int, value: bytes, says: str, tmp_path: Path
) -> None:
    """Guards against an exception of zipfile that ends everything."""
    path = pack(tmp_path / "in.zip", {"a.png": picture(), "b.png": picture(1)})
    patched(path, field, value, local)
    folder = import_images(path, tmp_path / "out")
    assert says in reasons(folder)["a.png"][1] and len(folder.items) == 1


def test_damage_anywhere_in_a_zip(tmp_path: Path) -> None:
    """Guards against crashes: a damaged zip gives a folder or a FolderError."""
    whole = pack(tmp_path / "in.zip", {"a.png": picture(), "a.txt": "x"}).read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for number in range(60):
        data = bytearray(whole)
        for place in rng.choice([*range(80), *range(len(data) - 180, len(data))], 3):
            data[place] = rng.integers(0, 256)
        (tmp_path / "in.zip").write_bytes(data)
        try:
            folder = import_images(tmp_path / "in.zip", tmp_path / f"out{number}")
            assert folder.files == len(folder.items) + folder.caption_files + len(folder.problems)
        except FolderError as error:
            assert "in.zip" in str(error)
            refused += 1
    assert 0 < refused < 60


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", bytes(100)])
def test_what_is_no_zip(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.zip").write_bytes(content)
    with pytest.raises(FolderError, match="no zip, or is damaged"):
        import_images(tmp_path / "in.zip", tmp_path / "out")
    with pytest.raises(FolderError, match="is not there"):
        import_images(tmp_path / "none", tmp_path / "out")


# --- hostile folders


def test_links_and_pipes_in_a_folder(tmp_path: Path) -> None:
    """Guards against a link that shows somebody else's file, and against a pipe that never ends."""
    home = lay(tmp_path / "in", {"good.png": picture(), ".git/a.png": picture(1)})
    secret = lay(tmp_path / "secret", {"key.png": picture(2)})
    (home / "link.png").symlink_to(secret / "key.png")
    (home / "folder").symlink_to(secret)
    (home / "round").symlink_to(home)
    os.mkfifo(home / "pipe.png")
    folder = import_images(home, tmp_path / "out")
    kinds = {name: kind for name, (kind, _) in reasons(folder).items()}
    assert kinds == dict.fromkeys(["link.png", "folder", "round", "pipe.png"], "refused") | {
        ".git": "ignored"
    }
    assert len(folder.items) == 1


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
    home = tmp_path / "in"
    home.mkdir()
    for seed, name in enumerate(names):
        (home / name).write_bytes(picture(seed))
    folder = import_images(home, tmp_path / "out")
    assert len({item.name.lower() for item in folder.items}) == len(names)
    for item in folder.items:
        assert len(item.name) < 80 and item.name.endswith(".png") and item.name[0] not in "-."
        assert item.caption.isprintable() and (folder.path / item.name).is_file()
    assert Folder.open(folder.path) == folder


# --- pictures


def test_pictures_keep_what_counts(tmp_path: Path) -> None:
    """Guards against alpha turned black, photos stored whole, and where they were taken."""
    clear = Image.new("RGBA", (900, 600), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 255), (0, 0, 450, 600))
    file = io.BytesIO()
    clear.save(file, "PNG")
    photo, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "at home"
    Image.new("RGB", (64, 48), "green").save(photo, "JPEG", exif=exif)
    given = {"clear.png": file.getvalue(), "photo.jpg": photo.getvalue(), "grey.png": picture(0, mode="RGBA")}
    folder = import_images(lay(tmp_path / "in", given), tmp_path / "out")
    pictures = dict(zip((item.name for item in folder.items), folder.pictures(), strict=True))
    assert pictures["clear.png"].size == (384, 256)
    assert pictures["clear.png"].getpixel((380, 9))[3] == 0 and pictures["clear.png"].getpixel((9, 9))[
        2:
    ] == (255, 255)
    assert (pictures["photo.png"].mode, pictures["photo.png"].size) == ("RGB", (64, 48))
    assert b"at home" not in (folder.path / "photo.png").read_bytes()
    assert folder.sheet(columns=3, side=32).size[0] == 3 * 36 + 4


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    home = lay(tmp_path / "in", {f"{i}.png": picture(i) for i in range(3)})

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Folder, "save", Mock(side_effect=KeyboardInterrupt))
        import_images(home, tmp_path / "there/out")
    assert list((tmp_path / "there").iterdir()) == []
    import_images(home, tmp_path / "out")
    with pytest.raises(FileExistsError, match="choose another"):
        import_images(home, tmp_path / "out")


# --- the table


def test_captions_can_be_edited(tmp_path: Path) -> None:
    """Guards against edits that are lost, and against rows that name something else."""
    folder = import_images(
        lay(tmp_path / "in", {f"{n}.png": picture(i) for i, n in enumerate("abc")}), tmp_path / "out"
    )
    odd = 'a "round", <b>red</b>\none; =1+1 苹果'
    edited = folder.recaptioned([("c.png", odd), ("a.png", "a")])
    assert edited.rows == [("a.png", "a"), ("c.png", " ".join(odd.split()))]
    assert [item.source for item in edited.items] == ["name", "typed"]
    assert reasons(edited)["b.png"][0] == "removed" and not (folder.path / "b.png").exists()
    assert Folder.open(folder.path) == edited
    for rows, says in (
        ([("b.png", "x")], "none of the folder's 2"),
        ([("../a.png", "x")], "none of the folder's"),
        ([("a.png", "x"), ("a.png", "y")], "twice"),
        ([("a.png", "bell\x07")], r"U\+0007"),
        ([("a.png", "x" * 1_001)], "1,001"),
    ):
        with pytest.raises(ValueError, match=says):
            edited.recaptioned(rows)
    assert Folder.open(folder.path) == edited
    assert edited.recaptioned([("a.png", " ")]).uncaptioned == ["a.png"]


@pytest.mark.parametrize("broken", ["", "{}", "[]", '{"files": 1}'])
def test_other_folders_are_not_opened(broken: str, tmp_path: Path) -> None:
    lay(tmp_path, {"report.json": broken, "metadata.csv": "file_name,text\na.png,x\n"})
    with pytest.raises(FolderError, match="gather them again"):
        Folder.open(tmp_path)


def test_it_is_an_imagefolder_of_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a format of our own: both what we read and what we write is theirs."""
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    home = lay(tmp_path / "in", {"metadata.csv": CSV, "a.png": picture(0), "b.png": picture(1)})
    folder = import_images(home, tmp_path / "out")
    assert captions(folder) == TOLD
    for path in (home, folder.path):
        loaded = datasets.load_dataset("imagefolder", data_dir=str(path), cache_dir=str(tmp_path / "cache"))[
            "train"
        ]
        assert sorted(row["text"] for row in loaded) == sorted(TOLD)
        assert {row["image"].size for row in loaded} == {(40, 40)}


# --- views


def spot(mode: str) -> Image.Image:
    """A red disc, left of the middle, on nothing or on blue."""
    picture = Image.new(mode, (96, 64), (0, 0, 0, 0) if mode == "RGBA" else COLOURS["blue"])
    picture.paste((*COLOURS["red"], 255)[: len(mode)], (10, 12, 50, 52))
    return picture


def test_views_say_what_is_true() -> None:
    """Guards against a background that the caption does not name, or one in which the thing is lost."""
    backgrounds = Counter()
    for seed in range(120):
        pixels, caption = augmentation.augment(
            spot("RGBA"), "a spot", 32, "crop", False, np.random.default_rng(seed)
        )
        assert pixels.shape == (32, 32, 3) and pixels.dtype == np.uint8
        edge = nearest_colour(tuple(pixels[0, 31].tolist()))
        backgrounds[edge] += 1
        assert (edge in caption) == (edge != "white") and edge != "red"
        assert (np.abs(pixels.astype(int) - COLOURS["red"]).sum(-1) < 60).sum() > 60
    assert 55 < backgrounds["white"] < 100 and len(backgrounds) > 6


def test_views_in_other_languages_stay_on_white() -> None:
    """Guards against English behind a caption of another language."""
    seen = [
        augmentation.augment(spot("RGBA"), "苹果", 32, "pad", False, np.random.default_rng(seed))
        for seed in range(20)
    ]
    assert {caption for _, caption in seen} == {"苹果"}
    assert {tuple(pixels[0, 31]) for pixels, _ in seen} == {(255, 255, 255)}


def test_views_are_mirrored_only_if_asked() -> None:
    """Guards against letters turned round."""

    def leans_left(flips: bool, seed: int) -> bool:
        pixels, _ = augmentation.augment(spot("RGB"), "", 32, "pad", flips, np.random.default_rng(seed))
        blue = np.flatnonzero((np.abs(pixels.astype(int) - COLOURS["blue"]).sum(-1) < 60).any(0))
        red = np.flatnonzero((np.abs(pixels.astype(int) - COLOURS["red"]).sum(-1) < 60).any(0))
        return red.mean() < blue.mean()

    assert all(leans_left(False, seed) for seed in range(12))
    assert {leans_left(True, seed) for seed in range(12)} == {True, False}


def test_views_differ_a_little_and_repeat() -> None:
    """Guards against augmentation that does nothing, or is not the seed's alone."""
    for how in ("crop", "pad"):
        first, again, other = (
            augmentation.augment(spot("RGB"), "", 32, how, False, np.random.default_rng(seed))[0]
            for seed in (1, 1, 2)
        )
        assert np.array_equal(first, again) and not np.array_equal(first, other)
        assert np.abs(first.astype(int) - np.asarray(augmentation.plain(spot("RGB"), 32, how))).mean() < 60
    assert augmentation.plain(spot("RGBA"), 32, "crop").getpixel((31, 0)) == (255, 255, 255)
