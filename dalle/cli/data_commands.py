"""Commands that build or show training data: dataset emoji, sprites, preview, teacher, features."""

import argparse
from pathlib import Path


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of these commands."""
    dataset = commands.add_parser("dataset", help="build or look at the emoji set")
    parts = dataset.add_subparsers(required=True, metavar="action")
    emoji = parts.add_parser("emoji", help="build the set from the icon sets (needs npm)")
    emoji.add_argument("--size", type=int, default=128, choices=(128, 256, 512))
    emoji.add_argument("--data", type=Path, help="folder to build in (default: data/emoji-SIZE)")
    emoji.add_argument("--sharealike", action="store_true", help="with sets under share-alike licences too")
    emoji.set_defaults(command=_dataset_emoji)
    _add_sprites(parts)
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


def _add_sprites(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sprites = parts.add_parser(
        "sprites", help="build a larger set: emoji, clip art, flat colour sets, pictograms (needs npm)"
    )
    sprites.add_argument("--size", type=int, default=128, choices=(128, 256))
    sprites.add_argument("--data", type=Path, help="folder to build in (default: data/sprites-SIZE)")
    sprites.add_argument("--subset", default="training", help="training, or held-out (default: training)")
    sprites.add_argument(
        "--without", nargs="+", default=(), metavar="SOURCE", help="sources to leave out, as openclipart"
    )
    sprites.set_defaults(command=_dataset_sprites)


def _dataset_emoji(options: argparse.Namespace) -> None:
    from dalle.data.emoji import build, emoji_set

    folder = options.data or Path(f"data/emoji-{options.size}")
    print(emoji_set.summarize(build.build_with_progress(folder, options.size, options.sharealike)))


def _dataset_sprites(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from dalle.data.sprites import build, notices

    name = "sprites" if options.subset == "training" else f"sprites-{options.subset}"
    folder = options.data or Path(f"data/{name}-{options.size}")
    with tqdm(unit="drawing") as progress:

        def on_progress(stage: str, done: int, total: int) -> None:
            progress.set_description(stage, refresh=False)
            progress.total, progress.n = total, done
            progress.refresh()

        built = build.build(
            folder,
            options.size,
            on_progress,
            subset=options.subset,
            without=options.without,
            cache=Path("data/sprites-cache"),
        )
    print(notices.summary(built))


def _dataset_preview(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER, EmojiSet
    from dalle.data.scenes.composer import Composer
    from dalle.data.scenes.preview import contact_sheet

    composer = Composer(EmojiSet.load(options.data or EMOJI_FOLDER), seed=options.seed)
    contact_sheet(composer, options.count, columns=10).save(options.output)
    print(options.output)


def _dataset_teacher(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER, EmojiSet
    from dalle.training import text_teacher

    built = text_teacher.build_teacher(EmojiSet.load(options.data or EMOJI_FOLDER))
    print(f"{text_teacher.DEFAULT_PATH}: {len(built.texts)} words and phrases")


def _dataset_features(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER, EmojiSet
    from dalle.data.scenes.composer import Composer
    from dalle.pipeline.dalle import DALLE
    from dalle.training import feature_cache

    pipeline, emoji = DALLE.from_pretrained(options.checkpoint), EmojiSet.load(options.data or EMOJI_FOLDER)
    composer = Composer(emoji, seed=options.seed, size=pipeline.model.config.image_size)
    feature_cache.build_feature_cache(pipeline.model.extractor, composer, options.count, options.output)
    print(f"{options.output}: {options.count} scenes")
