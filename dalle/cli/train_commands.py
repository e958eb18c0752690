"""Commands that train: train (one phase of pre-training) and train-folder (a user's pictures)."""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from dalle.cli.defaults import DEFAULT_CHECKPOINT

SETTINGS = {  # flag of `train` -> field of TrainingSettings
    "batch": "batch",
    "rate": "learning_rate",
    "muon": "muon_learning_rate",
    "decay": "decay_fraction",
}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of these commands."""
    train = commands.add_parser("train", help="train one phase on the emoji set")
    phases = ("autoencoder", "text", "synonyms", "flow", "generator", "upscaler", "referee")
    train.add_argument("phase", choices=phases)
    train.add_argument("--output", type=Path, required=True, help="the run's folder; resumes what it holds")
    train.add_argument("--start", type=Path, help="checkpoint to start from (default: from nothing)")
    train.add_argument("--preset", default="small", help="size of the networks, from nothing")
    train.add_argument("--data", type=Path, help="folder of the emoji set; for the flow, of the features")
    train.add_argument("--steps", type=int, required=True)
    train.add_argument("--batch", type=int)
    train.add_argument("--rate", type=float, help="learning rate of AdamW")
    train.add_argument("--muon", type=float, help="learning rate of Muon; 0: AdamW alone")
    train.add_argument("--decay", type=float, help="share of the steps over which the rate falls to 0")
    train.add_argument("--compile", action="store_true", help="torch.compile: minutes at first, then faster")
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(command=_train)

    folder = commands.add_parser("train-folder", help="teach a checkpoint the pictures of a folder or zip")
    folder.add_argument("folder", type=Path, nargs="?", help="the pictures; left out, to go on with a run")
    folder.add_argument("--output", type=Path, required=True, help="the run's folder, in one of all runs")
    folder.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="to start from")
    folder.add_argument(
        "--from-nothing", metavar="SIZE", help="a whole new model of this size: tiny or small"
    )
    folder.add_argument("--preset", default="quick", help="quick, good or thorough (default: quick)")
    folder.add_argument("--steps", type=int, help="training steps, instead of the preset's")
    folder.add_argument(
        "--caption", help="of every picture (default: from files beside them, or their names)"
    )
    folder.add_argument("--pad", action="store_true", help="show pictures whole, not their middle square")
    folder.add_argument("--flips", action="store_true", help="mirrored pictures are as good")
    folder.add_argument("--seed", type=int, default=0)
    folder.add_argument("--nice", type=int, default=0, help="lower the priority by so much")
    folder.set_defaults(command=_train_folder)


def _train(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER
    from dalle.training import pretrain

    chosen = {field: getattr(options, flag) for flag, field in SETTINGS.items()}
    settings = {field: value for field, value in chosen.items() if value is not None}
    if options.phase == "referee":
        return _train_referee(options, settings)
    if options.phase == "upscaler":
        return _train_upscaler(options, settings)
    default = Path("data/features") if options.phase == "flow" else EMOJI_FOLDER
    digest = pretrain.train_phase(
        options.phase,
        options.output,
        options.data or default,
        options.start,
        options.preset,
        steps=options.steps,
        seed=options.seed,
        compile=options.compile,
        **settings,
    )
    if digest:
        print(f"{options.output / 'checkpoint'}: {digest}")


def _train_referee(options: argparse.Namespace, settings: dict[str, Any]) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER, EmojiSet
    from dalle.evaluation import classifier_training

    if options.start:
        raise ValueError("the referee meets no checkpoint and starts from nothing: leave out --start")
    emoji = EmojiSet.load(options.data or EMOJI_FOLDER)
    settings |= {"seed": options.seed, "compile": options.compile}
    trained = classifier_training.train_classifier(emoji, options.output, options.steps, **settings)
    if trained:
        print(json.dumps(trained.metrics, indent=2))


def _train_upscaler(options: argparse.Namespace, settings: dict[str, Any]) -> None:
    from dalle.training import super_resolution

    if options.start:
        raise ValueError("the upscaler stands beside a checkpoint and starts from nothing: leave out --start")
    settings |= {"seed": options.seed, "compile": options.compile}
    data = options.data or super_resolution.LARGE_EMOJI_FOLDER
    if metrics := super_resolution.train_upscaler(data, options.output, options.steps, **settings):
        print(json.dumps(metrics, indent=2))


def _train_folder(options: argparse.Namespace) -> None:
    from dalle.finetuning import finetune, plan, run_lock, run_process, runner, runs, scratch

    if options.nice:
        run_process.set_niceness(options.nice)
    if options.folder:
        home = options.output.absolute().parent
        run_lock.check_free(home)  # before the folder exists: a leftover folder would block the next attempt
        run = runs.create(home, options.output.name)
        try:
            _create_run(run.folder, options)
        except BaseException:
            shutil.rmtree(run.folder)
            raise
    else:
        run = runs.Run(options.output.absolute())
    with run_process.run_in_this_process(run) as reporter:
        starts_from_checkpoint = bool(plan.Plan.load(run.folder).base)
        train = finetune.finetune_checkpoint if starts_from_checkpoint else scratch.train_from_scratch
        finished = train(run.folder, reporter)
        reporter.end("done" if finished else "stopped")
    if finished:
        runner.remove_intermediate(run.folder)
    print(run.checkpoint or f"{run.folder}: stopped before it had learnt anything")


def _create_run(run: Path, options: argparse.Namespace) -> None:
    """Fill the folder of a new run: import the pictures, apply `--caption`, write plan.json."""
    from dalle.data.folder import importer
    from dalle.finetuning import plan, scratch

    data = importer.import_images(options.folder, run / "data")
    if options.caption is not None:
        data = data.with_captions((name, options.caption) for name, _ in data.rows)
    for problem in data.issues:
        print(f"{problem.name}: {problem.kind}, {problem.reason}")
    print(data.summary())
    overrides = {
        "resize_mode": "pad" if options.pad else "crop",
        "horizontal_flip": options.flips,
        "seed": options.seed,
    }
    if options.steps is not None:
        overrides["steps"] = options.steps
    if options.from_nothing:
        scratch.make_scratch_plan(options.from_nothing, options.preset, **overrides).save(run)
    else:
        plan.make_plan(options.checkpoint, options.preset, **overrides).save(run)
