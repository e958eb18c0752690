"""train, train-folder."""

import argparse
import json
import shutil
from pathlib import Path


def _train(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER
    from dalle.training import pretrain

    names = {"batch": "batch", "rate": "learning_rate", "muon": "muon", "decay": "decay"}
    given = {field: getattr(options, name) for name, field in names.items()}
    settings = {field: value for field, value in given.items() if value is not None}
    if options.phase == "referee":
        return _train_referee(options, settings)
    if options.phase == "upscaler":
        return _train_upscaler(options, settings)
    default = Path("data/features") if options.phase == "flow" else DEFAULT_FOLDER
    digest = pretrain.train(
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


def _train_referee(options: argparse.Namespace, settings: dict[str, float]) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER, EmojiSet
    from dalle.evaluation import classifier_training

    if options.start:
        raise ValueError("the referee meets no checkpoint and starts from nothing: leave out --start")
    emoji = EmojiSet.load(options.data or DEFAULT_FOLDER)
    settings |= {"seed": options.seed, "compile": options.compile}
    trained = classifier_training.train(emoji, options.output, options.steps, **settings)
    if trained:
        print(json.dumps(trained.figures, indent=2))


def _train_upscaler(options: argparse.Namespace, settings: dict[str, float]) -> None:
    from dalle.training import super_resolution

    if options.start:
        raise ValueError("the upscaler stands beside a checkpoint and starts from nothing: leave out --start")
    settings |= {"seed": options.seed, "compile": options.compile}
    data = options.data or super_resolution.DEFAULT_FOLDER
    if figures := super_resolution.train(data, options.output, options.steps, **settings):
        print(json.dumps(figures, indent=2))


def _train_folder(options: argparse.Namespace) -> None:
    from dalle.finetuning import finetune, plan, runs, scratch

    if options.nice:
        runs.set_niceness(options.nice)
    if options.folder:
        home = options.output.absolute().parent
        runs.check_free(home)  # before there is a folder, which would be in the way the next time
        run = runs.create(home, options.output.name)
        try:
            _lay_out(run.folder, options)
        except BaseException:
            shutil.rmtree(run.folder)
            raise
    else:
        run = runs.Run(options.output.absolute())
    with runs.working(run) as report:
        todo = plan.Plan.load(run.folder)
        finished = (finetune if todo.base else scratch).train(run.folder, report)
        report.end("done" if finished else "stopped")
    if finished:
        finetune.tidy(run.folder)
    print(run.checkpoint or f"{run.folder}: stopped before it had learnt anything")


def _lay_out(run: Path, options: argparse.Namespace) -> None:
    """Gather a run's pictures and write down what is to be done."""
    from dalle.data.folder import image_folder
    from dalle.finetuning import plan, scratch

    data = image_folder.import_images(options.folder, run / "data")
    if options.caption is not None:
        data = data.recaptioned((name, options.caption) for name, _ in data.rows)
    for problem in data.problems:
        print(f"{problem.name}: {problem.kind}, {problem.reason}")
    print(data.summary())
    chosen = {"how": "pad" if options.pad else "crop", "flips": options.flips, "seed": options.seed}
    if options.steps is not None:
        chosen["steps"] = options.steps
    if options.from_nothing:
        scratch.make_scratch_plan(options.from_nothing, options.preset, **chosen).save(run)
    else:
        plan.make_plan(options.checkpoint, options.preset, **chosen).save(run)
