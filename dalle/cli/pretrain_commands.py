"""The command pretrain: training on scenes of sprites by the clock, here or on an accelerator elsewhere."""

import argparse
from pathlib import Path

from dalle.cli.defaults import DEFAULT_CHECKPOINT

NETWORKS = ("extractor", "generator", "text", "tower", "normalizer")  # of DALLEModel


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of this command."""
    parser = commands.add_parser("pretrain", help="train all phases on scenes of sprites, by the clock")
    actions = parser.add_subparsers(dest="action", required=True)

    pack = actions.add_parser("pack", help="sprites and start weights as small files, to carry elsewhere")
    pack.add_argument("folder", type=Path, help="to write into")
    pack.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="to start from")
    pack.add_argument("--data", type=Path, default=Path("data/sprites-128"), help="the sprite set's folder")
    pack.set_defaults(command=_pack)

    unpack = actions.add_parser("unpack", help="sprites and start weights from the small files")
    unpack.add_argument("folder", type=Path, help="what `pack` wrote")
    unpack.add_argument("target", type=Path, help="folder for sprites and start")
    unpack.set_defaults(command=_unpack)

    run = actions.add_parser("run", help="train for some minutes; goes on with what the folder holds")
    run.add_argument("folder", type=Path, help="the run's folder")
    run.add_argument("--start", type=Path, default=DEFAULT_CHECKPOINT, help="checkpoint to start from")
    run.add_argument("--data", type=Path, default=Path("data/sprites-128"), help="the sprite set's folder")
    run.add_argument("--minutes", type=float, required=True, help="of all phases together, from now on")
    run.add_argument("--batch", type=int, default=96, help="of the flow; others are shares of it")
    run.add_argument("--phases", nargs="+", help="train only these (default: all)")
    run.add_argument("--load-factor", type=int, default=1, help="batches that are rendered at once")
    run.add_argument("--repeats", type=int, default=1, help="how often the flow trains on a rendered batch")
    run.add_argument("--log-every", type=int, default=1, help="steps between logs")
    run.add_argument("--save-every", type=int, default=200, help="steps between saved states")
    run.add_argument(
        "--compile", action="store_true", help="torch.compile: some seconds at first, then faster"
    )
    run.add_argument("--seed", type=int, default=0)
    run.set_defaults(command=_run)

    export = actions.add_parser("export", help="a run's weights so far, and its logs, in pieces of 16 MiB")
    export.add_argument("folder", type=Path, help="the run's folder")
    export.add_argument("target", type=Path, help="folder for the pieces")
    export.add_argument("--start", type=Path, default=DEFAULT_CHECKPOINT, help="what the run started from")
    export.add_argument("--networks", nargs="+", choices=NETWORKS, default=(), help="only these")
    export.add_argument("--eight-bit", nargs="+", choices=NETWORKS, default=(), help="these in half the size")
    export.set_defaults(command=_export)

    join = actions.add_parser("join", help="a checkpoint from exported pieces")
    join.add_argument(
        "pieces", type=Path, nargs="+", help="folders of pieces; later ones replace earlier ones"
    )
    join.add_argument("--start", type=Path, default=DEFAULT_CHECKPOINT, help="what the run started from")
    join.add_argument("--output", type=Path, required=True, help="the checkpoint's folder")
    join.set_defaults(command=_join)


def _pack(options: argparse.Namespace) -> None:
    from dalle.training import transport

    transport.pack(options.data, options.checkpoint, options.folder)
    for file in sorted(options.folder.rglob("*")):
        if file.is_file():
            print(f"{file.stat().st_size / 2**20:8.2f} MiB  {file}")
    print("Beside it only the package travels: set checkpoints/ and data/ aside.")


def _unpack(options: argparse.Namespace) -> None:
    from dalle.training import transport

    transport.unpack(options.folder, options.target)


def _run(options: argparse.Namespace) -> None:
    from dalle.training import timed_run

    settings = {"log_every": options.log_every, "save_every": options.save_every, "compile": options.compile}
    last = timed_run.run(
        options.start,
        options.data,
        options.folder,
        options.minutes,
        options.batch,
        seed=options.seed,
        load_factor=options.load_factor,
        repeats=options.repeats,
        phases=options.phases or tuple(timed_run.PHASES),
        **settings,
    )
    print(last)


def _export(options: argparse.Namespace) -> None:
    from dalle.training import transport

    pieces = transport.export(
        options.folder, options.start, options.target, options.networks, options.eight_bit
    )
    print(f"{len(pieces)} pieces in {options.target}")


def _join(options: argparse.Namespace) -> None:
    from dalle.training import transport

    print(f"{options.output}: {transport.join(options.pieces, options.start, options.output)}")
