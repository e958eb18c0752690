"""Commands that measure or publish a checkpoint: evaluate, sliders, export, push, ablate, bench."""

import argparse
import json
from pathlib import Path

from dalle.cli.defaults import DEFAULT_CHECKPOINT

# Parts of an evaluation, for the help text: importing the list from dalle.evaluation would load torch.
PARTS = "reconstruction concepts recognition composition words reading distribution sliders edit"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of these commands."""
    evaluate = commands.add_parser("evaluate", help="figures and sheets of a checkpoint")
    evaluate.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    evaluate.add_argument("--data", type=Path)
    evaluate.add_argument("--what", nargs="+", metavar="PART", default=(), help="all, or any of: " + PARTS)
    evaluate.add_argument("--output", type=Path, default=Path("evaluation"))
    evaluate.set_defaults(command=_evaluate)

    sliders = commands.add_parser("sliders", help="turn and name the code's axes")
    sliders.add_argument("--checkpoint", type=Path, required=True, help="what a training run wrote")
    sliders.add_argument("--output", type=Path, required=True, help="folder for the checkpoint with sliders")
    sliders.add_argument("--data", type=Path, help="the emoji set's folder, for prompts to measure on")
    sliders.add_argument("--sprites", type=Path, help="the sprite set's folder, for labels")
    sliders.set_defaults(command=_sliders)

    view = commands.add_parser(
        "add-view", help="make room for camera and colours in the codes of a checkpoint"
    )
    view.add_argument("--checkpoint", type=Path, required=True, help="one whose numbers are all learnt")
    view.add_argument("--output", type=Path, required=True, help="folder for the new checkpoint")
    view.set_defaults(command=_add_view)

    export = commands.add_parser("export", help="write a trained checkpoint with its words and model card")
    export.add_argument("--checkpoint", type=Path, required=True, help="what a training run wrote")
    export.add_argument("--evaluation", type=Path, default=Path("evaluation"), help="its figures and sheets")
    export.add_argument("--training", type=Path, required=True, help="Markdown file: how it was trained")
    export.add_argument("--limits", type=Path, required=True, help="Markdown file: where it fails")
    export.add_argument("--data", type=Path, help="the sprite set's folder")
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


def _evaluate(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER
    from dalle.evaluation import evaluate

    data = options.data or EMOJI_FOLDER
    metrics = evaluate.evaluate_checkpoint(options.checkpoint, data, options.output, options.what)
    print(json.dumps(metrics, indent=2))


def _ablate(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER
    from dalle.research import ablation

    data = options.data or EMOJI_FOLDER
    print(ablation.run_ablations(options.checkpoint, data, options.output, options.only))


def _sliders(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER, EmojiSet
    from dalle.data.sprites.sprite_set import SPRITES_FOLDER, SpriteSet
    from dalle.release import export

    emoji = EmojiSet.load(options.data or EMOJI_FOLDER)
    sprites = SpriteSet.load(options.sprites or SPRITES_FOLDER)
    print(f"{options.output}: {export.name_sliders(options.checkpoint, options.output, emoji, sprites)}")


def _add_view(options: argparse.Namespace) -> None:
    from dalle.release.add_view import add_view

    print(f"{options.output}: {add_view(options.checkpoint, options.output)}")


def _export(options: argparse.Namespace) -> None:
    from dalle.data.sprites.sprite_set import SPRITES_FOLDER, SpriteSet
    from dalle.release import export

    sprites = SpriteSet.load(options.data or SPRITES_FOLDER)
    training, limits = (path.read_text(encoding="utf-8") for path in (options.training, options.limits))
    digest = export.export(options.checkpoint, options.output, sprites, options.evaluation, training, limits)
    print(f"{options.output}: {digest}")


def _push(options: argparse.Namespace) -> None:
    from dalle.pipeline import checkpoint_archive

    print(checkpoint_archive.push_to_hub(options.checkpoint, options.repository, options.private))


def _bench(options: argparse.Namespace) -> None:
    from dalle.research import benchmark, load_test

    if options.what == "teach":
        return _bench_finetuning(options)
    if options.what == "page":
        metrics = load_test.measure_page(options.checkpoint)
    elif options.what == "train":
        metrics = benchmark.benchmark_training(options.checkpoint, options.batch)
    elif options.what == "generate":
        metrics = benchmark.benchmark_generation(options.checkpoint)
    else:
        metrics = benchmark.benchmark_editing(options.checkpoint)
    print(json.dumps({name: float(f"{value:.4g}") for name, value in metrics.items()}, indent=2))


def _bench_finetuning(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER
    from dalle.research import finetune_benchmark

    data = options.data or EMOJI_FOLDER
    metrics = finetune_benchmark.benchmark_finetuning(
        options.checkpoint, options.thing, options.output, data, options.preset
    )
    print(json.dumps(metrics, indent=2))
