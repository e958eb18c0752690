"""The texts that the tokenizer is trained on."""

import itertools
from collections.abc import Iterator

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer


def tokenizer_corpus(emoji: EmojiSet, scenes: int = 4000) -> Iterator[str]:
    """All emoji, labels and keywords in every language, and the captions of the first scenes."""
    for concept in emoji.concepts:
        yield concept.emoji
        yield from concept.labels.values()
        yield from itertools.chain.from_iterable(concept.keywords.values())
    composer = Composer(emoji)
    yield from (composer.scene(index).caption for index in range(scenes))
