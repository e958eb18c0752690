"""Untrusted sources: hostile zips and folders are refused, and damaged ones crash nothing."""

import os
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dalle.data.folder.archive import Quota, SourceError
from dalle.data.folder.importer import import_images
from tests.data.folder.sources import issues_by_name, png, write_files, write_zip


def test_absurd_counts_are_refused(tmp_path: Path) -> None:
    """Guards against reading, or naming one by one, a million files."""
    files = {f"{number}.png": b"" for number in range(12)}
    for source in (write_files(tmp_path / "in", files), write_zip(tmp_path / "in.zip", files)):
        with pytest.raises(SourceError, match="more than 10 files"):
            import_images(source, tmp_path / "out", Quota(files=10))
    assert not (tmp_path / "out").exists()
    with pytest.raises(SourceError, match="larger than 1 KiB"):
        large = write_zip(tmp_path / "in.zip", {"a.png": png()})
        import_images(large, tmp_path / "out", Quota(total_bytes=1024))
    with pytest.raises(ValueError, match="pictures must be at least 1; got 0"):
        Quota(pictures=0)


@pytest.mark.parametrize("claimed", ["openly", "behind a false record", "in a zip64 record"])
def test_a_directory_of_millions_is_not_read(
    claimed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a zip whose list of files alone fills the memory, wherever it claims the length."""
    path = write_zip(tmp_path / "in.zip", {"a.png": png()})
    data = bytearray(path.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    if claimed == "in a zip64 record":
        record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 46 * 2**20, 0)
        data[end:end] = record + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    else:
        data[end + 12 : end + 16] = struct.pack("<I", 46 * 2**20)
    if claimed == "behind a false record":  # the number of entries, which zipfile does not read
        data[end + 8 : end + 12] = b"PK\x05\x06"
    path.write_bytes(data)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the directory was read"))
    with pytest.raises(SourceError, match="lists more than 2,000 files"):
        import_images(path, tmp_path / "out")


def zip_entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (zip_entry("../a.png"), "leads out"),
        (zip_entry("x/../../a.png"), "leads out"),
        (zip_entry("/etc/a.png"), "leads out"),
        (zip_entry("..\\a.png"), "leads out"),
        (zip_entry("C:\\a.png"), "leads out"),
        (zip_entry("link.png", stat.S_IFLNK | 0o777), "a link"),
        (zip_entry("pipe.png", stat.S_IFIFO | 0o644), "no regular file"),
    ],
    ids=lambda value: getattr(value, "filename", ""),
)
def test_entries_that_are_refused_by_name(info: zipfile.ZipInfo, message: str, tmp_path: Path) -> None:
    """Guards against zips that write elsewhere, or read elsewhere through a link."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(info, png())
        archive.writestr("good.png", png(1))
    folder = import_images(tmp_path / "in.zip", tmp_path / "parent/out")
    ((name, (kind, reason)),) = issues_by_name(folder).items()
    assert (name, kind) == (info.filename.replace("\\", "/"), "refused") and message in reason
    assert [item.name for item in folder.items] == ["good.png"]
    assert [path.name for path in (tmp_path / "parent").iterdir()] == ["out"]


def overwrite_field(path: Path, field: int, value: bytes, local: int | None = None) -> None:
    """Overwrite a field of the first entry, in the zip's directory and, at `local`, in its own header."""
    data = bytearray(path.read_bytes())
    position = data.find(b"PK\x01\x02") + field
    data[position : position + len(value)] = value
    if local is not None:
        data[local : local + len(value)] = value
    path.write_bytes(data)


def test_a_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    """Guards against 64 MiB that claim to be a hundred bytes, and against claims that pass every quota."""
    bomb = write_zip(tmp_path / "bomb.zip", {"bomb.png": bytes(2**26), "good.png": png()})
    assert bomb.stat().st_size < 100_000
    assert "64 MiB when unpacked" in issues_by_name(import_images(bomb, tmp_path / "1"))["bomb.png"][1]
    overwrite_field(bomb, 24, struct.pack("<I", 100))
    folder = import_images(bomb, tmp_path / "2")
    assert issues_by_name(folder)["bomb.png"][0] == "unreadable" and len(folder.items) == 1


@pytest.mark.parametrize(
    ("field", "local", "value", "message"),
    [(8, 6, b"\x01\x00", "encrypted"), (10, 8, b"\x0e\x00", "unusual"), (16, 14, b"abcd", "CRC")],
)
def test_entries_that_cannot_be_unpacked(
    field: int, local: int, value: bytes, message: str, tmp_path: Path
) -> None:
    """Guards against an exception of zipfile that ends the import."""
    path = write_zip(tmp_path / "in.zip", {"a.png": png(), "b.png": png(1)})
    overwrite_field(path, field, value, local)
    folder = import_images(path, tmp_path / "out")
    assert message in issues_by_name(folder)["a.png"][1] and len(folder.items) == 1


def test_damage_anywhere_in_a_zip(tmp_path: Path) -> None:
    """Guards against crashes: a damaged zip gives a folder or a SourceError."""
    whole = write_zip(tmp_path / "in.zip", {"a.png": png(), "a.txt": "x"}).read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for number in range(60):
        data = bytearray(whole)
        for position in rng.choice([*range(80), *range(len(data) - 180, len(data))], 3):
            data[position] = rng.integers(0, 256)
        (tmp_path / "in.zip").write_bytes(data)
        try:
            folder = import_images(tmp_path / "in.zip", tmp_path / f"out{number}")
            assert folder.file_count == len(folder.items) + folder.caption_file_count + len(folder.issues)
        except SourceError as error:
            assert "in.zip" in str(error)
            refused += 1
    assert 0 < refused < 60


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", bytes(100)])
def test_what_is_no_zip(content: bytes, tmp_path: Path) -> None:
    """Guards against a traceback for a file that is only called a zip, or that is not there."""
    (tmp_path / "in.zip").write_bytes(content)
    with pytest.raises(SourceError, match="no zip, or is damaged"):
        import_images(tmp_path / "in.zip", tmp_path / "out")
    with pytest.raises(SourceError, match="is not there"):
        import_images(tmp_path / "none", tmp_path / "out")


def test_links_and_pipes_in_a_folder(tmp_path: Path) -> None:
    """Guards against a link that shows somebody else's file, and against a pipe that never ends."""
    directory = write_files(tmp_path / "in", {"good.png": png(), ".git/a.png": png(1)})
    secret = write_files(tmp_path / "secret", {"key.png": png(2)})
    (directory / "link.png").symlink_to(secret / "key.png")
    (directory / "folder").symlink_to(secret)
    (directory / "round").symlink_to(directory)
    os.mkfifo(directory / "pipe.png")
    folder = import_images(directory, tmp_path / "out")
    kinds = {name: kind for name, (kind, _) in issues_by_name(folder).items()}
    assert kinds == dict.fromkeys(["link.png", "folder", "round", "pipe.png"], "refused") | {
        ".git": "ignored"
    }
    assert len(folder.items) == 1
