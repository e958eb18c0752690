"""The package as others install it: a wheel holds every module and data file, and imports from there."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("pyproject.toml", "requirements.txt", "README.md", "LICENSE")  # beside the package itself

IMPORT_ALL = """
import importlib, pkgutil
import dalle
names = [module.name for module in pkgutil.walk_packages(dalle.__path__, "dalle.")]
names.remove("dalle.__main__")
for name in names:
    importlib.import_module(name)
print(dalle.__file__, len(names))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the package, built from a copy: a build writes into its source folder."""
    home = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copy(ROOT / name, home)
    shutil.copytree(ROOT / "dalle", home / "dalle", ignore=shutil.ignore_patterns("__pycache__"))
    options = "--no-deps --no-build-isolation --disable-pip-version-check --wheel-dir built".split()
    command = [sys.executable, "-m", "pip", "wheel", *options, "."]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = (home / "built").glob("*.whl")
    return built


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    """Guards against folders without __init__.py, which setuptools skips silently, and lost data files."""
    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if name.startswith("dalle/")}
    needed = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "dalle").rglob("*")
        if path.suffix in (".py", ".js", ".css", ".svg", ".json", ".tsv", ".md")
    }
    assert needed - held - {"dalle/research/RESEARCH.md"} == set()


def test_the_wheel_imports(wheel: Path, tmp_path: Path) -> None:
    """Guards against modules that work only from the repository's own folder."""
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, "-c", IMPORT_ALL]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "site")) and int(done.stdout.split()[-1]) > 100
