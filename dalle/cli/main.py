"""The command line of `python -m dalle`: draw, train, build data, evaluate, measure."""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dalle.cli import edit_commands

DEFAULT_CHECKPOINT = Path("checkpoints/emoji")
PARTS = "reconstruction concepts recognition composition words distribution sliders edit"  # of an evaluation


def main(arguments: Sequence[str] | None = None, prepare: Callable[[], None] = lambda: None) -> int:
    """Run one command; -> the exit status. A user's mistake is one line on standard error, no traceback.

    `prepare` is called before a command: for what belongs to the whole process.
    """
    options = _parser().parse_args(arguments)
    try:
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
    generate.add_argument("--output", type=Path, default=Path("."), help="folder for the PNG files")
    generate.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    generate.set_defaults(command=_generate)

    edit_commands.add(commands, DEFAULT_CHECKPOINT)

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

    dataset = commands.add_parser("dataset", help="build or look at the emoji set")
    parts = dataset.add_subparsers(required=True, metavar="action")
    emoji = parts.add_parser("emoji", help="build the set from the icon sets (needs npm)")
    emoji.add_argument("--size", type=int, default=128, choices=(128, 256, 512))
    emoji.add_argument("--data", type=Path, help="folder to build in (default: data/emoji-SIZE)")
    emoji.add_argument("--sharealike", action="store_true", help="with sets under share-alike licences too")
    emoji.set_defaults(command=_dataset_emoji)
    preview = parts.add_parser("preview", help="a sheet of scenes with their captions")
    preview.add_argument("--data", type=Path)
    preview.add_argument("--count", type=int, default=60)
    preview.add_argument("--seed", type=int, default=0)
    preview.add_argument("--output", type=Path, default=Path("preview.png"))
    preview.set_defaults(command=_dataset_preview)

    teacher = parts.add_parser(
        "teacher", help="embed English words with a sentence model, for the text phase"
    )
    teacher.add_argument("--data", type=Path)
    teacher.set_defaults(command=_dataset_teacher)
    features = parts.add_parser("features", help="encode scenes into a bank, for the flow phase")
    features.add_argument("--data", type=Path)
    features.add_argument("--checkpoint", type=Path, required=True, help="whose autoencoder encodes them")
    features.add_argument("--count", type=int, default=131_072)
    features.add_argument("--seed", type=int, default=0)
    features.add_argument("--output", type=Path, default=Path("data/features"))
    features.set_defaults(command=_dataset_features)

    evaluate = commands.add_parser("evaluate", help="figures and sheets of a checkpoint")
    evaluate.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    evaluate.add_argument("--data", type=Path)
    evaluate.add_argument("--what", nargs="+", metavar="PART", default=(), help="all, or any of: " + PARTS)
    evaluate.add_argument("--output", type=Path, default=Path("evaluation"))
    evaluate.set_defaults(command=_evaluate)

    sliders = commands.add_parser("sliders", help="turn and name the code's axes")
    sliders.add_argument("--checkpoint", type=Path, required=True, help="what a training run wrote")
    sliders.add_argument("--output", type=Path, required=True, help="folder for the checkpoint with sliders")
    sliders.add_argument("--data", type=Path)
    sliders.set_defaults(command=_sliders)

    export = commands.add_parser("export", help="write a trained checkpoint with its words and model card")
    export.add_argument("--checkpoint", type=Path, required=True, help="what a training run wrote")
    export.add_argument("--evaluation", type=Path, default=Path("evaluation"), help="its figures and sheets")
    export.add_argument("--data", type=Path)
    export.add_argument("--output", type=Path, default=DEFAULT_CHECKPOINT)
    export.set_defaults(command=_export)

    push = commands.add_parser("push", help="upload a checkpoint to the Hugging Face Hub")
    push.add_argument("checkpoint", type=Path)
    push.add_argument("repository", metavar="USER/NAME")
    push.add_argument("--private", action="store_true")
    push.set_defaults(command=_push)

    ablate = commands.add_parser("ablate", help="what this system's choices are worth, by short trainings")
    ablate.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    ablate.add_argument("--data", type=Path)
    ablate.add_argument(
        "--output", type=Path, default=Path("runs/ablations"), help="goes on with what it holds"
    )
    ablate.add_argument("--only", nargs="+", metavar="NAME", default=(), help="these experiments, not all")
    ablate.set_defaults(command=_ablate)

    bench = commands.add_parser("bench", help="timings; run nothing else meanwhile")
    bench.add_argument("what", choices=("generate", "edit", "train", "page", "teach"))
    bench.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    bench.add_argument("--batch", type=int, default=256, help="of train")
    bench.add_argument("--thing", default="blorple", help="to teach: blorple, drawn, or moccup, a photo")
    bench.add_argument("--preset", default="quick", help="to teach with")
    bench.add_argument("--data", type=Path, help="folder of the emoji set, for what is forgotten by teaching")
    bench.add_argument("--output", type=Path, default=Path("evaluation/teach"), help="of teach")
    bench.set_defaults(command=_bench)
    return parser


# Each command imports what it needs: `--help` and mistakes answer at once.


def _generate(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from dalle import recipe, runtime
    from dalle.pipeline.dalle import DALLE

    if options.best_of < 1:
        raise ValueError(f"--best-of must be at least 1; got {options.best_of}")
    model = DALLE.from_pretrained(options.checkpoint, runtime.inference_dtype())
    if (read := model.glossary.read(options.prompt)) != options.prompt:
        print(f"read as: {read}", file=sys.stderr)
    given = {name: getattr(options, name) for name in ("guidance", "steps")}
    chosen = {name: value for name, value in given.items() if value is not None}
    with tqdm(desc="drawing", unit="step", leave=False) as bar:

        def on_step(step: int, steps: int, preview: object) -> None:
            bar.total = steps
            bar.n = step
            bar.refresh()

        drawn = options.count * options.best_of
        pictures = model.generate(
            options.prompt, drawn, options.seed, on_step, negative=options.negative, **chosen
        )
        if options.best_of > 1:
            pictures = model.ranked(pictures)[: options.count]
    options.output.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w]+", "-", options.prompt.lower()).strip("-")[:40] or "picture"
    for picture in pictures:
        path = options.output / f"{name}-{picture.recipe.seed}.png"
        recipe.save_png(picture, path)
        print(path)


def _dataset_emoji(options: argparse.Namespace) -> None:
    from dalle.data.emoji import emoji_set

    folder = options.data or Path(f"data/emoji-{options.size}")
    print(emoji_set.summary(emoji_set.build_with_progress(folder, options.size, options.sharealike)))


def _dataset_preview(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER, EmojiSet
    from dalle.data.scenes.composer import Composer, contact_sheet

    composer = Composer(EmojiSet.load(options.data or DEFAULT_FOLDER), seed=options.seed)
    contact_sheet(composer, options.count, columns=10).save(options.output)
    print(options.output)


def _dataset_teacher(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER, EmojiSet
    from dalle.training import text_teacher

    built = text_teacher.build(EmojiSet.load(options.data or DEFAULT_FOLDER))
    print(f"{text_teacher.DEFAULT_PATH}: {len(built.texts)} words and phrases")


def _dataset_features(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER, EmojiSet
    from dalle.data.scenes.composer import Composer
    from dalle.pipeline.dalle import DALLE
    from dalle.training import feature_cache

    model, emoji = DALLE.from_pretrained(options.checkpoint), EmojiSet.load(options.data or DEFAULT_FOLDER)
    composer = Composer(emoji, seed=options.seed, size=model.config.image_size)
    feature_cache.build(model.extractor, composer, options.count, options.output)
    print(f"{options.output}: {options.count} scenes")


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
    from dalle.evaluation import classifier

    if options.start:
        raise ValueError("the referee meets no checkpoint and starts from nothing: leave out --start")
    emoji = EmojiSet.load(options.data or DEFAULT_FOLDER)
    settings |= {"seed": options.seed, "compile": options.compile}
    trained = classifier.train(emoji, options.output, options.steps, **settings)
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
    from dalle.finetuning import finetune, runs, scratch

    if options.nice:
        runs.give_way(options.nice)
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
        plan = finetune.Plan.load(run.folder)
        finished = (finetune if plan.base else scratch).train(run.folder, report)
        report.end("done" if finished else "stopped")
    if finished:
        finetune.tidy(run.folder)
    print(run.checkpoint or f"{run.folder}: stopped before it had learnt anything")


def _lay_out(run: Path, options: argparse.Namespace) -> None:
    """Gather a run's pictures and write down what is to be done."""
    from dalle.data.folder import image_folder
    from dalle.finetuning import finetune, scratch

    data = image_folder.gather(options.folder, run / "data")
    if options.caption is not None:
        data = data.recaptioned((name, options.caption) for name, _ in data.rows)
    for problem in data.problems:
        print(f"{problem.name}: {problem.kind}, {problem.reason}")
    print(data.summary())
    chosen = {"how": "pad" if options.pad else "crop", "flips": options.flips, "seed": options.seed}
    if options.steps is not None:
        chosen["steps"] = options.steps
    if options.from_nothing:
        scratch.plan(options.from_nothing, options.preset, **chosen).save(run)
    else:
        finetune.plan(options.checkpoint, options.preset, **chosen).save(run)


def _evaluate(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER
    from dalle.evaluation import quality

    data = options.data or DEFAULT_FOLDER
    figures = quality.evaluate(options.checkpoint, data, options.output, options.what)
    print(json.dumps(figures, indent=2))


def _ablate(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER
    from dalle.research import ablation

    data = options.data or DEFAULT_FOLDER
    print(ablation.ablate(options.checkpoint, data, options.output, options.only))


def _sliders(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER, EmojiSet
    from dalle.release import export as card

    emoji = EmojiSet.load(options.data or DEFAULT_FOLDER)
    print(f"{options.output}: {card.name_sliders(options.checkpoint, options.output, emoji)}")


def _export(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER, EmojiSet
    from dalle.release import export as card

    emoji = EmojiSet.load(options.data or DEFAULT_FOLDER)
    print(f"{options.output}: {card.export(options.checkpoint, options.output, emoji, options.evaluation)}")


def _push(options: argparse.Namespace) -> None:
    from dalle.pipeline import checkpoint_archive

    print(checkpoint_archive.push(options.checkpoint, options.repository, options.private))


def _bench(options: argparse.Namespace) -> None:
    if options.what == "teach":
        return _bench_teaching(options)
    from dalle.research import benchmark

    if options.what == "page":
        from dalle.research import load_test

        figures = load_test.page(options.checkpoint)
    elif options.what == "train":
        figures = benchmark.train(options.checkpoint, options.batch)
    else:
        figures = {"generate": benchmark.generate, "edit": benchmark.edit}[options.what](options.checkpoint)
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}, indent=2))


def _bench_teaching(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER
    from dalle.research import finetune_benchmark

    data = options.data or DEFAULT_FOLDER
    found = finetune_benchmark.teach(options.checkpoint, options.thing, options.output, data, options.preset)
    print(json.dumps(found, indent=2))
