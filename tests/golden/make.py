"""What the golden files hold, made by the code as it is now.

    python -m tests.golden.make --write      pictures and lists of names anew, where they are meant to change
    python -m tests.golden.make --measure    PSNR between pictures drawn in fp32 and in bf16

checkpoint.zip, run.zip and formats.json are of version 0.1.0 and never written anew: they must stay readable.
"""

import argparse
import io
import json
import platform
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from gradio_client import Client, handle_file
from PIL import Image

import app
from dalle import DALLE, Picture, Recipe, runtime
from dalle.evaluation.classifier import IconClassifier
from dalle.networks.upscaler import Upscaler
from dalle.recipe import load_png, save_png

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
PICTURES = GOLDEN / "pictures"
EMOJI, REFEREE = ROOT / "checkpoints/emoji", ROOT / "checkpoints/referee"

# Gradio gives itself three seconds to answer, which a busy machine may not have.
SERVE = """
import runpy, gradio.networking
gradio.networking.url_ok = lambda url: True
runpy.run_path("app.py", run_name="__main__")
"""
FORCE = "from dalle import runtime\nruntime.bfloat16_is_faster = lambda: {}\n"


def known(name: str) -> Any:
    """The content of a golden JSON file."""
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


ASKED = known("requests")


def numerics() -> dict[str, Any]:
    """What the last bit of a picture depends on."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", info.read_text()) if info.is_file() else None
    return {
        "cpu": named[1] if named else platform.processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "dtype": str(runtime.inference_dtype()),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


# --- pictures


def draw(dtype: torch.dtype) -> dict[str, bytes]:
    """PNG files of recipes, drawn in one batch by the Python interface."""
    pipeline = DALLE.from_pretrained(EMOJI, dtype)
    common = {"checkpoint": pipeline.model.digest, "size": pipeline.model.config.image_size}
    made = pipeline.draw([Recipe.from_dict(fields | common) for fields in ASKED["drawn"].values()])
    return {name: png(picture) for name, picture in zip(ASKED["drawn"], made, strict=True)}


def png(picture: Picture) -> bytes:
    file = io.BytesIO()
    save_png(picture, file)
    return file.getvalue()


@contextmanager
def served(folder: Path, first: str = "") -> Iterator[Client]:
    """A client of `python app.py`, which runs `first` before all else."""
    command = [sys.executable, "-c", first + SERVE, "--host", "127.0.0.1", "--runs", str(folder / "runs")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = next((line for line in process.stdout if "Running on local URL" in line), "")
            yield Client(re.search(r"http\S+", line)[0], verbose=False, download_files=folder)
        finally:
            process.terminate()


def edit(client: Client) -> tuple[dict[str, bytes], list[Any]]:
    """PNG files of every tool, made by the HTTP API; and what `look` says of two pictures."""

    def ask(endpoint: str, *arguments: Any) -> Any:
        return client.predict(*arguments, api_name=f"/{endpoint}")

    base = ask("draw", "a red apple", 2, 7, "", 2.5, 4)
    apple, file, mask = map(handle_file, (base[0], GOLDEN / "file.png", GOLDEN / "mask.png"))
    recipe, other = (load_png(path).to_dict() for path in base)
    made = {"base": base} | {name: ask("edit", apple, todo, "") for name, todo in ASKED["edits"].items()}
    made["blend"] = ask("edit", apple, [{"kind": "blend", "other": other, "weight": 0.4}], "")
    made |= {name: ask("edit", file, todo, "a smiling face") for name, todo in ASKED["file_edits"].items()}
    (told, look), (opened, opened_look) = ask("look", apple, ""), ask("look", file, "a smiling face")
    made["looks"] = [look, opened_look]
    made["slide"] = [ask("slide", recipe, ASKED["sliders"])]
    made["paint"] = [ask("inpaint", apple, mask, "a red apple with a green leaf", 7, "")]
    made["replay"] = [ask("replay", recipe | {"edits": ASKED["replay"]}, None)]
    files = {f"{name}-{n}": path for name, paths in made.items() for n, path in enumerate(paths, 1)}
    return {name: Path(path).read_bytes() for name, path in files.items()}, [told, opened]


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def psnr(a: Image.Image, b: Image.Image) -> float:
    """dB between two pictures of one size and mode."""
    error = np.square(np.asarray(a, float) - np.asarray(b, float)).mean()
    return float(10 * np.log10(255**2 / error)) if error else np.inf


# --- names


def parser_of(program: Callable[[], Any]) -> argparse.ArgumentParser:
    """The parser that a program asks first."""

    class Asked(BaseException):
        pass

    def parse_args(parser: argparse.ArgumentParser, *_: object) -> None:
        raise Asked(parser)

    usual, argparse.ArgumentParser.parse_args = argparse.ArgumentParser.parse_args, parse_args
    try:
        program()
    except Asked as asked:
        return asked.args[0]
    finally:
        argparse.ArgumentParser.parse_args = usual
    raise AssertionError("the program parses no arguments")


def described(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Commands of a parser, with their arguments and flags; what is None is left out."""
    found: dict[str, Any] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {name: described(below) for name, below in action.choices.items()}
        elif not isinstance(action, argparse._HelpAction):
            told = {
                "type": getattr(action.type, "__name__", "flag" if action.nargs == 0 else "str"),
                "nargs": action.nargs,
                "default": str(action.default) if isinstance(action.default, Path) else action.default,
                "choices": list(action.choices) if action.choices else None,
                "required": action.required,
            }
            name = " ".join(action.option_strings) or f"<{action.dest}>"
            found[name] = json.loads(json.dumps({key: v for key, v in told.items() if v is not None}))
    return found


def commands() -> dict[str, Any]:
    """All commands of `python -m dalle` and `python app.py`."""
    main = parser_of(lambda: runpy.run_module("dalle", run_name="__main__"))
    return {"python -m dalle": described(main), "python app.py": described(parser_of(app.main))}


def endpoints(client: Client) -> dict[str, Any]:
    """Of all public endpoints: parameters [name, component, default if any], components returned."""
    return {
        name: {
            "parameters": [
                [p["parameter_name"], p["component"]] + [p["parameter_default"]] * p["parameter_has_default"]
                for p in endpoint["parameters"]
            ],
            "returns": [each["component"] for each in endpoint["returns"]],
        }
        for name, endpoint in client.view_api(print_info=False, return_format="dict")[
            "named_endpoints"
        ].items()
    }


def tensors() -> dict[str, dict[str, list[int]]]:
    """Shapes by name of what the networks load, which are those in their files."""
    loaded = {
        EMOJI / "model.safetensors": DALLE.from_pretrained(EMOJI).model,
        EMOJI / "upscaler.safetensors": Upscaler.load(EMOJI),
        REFEREE / "referee.safetensors": IconClassifier.load(REFEREE),
    }
    found = {}
    for path, network in loaded.items():
        shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
        with safetensors.safe_open(path, "pt") as file:
            assert {name: file.get_slice(name).get_shape() for name in file.keys()} == shapes  # noqa: SIM118
        found[f"{path.parent.name}/{path.name}"] = dict(sorted(shapes.items()))
    return found


# --- written


def write(pictures: dict[str, bytes], texts: dict[str, Any]) -> None:
    """Put what was made in the place of the golden files; a list stands on one line."""
    for name, content in pictures.items():
        (PICTURES / f"{name}.png").write_bytes(content)
    for name, values in texts.items():
        text = json.dumps(values, indent=1, ensure_ascii=False)
        flat = re.sub(r"[\[{][^][{}]*[]}]", lambda found: " ".join(found[0].split()), text)
        (GOLDEN / f"{name}.json").write_text(flat + "\n", encoding="utf-8")


def everything(dtype: torch.dtype) -> tuple[dict[str, bytes], list[Any], dict[str, Any]]:
    """All pictures, what was seen in two of them, and the endpoints."""
    first = FORCE.format(dtype == torch.bfloat16)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), first) as client:
        pictures, looks = edit(client)
        return draw(dtype) | pictures, looks, endpoints(client)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    usual = runtime.inference_dtype()
    pictures, looks, api = everything(usual)
    if options.write:
        texts = {"looks": looks, "numerics": numerics(), "endpoints": api}
        write(pictures, texts | {"commands": commands(), "tensors": tensors()})
    if options.measure:
        again, others, _ = everything({torch.float32: torch.bfloat16}.get(usual, torch.float32))
        for name, content in again.items():
            print(f"{name}: {psnr(opened(content), opened(pictures[name])):.1f} dB")
        for look, other in zip(looks, others, strict=True):
            code = np.abs(np.subtract(look["code"], other["code"])).max()
            print(f"look: {look['psnr'] - other['psnr']:.2f} dB, code {code:.3f}")


if __name__ == "__main__":
    main()
