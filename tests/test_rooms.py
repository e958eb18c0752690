"""Laws of the house: who may import whom, what no file may do, and that an import changes nothing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The rooms in order: a file imports only from its own room and from rooms above it in this list.
ROOMS = [
    "dalle",
    "dalle/networks",
    "dalle/data/emoji",
    "dalle/data/sprites",
    "dalle/data/scenes",
    "dalle/data/sprite_scenes",
    "dalle/data/folder",
    "dalle/prompts",
    "dalle/pipeline",
    "dalle/editing",
    "dalle/training",
    "dalle/evaluation",
    "dalle/release",
    "dalle/finetuning",
    "dalle/serving",
    "dalle/research",
    "dalle/cli",
    "dalle/ui/shared",
    "dalle/ui/create",
    "dalle/ui/edit",
    "dalle/ui/teach",
    "dalle/ui",
]
# Files that only join rooms: they may import from all of them.
ENTRIES = {"app", "dalle/__init__", "dalle/__main__"}

GRADIO = ("dalle/ui/", "app")  # the only homes of gradio
UNSAFE_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"torch.load", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
UNSAFE_NAMES = {"eval", "exec"}
UNSAFE_ARGUMENTS = {"shell", "allow_pickle"}


def sources() -> list[Path]:
    return sorted(ROOT.glob("dalle/**/*.py")) + sorted(ROOT.glob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def room_of(name: str) -> str | None:
    """The room of a file or a package; None where the folder is in no list."""
    if name in ENTRIES:
        return "entry"
    if name in ROOMS or name == "dalle/data":
        return name
    folder = name.rpartition("/")[0]
    return folder if folder in ROOMS else None


def order(room: str) -> int:
    """The place of a room in the list; the entries stand last."""
    return ROOMS.index(room) if room in ROOMS else len(ROOMS)


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a file imports, wherever in it, as a path: `dalle.images` is dalle/images."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.replace(".", "/") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            home = node.module.replace(".", "/")
            for alias in node.names:
                inner = f"{home}/{alias.name}"
                yield inner if (ROOT / inner).with_suffix(".py").exists() or (ROOT / inner).is_dir() else home


def faults(path: Path) -> list[str]:
    """What a file may not do and does."""
    name, tree = name_of(path), ast.parse(path.read_text(encoding="utf-8"))
    room, found = room_of(name) or "", []
    for module in imported(tree):
        top = module.split("/")[0]
        if top in UNSAFE_IMPORTS:
            found.append(f"{name} imports {top}")
        if top == "gradio" and not name.startswith(GRADIO):
            found.append(f"{name} imports gradio, which belongs to dalle/ui and app.py")
        if top != "dalle":
            continue
        target = "entry" if module == "dalle" else room_of(module)
        if target is None or order(target) > order(room):
            found.append(f"{name} imports {module}, of a room below its own")
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called = ast.unparse(call.func)
        if called in UNSAFE_CALLS | UNSAFE_NAMES:
            found.append(f"{name} calls {called}")
        for word in call.keywords:
            if word.arg in UNSAFE_ARGUMENTS and ast.unparse(word.value) != "False":
                found.append(f"{name} passes {word.arg}")
    return found


def test_every_file_has_its_room() -> None:
    """Guards against a new file outside all rooms, and a room of the list that is gone or not a package."""
    names = [name_of(path) for path in sources() if path.stem != "__init__"]
    assert [name for name in names if room_of(name) is None] == []
    assert [room for room in ROOMS if not (ROOT / room / "__init__.py").is_file()] == []


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_file_keeps_the_laws(path: Path) -> None:
    """Guards against tangled imports, pickles, shells, and gradio below the page."""
    assert faults(path) == []


BAD = """
import pickle  # bad
import gradio as gr  # bad
from dalle import config
from dalle.networks import flow
from dalle.pipeline import sampler  # bad
import dalle.pipeline.sampler  # bad
from dalle import DALLE  # bad
from dalle.nowhere import thing  # bad

def run():
    from dalle.pipeline.sampler import Sampler  # bad
    torch.load("x")  # bad
    subprocess.run("ls", shell=True)  # bad
    eval("1")  # bad
    model.eval()
"""


def test_faults_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Guards against a test of laws that cannot fail."""
    for name in ("config", "networks/layers", "networks/flow", "pipeline/sampler", "nowhere/thing"):
        path = tmp_path / f"dalle/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    bad = tmp_path / "dalle/networks/layers.py"
    bad.write_text(BAD)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert len(faults(bad)) == BAD.count("# bad")


IMPORT_ALL = """
import random, sys, threading
import dalle
assert "torch" not in sys.modules and "numpy" not in sys.modules, "import dalle waits for torch"
import importlib, logging, os, signal
import numpy, torch
def state():
    return {
        "random": hash(random.getstate()), "numpy": numpy.random.get_state()[1].tobytes(),
        "torch": torch.get_rng_state().numpy().tobytes(), "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(), "dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "logging": len(logging.getLogger().handlers), "folder": os.getcwd(), "files": os.listdir(),
        "environment": {k: v for k, v in os.environ.items() if not k.startswith(("KMP", "TORCH"))},
        "interrupt": signal.getsignal(signal.SIGINT), "python threads": threading.active_count(),
    }
before = state()
for name in sys.argv[1:]:
    importlib.import_module(name)
after = state()
assert before == after, [key for key in before if before[key] != after[key]]
from dalle import DALLE, Picture, Recipe
"""


def test_an_import_changes_nothing(tmp_path: Path) -> None:
    """Guards against modules that seed, set threads, make folders or read weights when they are imported."""
    modules = [name_of(path).replace("/", ".") for path in sources() if not name_of(path).startswith(GRADIO)]
    command = [sys.executable, "-c", IMPORT_ALL, *(name.removesuffix(".__init__") for name in modules)]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def readme_tree() -> dict[str, str]:
    """Path -> purpose, of the annotated tree in the README; folders end with a slash."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## What stands where")[1]
    block = section.split("```")[1]
    paths, folders = {}, []
    for line in block.strip().splitlines():
        name, _, purpose = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [name]
        paths["".join(folders)] = purpose.strip()
    return paths


def test_the_readme_tree_is_the_tree() -> None:
    """Guards against an annotated tree that misses a file, lists one that is gone, or explains none."""
    listed = readme_tree()
    files = {f"{name_of(path)}.py" for path in sources() if path.stem not in ("__init__", "__main__")}
    assert {path for path in listed if path.endswith(".py") and not path.startswith("tests/")} == files
    rooms = {f"{room}/" for room in [*ROOMS, "dalle/data"]}
    folders = {path for path in listed if path.endswith("/") and path.startswith("dalle/")}
    assert folders == rooms
    assert [path for path, purpose in listed.items() if not purpose and path != "dalle/"] == []


def test_ci_runs_the_tests_as_the_readme_says() -> None:
    """Guards against a README whose command nobody runs."""
    command = "pip install -r requirements-dev.txt && python -m pytest"
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
