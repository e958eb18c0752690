"""Laws of the house: who may import whom, what no file may do, and that an import changes nothing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A file imports only from lower floors; within a package (dalle/data, dalle/ui) files may import each other.
FLOORS = [
    ["dalle/reasons"],
    [
        "dalle/config",
        "dalle/images",
        "dalle/files",
        "dalle/runtime",
        "dalle/sampling",
        "dalle/prompts",
        "dalle/words",
        "dalle/metrics",
        "dalle/figures",
        "dalle/matting",
        "dalle/film",
    ],
    [
        "dalle/layers",
        "dalle/recipe",
        "dalle/muon",
        "dalle/directions",
        "dalle/data",
        "dalle/icons",
        "dalle/seams",
    ],
    [
        "dalle/edits",
        "dalle/text",
        "dalle/tower",
        "dalle/autoencoder",
        "dalle/critic",
        "dalle/scenes",
        "dalle/teacher",
        "dalle/trainer",
        "dalle/judge",
        "dalle/questions",
        "dalle/glossary",
    ],
    ["dalle/flow", "dalle/bank", "dalle/referee", "dalle/synonyms", "dalle/upscaler"],
    ["dalle/model", "dalle/upscaling"],
    ["dalle/painter", "dalle/stages"],
    ["dalle/latents"],
    ["dalle/editing"],
    ["dalle/phases", "dalle/scheduler", "dalle/effects", "dalle/exam", "dalle/prior"],
    [
        "dalle/studio",
        "dalle/axes",
        "dalle/pretrain",
        "dalle/edit_exam",
        "dalle/bench",
        "dalle/lesson",
        "dalle/small_world",
        "dalle/outcome",
        "dalle/runs",
    ],
    ["dalle/finetune", "dalle/evaluation", "dalle/edit_job", "dalle/parcel", "dalle/variants"],
    ["dalle/card", "dalle/cli_edit", "dalle/workshop", "dalle/trial", "dalle/anew", "dalle/ablation"],
    ["dalle/ui"],
    ["dalle/cli"],
    ["dalle/__init__", "dalle/__main__", "app"],
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}

GRADIO = ("dalle/ui/", "app")  # the only homes of gradio
UNSAFE_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"torch.load", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
UNSAFE_NAMES = {"eval", "exec"}
UNSAFE_ARGUMENTS = {"shell", "allow_pickle"}


def sources() -> list[Path]:
    return sorted(ROOT.glob("dalle/**/*.py")) + sorted(ROOT.glob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def floor_entry(name: str) -> str | None:
    """The entry of FLOORS that a file belongs to: its own, or its package's."""
    return next((entry for entry in FLOOR if name == entry or name.startswith(f"{entry}/")), None)


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
    entry, found = floor_entry(name), []
    for module in imported(tree):
        top = module.split("/")[0]
        if top in UNSAFE_IMPORTS:
            found.append(f"{name} imports {top}")
        if top.startswith("gradio") and not name.startswith(GRADIO):
            found.append(f"{name} imports gradio, which belongs to dalle/ui and app.py")
        if top != "dalle":
            continue
        target = floor_entry(module) or "dalle/__init__"
        if entry and target != entry and FLOOR[target] >= FLOOR[entry]:
            found.append(f"{name} (floor {FLOOR[entry]}) imports {module} (floor {FLOOR[target]})")
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called = ast.unparse(call.func)
        if called in UNSAFE_CALLS | UNSAFE_NAMES:
            found.append(f"{name} calls {called}")
        for word in call.keywords:
            if word.arg in UNSAFE_ARGUMENTS and ast.unparse(word.value) != "False":
                found.append(f"{name} passes {word.arg}")
    return found


def test_every_file_has_its_floor() -> None:
    """Guards against a new file that nobody has placed, and an entry of one that is gone."""
    names = [name_of(path) for path in sources()]
    assert [name for name in names if floor_entry(name) is None] == []
    assert [entry for entry in FLOOR if not any(floor_entry(name) == entry for name in names)] == []


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_file_keeps_the_laws(path: Path) -> None:
    """Guards against tangled imports, pickles, shells, and gradio below the page."""
    assert faults(path) == []


BAD = """
import pickle  # bad
import gradio as gr  # bad
from dalle import config
from dalle import recipe  # bad
import dalle.text  # bad
from dalle import DALLE  # bad

def run():
    from dalle.text import Tokenizer  # bad
    torch.load("x")  # bad
    subprocess.run("ls", shell=True)  # bad
    eval("1")  # bad
    model.eval()
"""


def test_faults_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Guards against a test of laws that cannot fail."""
    (tmp_path / "dalle").mkdir()
    for name in ("config", "layers", "recipe", "text"):
        (tmp_path / f"dalle/{name}.py").touch()
    bad = tmp_path / "dalle/layers.py"
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


def test_the_readme_names_every_file() -> None:
    """Guards against an annotated tree that has fallen behind."""
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("## What stands where")[1]
    files = [path.name for path in sources() if path.stem not in ("__init__", "__main__")]
    assert [file for file in files if file not in tree] == []


def test_ci_runs_the_tests_as_the_readme_says() -> None:
    """Guards against a README whose command nobody runs."""
    command = "pip install -r requirements-dev.txt && python -m pytest"
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
