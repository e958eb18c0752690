"""evaluate, ablate, bench, sliders, export, push."""

import argparse
import json


def _evaluate(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import DEFAULT_FOLDER
    from dalle.evaluation import evaluate

    data = options.data or DEFAULT_FOLDER
    figures = evaluate.evaluate(options.checkpoint, data, options.output, options.what)
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
