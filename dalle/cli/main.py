"""The command line of `python -m dalle`: draw, train, build data, evaluate, measure."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dalle.cli import edit_commands
from dalle.cli.data_commands import _dataset_emoji, _dataset_features, _dataset_preview, _dataset_teacher
from dalle.cli.evaluation_commands import _ablate, _bench, _evaluate, _export, _push, _sliders
from dalle.cli.train_commands import _train, _train_folder

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
