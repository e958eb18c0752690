"""dataset emoji | preview | teacher | features."""

import argparse
from pathlib import Path


def _dataset_emoji(options: argparse.Namespace) -> None:
    from dalle.data.emoji import build, emoji_set

    folder = options.data or Path(f"data/emoji-{options.size}")
    print(emoji_set.summary(build.build_with_progress(folder, options.size, options.sharealike)))


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
