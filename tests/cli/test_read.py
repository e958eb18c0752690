"""`python -m dalle read`: how prompts are read, as lines or as data, without any network."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dalle.cli.main import main
from dalle.cli.read import REASONS
from dalle.prompts.draft import Kind

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "please draw a crimson cat, no hat"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lists and tables of a checkpoint, and no weights."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "labels.json").write_text(json.dumps(["a cat", "a hat"]))
    (folder / "words.json").write_text(json.dumps(["a", "cat", "hat", "red"]))
    (folder / "thesaurus.tsv").write_text("moggy\ta cat\tcat.n.01\n")
    return folder


def read(capsys: pytest.CaptureFixture[str], words: Path, *arguments: str) -> list[str]:
    assert main(["read", *arguments, "--checkpoint", str(words)]) == 0
    return capsys.readouterr().out.splitlines()


def test_lines_for_people(words: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = read(capsys, words, PROMPT)
    assert lines[:2] == ["read as: a red cat", "without: a hat"]
    assert "  nearest colour: crimson -> red" in lines
    assert set(REASONS) == {*Kind} - {Kind.NEGATION}


def test_an_object_for_programs(words: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against spans that are not those of the typed text, and fields that come and go."""
    (line,) = read(capsys, words, "--json", f" {PROMPT}")
    told = json.loads(line)
    assert list(told) == ["text", "negative", "style", "notes", "alternatives"]
    assert (told["text"], told["negative"], told["style"]) == ("a red cat", "a hat", None)
    assert {"kind": "colour", "span": [15, 22], "from": "crimson", "to": "red"} in told["notes"]
    assert all(f" {PROMPT}"[slice(*note["span"])] == note["from"] for note in told["notes"])


def test_standard_input(
    words: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against answers that cannot be matched to their lines."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("a crimson cat\r\n\n红 hat, noto style"))
    told = [json.loads(line) for line in read(capsys, words, "--json", "-")]
    assert [each["text"] for each in told][:2] == ["a red cat", ""]
    assert len(told) == 3 and told[2]["style"] == "noto"


def test_what_is_refused(words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against a long text that one command takes, or that is refused after a checkpoint was loaded."""
    refused = "dalle: prompt has 1,001 characters; 1,000 are allowed, make it shorter\n"
    assert main(["read", "x" * 1001, "--checkpoint", str(words)]) == 1
    assert capsys.readouterr().err == refused
    assert main(["generate", "x" * 1001, "--checkpoint", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == refused
    for edit in (["look", "x.png", "--shows", "x" * 1001], ["words", "x.png", "x" * 1001]):
        assert main(["edit", *edit, "--checkpoint", str(tmp_path / "none")]) == 1
        assert capsys.readouterr().err == refused
    assert main(["read", "a cat", "--checkpoint", str(tmp_path / "none")]) == 1
    assert "there is no checkpoint" in capsys.readouterr().err
    (tmp_path / "thesaurus.tsv").write_text("moggy\n")
    assert main(["read", "a cat", "--checkpoint", str(tmp_path)]) == 1
    assert "thesaurus.tsv, line 1" in capsys.readouterr().err


def test_no_network_is_loaded(words: Path) -> None:
    """Guards against seconds for a line of text."""
    code = (
        "import runpy, sys, atexit; "
        "atexit.register(lambda: print('torch' in sys.modules)); "
        "runpy.run_module('dalle', run_name='__main__')"
    )
    command = [sys.executable, "-c", code, "read", "a cat", "--checkpoint", str(words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "read as: a cat\nFalse\n"), done.stderr
