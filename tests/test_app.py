"""The program itself: started as a person would, asked as a program would."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio
import pytest
from gradio_client import Client

import app
from dalle import runtime
from dalle.recipe import Recipe, load_png
from dalle.serving import studio
from dalle.serving.training_service import HOSTED, Limits
from dalle.ui import page

ROOT = Path(__file__).resolve().parents[1]
# Gradio gives itself three seconds to answer, which a busy machine may not have.
PATIENTLY = """
import runpy, gradio.networking
gradio.networking.url_ok = lambda url: True
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def address(base: Path) -> Iterator[str]:
    """Where a started app says that it is."""
    options = ["--checkpoint", str(base), "--host", "127.0.0.1", "--auth", "me:a:b"]
    command = [sys.executable, "-c", PATIENTLY, *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        line = next((line for line in process.stdout if "Running on local URL" in line), "")
        yield re.search(r"http\S+", line)[0]
        process.terminate()


def test_it_draws_the_same_picture_twice(address: str, tmp_path: Path) -> None:
    """Guards against an app that starts but cannot draw, and files that differ from one time to the next."""
    client = Client(address, auth=("me", "a:b"), verbose=False, download_files=tmp_path)
    about = client.predict(api_name="/about")
    assert about["checkpoint"] == "tiny" and about["size"] == 32
    first, second = (client.predict("a red apple", count=2, seed=7, api_name="/draw") for _ in range(2))
    contents = [[Path(file).read_bytes() for file in files] for files in (first, second)]
    assert contents[0] == contents[1] and contents[0][0] != contents[0][1]
    recipe = load_png(first[0])
    assert (recipe.prompt, recipe.seed, recipe.checkpoint) == ("a red apple", 7, about["digest"])
    code = client.predict(recipe.to_dict(), api_name="/codes")
    slid = client.predict(recipe.to_dict(), code, api_name="/slide")
    assert load_png(slid) == Recipe.from_dict(recipe.to_dict() | {"code": code})


def test_many_at_once_get_their_own(address: str, tmp_path: Path) -> None:
    """Guards against pictures that go to another visitor, and against errors when many draw."""
    client = Client(address, auth=("me", "a:b"), verbose=False, download_files=tmp_path)

    def visit(seed: int) -> None:
        recipes = [load_png(file) for file in client.predict("a dog", 3, 10 * seed, api_name="/draw")]
        assert [recipe.seed for recipe in recipes] == [10 * seed, 10 * seed + 1, 10 * seed + 2]
        code = [seed / 10] * 20
        slid = client.predict(recipes[0].to_dict(), code, api_name="/slide")
        assert load_png(slid).seed == 10 * seed and list(load_png(slid).code) == code

    with ThreadPoolExecutor(16) as visitors:
        list(visitors.map(visit, range(16)))


def test_nobody_enters_without_the_password(address: str) -> None:
    with pytest.raises(ValueError, match="credentials were not provided"):
        Client(address, verbose=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--auth", "me"], "USER:PASSWORD; got 'me'"),
        (["--checkpoint", "nowhere"], "app.py: nowhere is no checkpoint"),
        (["--lang", "de"], "invalid choice: 'de'"),
    ],
)
def test_mistakes_are_one_clear_line(arguments: list[str], words: str) -> None:
    """Guards against tracebacks for a mistyped name."""
    command = [sys.executable, "app.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert words in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_link_that_cannot_be_made_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Guards against Gradio's silence: it goes on without a link."""
    served = gradio.Blocks()
    asked = {}
    monkeypatch.setattr(served, "launch", lambda **options: asked.update(options))
    monkeypatch.setattr(served, "block_thread", lambda: None)
    page.launch(served, share=True)
    said = capsys.readouterr().out
    assert "No public link could be made" in said and "--host 0.0.0.0" in said
    assert asked["share"] and asked["enable_monitoring"] is False and asked["ssr_mode"] is False
    page.launch(served, share=False)
    assert capsys.readouterr().out == ""


# --- who may train


@pytest.mark.parametrize(
    ("arguments", "training", "shared"),
    [
        ("", True, False),
        ("--host localhost", True, False),
        ("--no-train", False, None),
        ("--share", False, None),
        ("--host 0.0.0.0", False, None),
        ("--host 192.168.1.5", False, None),
        ("--share --auth me:secret", False, None),
        ("--host 0.0.0.0 --auth me:secret", True, True),
        ("--share --train", True, True),
        ("--host 0.0.0.0 --train", True, True),
        ("--host 0.0.0.0 --auth me:secret --no-train", False, None),
    ],
)
def test_strangers_train_only_where_they_are_asked_to(
    arguments: str, training: bool, shared: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a shared page whose visitors use up the machine, or see each other's pictures."""
    built, served = {}, {}
    monkeypatch.setattr(runtime, "use_one_thread", lambda: None)  # it would hold for the tests to come
    monkeypatch.setattr(studio, "Studio", lambda folder: "studio")
    monkeypatch.setattr(page, "build", lambda *given: built.update(enumerate(given)))
    monkeypatch.setattr(page, "launch", lambda page, **options: served.update(options))
    monkeypatch.setattr(sys, "argv", ["app.py", "--runs", str(tmp_path / "runs"), *arguments.split()])
    monkeypatch.setattr(app.os, "environ", {})
    app.main()
    shop = built.get(2)
    assert (shop is not None) == training == ("max_file_size" in served)
    if shop:
        assert shop.shared == shared and shop.home == tmp_path / "runs"
        assert shop.limits == (HOSTED if shared else Limits())
