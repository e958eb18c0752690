"""Tests of export, import and upload: what is exported can be imported, and nothing else can."""

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import httpx
import huggingface_hub
import pytest

from dalle.cli import main
from dalle.pipeline import checkpoint_archive
from dalle.pipeline.dalle import DALLE
from tests.tiny import TOLD_CONFIG, tiny_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", card="# Mine\n")
    (folder / "words.json").write_text('["apple"]')
    (folder / "notes.txt").write_text("not to be given away")
    return folder


@pytest.fixture
def packed(checkpoint: Path, tmp_path: Path) -> Path:
    path = tmp_path / "mine.zip"
    path.write_bytes(checkpoint_archive.export_zip(checkpoint, "mine"))
    return path


def test_an_exported_checkpoint_can_be_imported(packed: Path, checkpoint: Path, tmp_path: Path) -> None:
    """Guards against a download that cannot be imported, and one that gives away other files."""
    checkpoint_archive.import_checkpoint(packed, tmp_path / "in")
    assert (
        DALLE.from_pretrained(tmp_path / "in").model.digest == DALLE.from_pretrained(checkpoint).model.digest
    )
    names = {path.name for path in checkpoint.iterdir()} - {"notes.txt"}
    assert {path.name for path in (tmp_path / "in").iterdir()} == names
    files = [checkpoint / name for name in sorted(names)]
    checkpoint_archive.import_checkpoint(files, tmp_path / "again")
    assert (tmp_path / "again/words.json").read_text() == '["apple"]'


def test_a_checkpoint_with_told_numbers_can_be_imported(tmp_path: Path) -> None:
    """Guards against networks of the usual sizes that are refused for what their codes mean."""
    digest = DALLE.from_pretrained(tiny_checkpoint(tmp_path / "told", config=TOLD_CONFIG)).model.digest
    checkpoint_archive.import_checkpoint(tmp_path / "told", tmp_path / "in")
    assert DALLE.from_pretrained(tmp_path / "in").model.digest == digest


def repack(change: Callable[[dict[str, bytes]], object]) -> Callable[[Path], None]:
    """-> a function that replaces a zip by one with changed files; `change` gets them by name."""

    def act(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            files = {info.filename: archive.read(info) for info in archive.infolist()}
        change(files)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)

    return act


def with_huge_networks(files: dict[str, bytes]) -> None:
    config = json.loads(files["mine/config.json"])
    config["flow"]["depth"] = 60_000
    files["mine/config.json"] = json.dumps(config).encode()


HOSTILE = {
    "a pickle": (
        lambda f: f.update({"mine/pytorch_model.bin": pickle.dumps(1)}),
        "pytorch_model.bin is no part",
    ),
    "a pickle by another name": (
        lambda f: f.update({"mine/model.safetensors": pickle.dumps([1] * 99)}),
        "cannot be read as a checkpoint",
    ),
    "code": (lambda f: f.update({"mine/model.py": b"import os"}), "model.py is no part"),
    "a way out": (lambda f: f.update({"../config.json": b"{}"}), "leads out of the zip"),
    "two": (lambda f: f.update({"other/config.json": f["mine/config.json"]}), "more than one checkpoint"),
    "half": (
        lambda f: f.update({"mine/model.safetensors": f["mine/model.safetensors"][:-9]}),
        "cannot be read",
    ),
    "missing": (lambda f: f.pop("mine/tokenizer.json"), "tokenizer.json is missing"),
    "no config": (lambda f: f.pop("mine/config.json"), "no config.json"),
    "huge networks": (with_huge_networks, "its networks have other sizes"),
    "no picture": (lambda f: f.update({"mine/samples.webp": b"<svg/>"}), "no PNG, JPEG, WebP or GIF"),
    "a book of words": (
        lambda f: f.update({"mine/words.json": b'["' + bytes(checkpoint_archive.MAX_TEXT_BYTES) + b'"]'}),
        "words.json is not taken: 8 MiB when unpacked",
    ),
    "odd words": (lambda f: f.update({"mine/words.json": b"{}"}), "no list of texts"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_else_is_imported(what: str, packed: Path, tmp_path: Path) -> None:
    """Guards against code, pickles, paths and sizes that somebody puts into a checkpoint."""
    change, words = HOSTILE[what]
    repack(change)(packed)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=words):
        checkpoint_archive.import_checkpoint(packed, tmp_path / "in")
    assert sorted(tmp_path.iterdir()) == before


def test_only_a_checkpoint_is_pushed(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Guards against an upload of other files, of a folder that is no checkpoint, and a traceback offline."""
    calls = []

    class Hub:
        def create_repo(self, name: str, **options: object) -> SimpleNamespace:
            calls.append((name, options))
            return SimpleNamespace(repo_id=name)

        def upload_folder(self, **options: object) -> None:
            if calls[0][0] == "me/offline":
                raise httpx.ConnectError("no route to host")
            calls.append(options)

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    assert main.main(["push", str(checkpoint.parent), "me/mine"]) == 1 and not calls
    assert main.main(["push", str(checkpoint), "me/mine", "--private"]) == 0
    assert calls[0] == ("me/mine", {"private": True, "exist_ok": True})
    assert calls[1]["repo_id"] == "me/mine" and "notes.txt" not in calls[1]["allow_patterns"]
    calls.clear()
    capsys.readouterr()
    assert main.main(["push", str(checkpoint), "me/offline"]) == 1
    assert "is this machine online?" in capsys.readouterr().err
