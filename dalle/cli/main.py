"""Entry point of `python -m dalle`: parses the arguments, runs one command, reports errors; and `generate`.

Commands import what they need when they run, so that `--help` answers without loading torch.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dalle.cli import (
    data_commands,
    edit_commands,
    evaluation_commands,
    lexicon_command,
    pretrain_commands,
    read,
    train_commands,
)
from dalle.cli.defaults import DEFAULT_CHECKPOINT

if TYPE_CHECKING:
    from dalle.recipe import Picture

COMMANDS = (
    read,
    edit_commands,
    train_commands,
    pretrain_commands,
    data_commands,
    evaluation_commands,
    lexicon_command,
)


def main(arguments: Sequence[str] | None = None, prepare: Callable[[], None] = lambda: None) -> int:
    """Run one command and return the exit status: 0, 1 after an error, 130 when interrupted.

    Expected errors (ValueError, RuntimeError, OSError) are printed as one line on standard error, without a
    traceback. `prepare` runs once, after the arguments are parsed and before a command that uses networks:
    process-wide setup.
    """
    options = _parser().parse_args(arguments)
    try:
        if getattr(options, "uses_networks", True):
            prepare()
        options.command(options)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"dalle: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dalle: stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dalle", description="A small DALL·E.")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_generate(commands)
    for module in COMMANDS:
        module.add_to(commands)
    return parser


def _add_generate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    generate = commands.add_parser("generate", help="draw pictures of a prompt")
    generate.add_argument("prompt")
    generate.add_argument("--count", type=int, default=1, help="how many pictures (default 1)")
    generate.add_argument(
        "--best-of", type=int, default=1, metavar="N", help="draw N times as many and keep the fitting ones"
    )
    generate.add_argument("--seed", type=int, help="the first picture's seed (default: random)")
    generate.add_argument("--negative", default="", help="what should not be there")
    generate.add_argument("--guidance", type=float, help="how closely to follow the prompt")
    generate.add_argument("--steps", type=int, help="sampling steps")
    generate.add_argument(
        "--variety",
        choices=("none", "some", "much"),
        help="of view and light, where the checkpoint has them (default some)",
    )
    generate.add_argument(
        "--slide",
        type=parse_slide,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="move a slider, -3 to 3, by the name that the page shows; may be repeated",
    )
    generate.add_argument("--output", type=Path, default=Path("."), help="folder for the PNG files")
    generate.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    generate.set_defaults(command=_generate)


def parse_slide(text: str) -> tuple[str, float]:
    """ "size=2" -> ("size", 2.0)."""
    name, _, number = text.rpartition("=")
    try:
        return name.strip(), float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=NUMBER, as size=2") from None


def _generate(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from dalle import runtime
    from dalle.pipeline.dalle import DALLE
    from dalle.recipe import check_text

    check_text("prompt", options.prompt)
    check_text("negative", options.negative)
    if options.best_of < 1:
        raise ValueError(f"--best-of must be at least 1; got {options.best_of}")
    pipeline = DALLE.from_pretrained(options.checkpoint, runtime.inference_dtype())
    reading = pipeline.reader.read(options.prompt)
    if reading.notes or reading.text != options.prompt:
        print(*read.describe(reading), sep="\n", file=sys.stderr)
    settings = ("guidance", "steps", "variety")
    chosen = {name: value for name in settings if (value := getattr(options, name)) is not None}
    with tqdm(desc="drawing", unit="step", leave=False) as progress:

        def on_step(step: int, steps: int, preview: object) -> None:
            progress.total = steps
            progress.n = step
            progress.refresh()

        candidates = options.count * options.best_of
        pictures = pipeline.generate(
            options.prompt,
            candidates,
            options.seed,
            on_step,
            dict(options.slide),
            negative=options.negative,
            **chosen,
        )
        if options.best_of > 1:
            pictures = pipeline.rank(pictures)[: options.count]
    for path in _save(pictures, options.output, options.prompt):
        print(path)


def _save(pictures: "Sequence[Picture]", folder: Path, prompt: str) -> list[Path]:
    """Write each picture to folder/PROMPT-SEED.png, with its recipe; return the paths."""
    from dalle import recipe

    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w]+", "-", prompt.lower()).strip("-")[:40] or "picture"
    paths = [folder / f"{name}-{picture.recipe.seed}.png" for picture in pictures]
    for picture, path in zip(pictures, paths, strict=True):
        recipe.save_png(picture, path)
    return paths
