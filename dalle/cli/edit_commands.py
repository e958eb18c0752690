"""The `edit` command: one sub-command for each tool (vary, words, restyle, paint, extend, blend, ...)."""

import argparse
from pathlib import Path

from dalle.cli.defaults import DEFAULT_CHECKPOINT
from dalle.editing import animation

TOOLS = {  # name -> what it does, for the help
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


_SEEDS = {
    "--seed": {"type": int, "default": 0, "help": "of the first result (default 0)"},
    "--count": {"type": int, "default": 1, "help": "how many results (default 1)"},
}
_KEEP = {"--keep": {"type": float, "default": 0.4, "help": "how much stays, 0 to 0.98 (default 0.4)"}}
ARGUMENTS: dict[str, dict[str, dict]] = {
    "vary": {"--amount": {"type": float, "default": 0.4, "help": "0.02 barely, 1 wildly"}} | _SEEDS,
    "words": {"wanted": {"help": "what it shows then"}} | _KEEP,
    "restyle": {"other": {"type": Path, "help": "the picture whose way to draw is taken"}} | _KEEP,
    "paint": {
        "mask": {"type": Path, "help": "a picture that is opaque, or light, where to redraw"},
        "wanted": {"help": "what the whole picture shows then"},
    }
    | _SEEDS,
    "extend": {
        "wanted": {"help": "what the whole picture shows then"},
        "--side": {"default": "out", "choices": ("out", "left", "right", "up", "down")},
        "--room": {"type": float, "default": 0.3, "help": "share of the picture that is new"},
    }
    | _SEEDS,
    "blend": {
        "other": {"type": Path, "help": "the other picture"},
        "--count": {"type": int, "default": 7, "help": "pictures, both ends included (default 7)"},
        "--film": {
            "default": "webp",
            "choices": animation.ANIMATION_FORMATS,
            "help": "the animation's format; mp4 takes ffmpeg on PATH (default webp)",
        },
    },
    "enlarge": {"--factor": {"type": int, "default": 4, "choices": (2, 4)}},
    "replay": {"--file": {"type": Path, "help": "the file that it began as, where it did"}},
}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of `edit` and those of its tools."""
    edit = commands.add_parser("edit", help="change a picture, drawn here or any other")
    tools = edit.add_subparsers(required=True, metavar="tool")
    for name, description in TOOLS.items():
        tool = tools.add_parser(name, help=description)
        tool.add_argument("picture", type=Path, help="PNG, JPEG, WebP or GIF")
        tool.add_argument("--shows", default="", help="what it shows, where it was not drawn here")
        tool.add_argument("--output", type=Path, default=Path("."), help="folder for the files")
        tool.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
        tool.set_defaults(command=_edit, tool=name)
        for argument, options in ARGUMENTS.get(name, {}).items():
            tool.add_argument(argument, **options)


def _edit(options: argparse.Namespace) -> None:
    from dalle.cli.edit_job import EditJob

    EditJob(options).run()
