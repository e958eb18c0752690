"""The command line of edits: python -m dalle edit vary | words | restyle | paint | extend | blend | ..."""

import argparse
from pathlib import Path

from dalle.editing import animation

TOOLS = {  # what each does, and how it is called beside the picture
    "look": "the picture as the model sees it, and the PSNR of that",
    "vary": "others like it",
    "words": "the same picture under other words; a drawing style may be among them",
    "restyle": "in the way another picture is drawn",
    "paint": "redraw what a mask covers",
    "extend": "room on one side or all around",
    "blend": "the way to another picture, and an animation of it",
    "enlarge": "2 or 4 times the pixels a side",
    "cut": "make a flat background transparent, and write icons of all sizes",
    "replay": "make the edits in a PNG file's recipe again",
}


def add(commands: argparse._SubParsersAction, checkpoint: Path) -> None:
    """The command `edit` with its tools."""
    edit = commands.add_parser("edit", help="change a picture, drawn here or any other")
    tools = edit.add_subparsers(required=True, metavar="tool")
    for name, words in TOOLS.items():
        tool = tools.add_parser(name, help=words)
        tool.add_argument("picture", type=Path, help="PNG, JPEG, WebP or GIF")
        tool.add_argument("--shows", default="", help="what it shows, where it was not drawn here")
        tool.add_argument("--output", type=Path, default=Path("."), help="folder for the files")
        tool.add_argument("--checkpoint", type=Path, default=checkpoint)
        tool.set_defaults(command=_run, tool=name)
        for argument, options in ARGUMENTS.get(name, {}).items():
            tool.add_argument(argument, **options)


_CHANCE = {
    "--seed": {"type": int, "default": 0, "help": "of the first result (default 0)"},
    "--count": {"type": int, "default": 1, "help": "how many results (default 1)"},
}
_KEEP = {"--keep": {"type": float, "default": 0.4, "help": "how much stays, 0 to 0.98 (default 0.4)"}}
ARGUMENTS: dict[str, dict[str, dict]] = {
    "vary": {"--amount": {"type": float, "default": 0.4, "help": "0.02 barely, 1 wildly"}} | _CHANCE,
    "words": {"wanted": {"help": "what it shows then"}} | _KEEP,
    "restyle": {"other": {"type": Path, "help": "the picture whose way to draw is taken"}} | _KEEP,
    "paint": {
        "mask": {"type": Path, "help": "a picture that is opaque, or light, where to redraw"},
        "wanted": {"help": "what the whole picture shows then"},
    }
    | _CHANCE,
    "extend": {
        "wanted": {"help": "what the whole picture shows then"},
        "--side": {"default": "out", "choices": ("out", "left", "right", "up", "down")},
        "--room": {"type": float, "default": 0.3, "help": "share of the picture that is new"},
    }
    | _CHANCE,
    "blend": {
        "other": {"type": Path, "help": "the other picture"},
        "--count": {"type": int, "default": 7, "help": "pictures, both ends included (default 7)"},
        "--film": {
            "default": "webp",
            "choices": animation.KINDS,
            "help": "the animation's format; mp4 takes ffmpeg on PATH (default webp)",
        },
    },
    "enlarge": {"--factor": {"type": int, "default": 4, "choices": (2, 4)}},
    "replay": {"--file": {"type": Path, "help": "the file that it began as, where it did"}},
}


def _run(options: argparse.Namespace) -> None:
    from dalle.cli.edit_job import EditJob

    EditJob(options).run()
