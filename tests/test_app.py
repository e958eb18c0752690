"""app.py: started as a process, called through its HTTP API; its arguments."""

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
from dalle.serving.training_limits import HOSTED_LIMITS, Limits
from dalle.ui import page

ROOT = Path(__file__).resolve().parents[1]
# Gradio waits three seconds for its own server, which is too short on a busy machine.
RUN_APP = """
import runpy, gradio.networking
gradio.networking.url_ok = lambda url: True
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def address(base: Path) -> Iterator[str]:
    """The address that a started app prints."""
    options = ["--checkpoint", str(base), "--host", "127.0.0.1", "--auth", "me:a:b"]
    command = [sys.executable, "-c", RUN_APP, *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        line = next((line for line in process.stdout if "Running on local URL" in line), "")
        yield re.search(r"http\S+", line)[0]
        process.terminate()


def test_the_app_draws_the_same_picture_twice(address: str, tmp_path: Path) -> None:
    """Guards against an app that starts but cannot draw, and files that differ from call to call."""
    client = Client(address, auth=("me", "a:b"), verbose=False, download_files=tmp_path)
    about = client.predict(api_name="/about")
    assert about["checkpoint"] == "tiny" and about["size"] == 32
    first, second = (client.predict("a red apple", count=2, seed=7, api_name="/draw") for _ in range(2))
    contents = [[Path(file).read_bytes() for file in files] for files in (first, second)]
    assert contents[0] == contents[1] and contents[0][0] != contents[0][1]
    recipe = load_png(first[0])
    assert (recipe.prompt, recipe.seed, recipe.checkpoint) == ("a red apple", 7, about["digest"])
    code = client.predict(recipe.to_dict(), api_name="/codes")
    redrawn = client.predict(recipe.to_dict(), code, api_name="/slide")
    assert load_png(redrawn) == Recipe.from_dict(recipe.to_dict() | {"code": code})


def test_concurrent_visitors_get_their_own_pictures(address: str, tmp_path: Path) -> None:
    """Guards against pictures that go to another visitor, and errors when many draw at once."""
    client = Client(address, auth=("me", "a:b"), verbose=False, download_files=tmp_path)

    def visit(seed: int) -> None:
        recipes = [load_png(file) for file in client.predict("a dog", 3, 10 * seed, api_name="/draw")]
        assert [recipe.seed for recipe in recipes] == [10 * seed, 10 * seed + 1, 10 * seed + 2]
        code = [seed / 10] * 20
        redrawn = client.predict(recipes[0].to_dict(), code, api_name="/slide")
        assert load_png(redrawn).seed == 10 * seed and list(load_png(redrawn).code) == code

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(visit, range(16)))


def test_a_client_without_the_password_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="credentials were not provided"):
        Client(address, verbose=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--auth", "me"], "USER:PASSWORD; got 'me'"),
        (["--checkpoint", "nowhere"], "app.py: nowhere is no checkpoint"),
        (["--lang", "de"], "invalid choice: 'de'"),
    ],
)
def test_invalid_arguments_give_one_clear_line(arguments: list[str], message: str) -> None:
    """Guards against tracebacks for a mistyped argument."""
    command = [sys.executable, "app.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert message in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_share_link_that_cannot_be_made_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Guards against silence: Gradio goes on without a link."""
    blocks = gradio.Blocks()
    passed = {}
    monkeypatch.setattr(blocks, "launch", lambda **options: passed.update(options))
    monkeypatch.setattr(blocks, "block_thread", lambda: None)
    page.launch(blocks, share=True)
    printed = capsys.readouterr().out
    assert "No public link could be made" in printed and "--host 0.0.0.0" in printed
    assert passed["share"] and passed["enable_monitoring"] is False and passed["ssr_mode"] is False
    page.launch(blocks, share=False)
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
def test_visitors_train_only_where_it_is_allowed(
    arguments: str, training: bool, shared: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a shared page whose visitors use up the machine, or see each other's pictures."""
    build_arguments, launch_options = {}, {}
    monkeypatch.setattr(runtime, "use_one_thread", lambda: None)  # it would affect later tests
    monkeypatch.setattr(studio, "Studio", lambda folder: "studio")
    monkeypatch.setattr(page, "build", lambda *arguments: build_arguments.update(enumerate(arguments)))
    monkeypatch.setattr(page, "launch", lambda page, **options: launch_options.update(options))
    monkeypatch.setattr(sys, "argv", ["app.py", "--runs", str(tmp_path / "runs"), *arguments.split()])
    monkeypatch.setattr(app.os, "environ", {})
    app.main()
    service = build_arguments.get(2)
    assert (service is not None) == training == ("max_file_size" in launch_options)
    if service:
        assert service.shared == shared and service.home == tmp_path / "runs"
        assert service.limits == (HOSTED_LIMITS if shared else Limits())
