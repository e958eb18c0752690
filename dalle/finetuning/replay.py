"""Replay samples: images that the model draws itself, trained on again so that it does not forget them.

Prior preservation as in DreamBooth (arXiv:2208.12242). It needs the checkpoint alone, no training data.
Drawn without guidance, which would exaggerate what the model knows.
"""

import random
from collections.abc import Callable, Sequence

import numpy as np
import torch

from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sampler import MAX_BATCH, SampleBatch, run_batch
from dalle.prompts import suggestions
from dalle.prompts.words import split_words
from dalle.recipe import Recipe

SAMPLING_STEPS = 16
MIN_WORD_LENGTH = 3  # letters: shorter words, as "is" and "my", do not show in a picture
MAX_COMMON_WORDS = 2_000  # of the vocabulary, the most frequent ones, that captions are chosen from
MAX_RELATED_SHARE = 0.25  # of captions that are a word of the new captions

OnBatch = Callable[[int, int], None]  # samples drawn, of how many


def caption_words(captions: Sequence[str]) -> list[str]:
    """The words of captions, each once, without words that are too short to have a meaning of their own."""
    words = (word for caption in captions for word in split_words(caption))
    return list(dict.fromkeys(word for word in words if len(word) >= MIN_WORD_LENGTH))


def sample_captions(
    count: int, new: Sequence[str], vocabulary: Sequence[str], labels: Sequence[str], seed: int
) -> list[str]:
    """`count` captions that the model knows: words of the `new` captions, labels, and random prompts.

    `vocabulary` is words.json of the checkpoint, most frequent first; it replaces `labels`, those of the
    checkpoint's lexicon, where there are none. Both may be empty.
    """
    rng = random.Random(seed)
    common = labels or [word for word in vocabulary[:MAX_COMMON_WORDS] if len(word) >= MIN_WORD_LENGTH]
    known = set(vocabulary)
    related = [word for word in caption_words(new) if word in known]
    captions = [rng.choice(related) for _ in range(int(count * MAX_RELATED_SHARE))] if related else []
    while len(captions) < count:
        if common and len(captions) % 2:
            captions.append(rng.choice(common))
        else:
            captions.append(suggestions.random_prompt(rng.randrange(2**32)))
    rng.shuffle(captions)
    return captions


@torch.inference_mode()
def draw_samples(
    pipeline: DALLE, captions: Sequence[str], seed: int, on_batch: OnBatch | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """-> pixels (M, S, S, 3) uint8 and features (M, N, C) float16; sample i is drawn with seed + i.

    `on_batch` is called before each batch, and may raise to stop.
    """
    size = pipeline.model.config.image_size
    recipes = [
        Recipe(caption, seed=seed + index, guidance=1.0, steps=SAMPLING_STEPS, size=size)
        for index, caption in enumerate(captions)
    ]
    sampler = pipeline.make_sampler()
    pixels, features = [], []
    for start in range(0, len(recipes), MAX_BATCH):
        if on_batch:
            on_batch(start, len(recipes))
        batch = [sampler.prepare(recipe) for recipe in recipes[start : start + MAX_BATCH]]
        pixels += [np.asarray(image) for image in run_batch(SampleBatch(sampler, batch))]
        final = torch.stack([sample.features for sample in batch])
        features.append(final.cpu().numpy().astype(np.float16))
    return np.stack(pixels), np.concatenate(features)
