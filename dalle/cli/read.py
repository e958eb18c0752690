"""Command that says how prompts are read: read. It loads the words of a checkpoint and no networks."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dalle.cli.defaults import DEFAULT_CHECKPOINT

if TYPE_CHECKING:
    from dalle.prompts.draft import Reading

STANDARD_INPUT = "-"
REASONS = {  # of a note's kind
    "wrapping": "left out",
    "syntax": "left out",
    "number": "number",
    "colour": "nearest colour",
    "style": "drawing style",
    "spelling": "spelling",
    "meaning": "nearest thing",
    "language": "in English",
    "emoji": "its name",
    "unknown": "never seen",
}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of this command."""
    read = commands.add_parser("read", help="say how a prompt is read, without drawing")
    read.add_argument("prompt", help="or - for standard input, one prompt a line")
    read.add_argument("--json", action="store_true", help="one JSON object a line")
    read.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    read.set_defaults(command=_read, uses_networks=False)


def _read(options: argparse.Namespace) -> None:
    from dalle.prompts.lexicon_files import load_lexicon
    from dalle.prompts.reader import Reader
    from dalle.prompts.reading_data import to_dict

    if not options.checkpoint.is_dir():
        raise ValueError(f"there is no checkpoint {options.checkpoint}")
    reader = Reader(load_lexicon(options.checkpoint))
    for prompt in _prompts(options.prompt):
        reading = reader.read(prompt)
        lines = [json.dumps(to_dict(reading), ensure_ascii=False)] if options.json else describe(reading)
        print("\n".join(lines), flush=True)


def _prompts(argument: str) -> Iterator[str]:
    if argument != STANDARD_INPUT:
        yield argument
        return
    for line in sys.stdin:
        yield line.removesuffix("\n")


def describe(reading: "Reading") -> list[str]:
    """A reading in lines: the text that the model is told, and what was changed."""
    lines = [f"read as: {reading.text}"]
    if reading.negative:
        lines.append(f"without: {reading.negative}")
    if reading.style:
        lines.append(f"style: {reading.style}")
    for note in reading.notes:
        if note.kind == "negation":  # named above
            continue
        change = f" -> {note.target}" if note.target else ""
        lines.append(f"  {REASONS[note.kind]}: {note.source}{change}")
    return lines + [f"or: {text}" for text in reading.alternatives]
