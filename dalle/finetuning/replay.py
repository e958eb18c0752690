"""What a model knows, drawn by itself, so that learning something new does not unlearn it.

    captions  --draw-->  features (M, N, C) and pictures (M, S, S, 3), the model's own idea of them

Prior preservation as in DreamBooth (arXiv:2208.12242). Nothing but the checkpoint is needed, no data of its
training. Drawn without guidance: what is learnt again is what the model knows, not an exaggeration of it.
"""

import random
from collections.abc import Callable, Sequence

import numpy as np
import torch

from dalle.networks.solver import follow
from dalle.pipeline.dalle import DALLE, MAX_BATCH
from dalle.prompts import suggestions
from dalle.prompts.vocabulary import SHORTEST, split
from dalle.recipe import Recipe

STEPS = 16  # of sampling
COMMON = 2_000  # known words to choose from, those used most
RELATED = 4  # at most one caption in so many is a word of the new captions

OnBatch = Callable[[int, int], None]  # pictures drawn, of how many


def captions(
    count: int, new: Sequence[str], known: Sequence[str], labels: Sequence[str], seed: int
) -> list[str]:
    """Captions to draw: words of the `new` captions that the model knows, labels, and prompts.

    `known` is the checkpoint's words.json, those used most first, and stands in for `labels`, its glossary's,
    where it has none; both may be empty.
    """
    rng = random.Random(seed)
    common = labels or [word for word in known[:COMMON] if len(word) >= SHORTEST]
    said = dict.fromkeys(word for caption in new for word in split(caption) if len(word) >= SHORTEST)
    all_known = set(known)
    related = [word for word in said if word in all_known]
    drawn = [rng.choice(related) for _ in range(count // RELATED)] if related else []
    while len(drawn) < count:
        if common and len(drawn) % 2:
            drawn.append(rng.choice(common))
        else:
            drawn.append(suggestions.random_prompt(rng.randrange(2**32)))
    rng.shuffle(drawn)
    return drawn


@torch.inference_mode()
def draw(
    model: DALLE, captions: Sequence[str], seed: int, on_batch: OnBatch | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """-> features (M, N, C) float16 and pixels (M, S, S, 3) uint8; picture i is drawn with seed + i.

    `on_batch` may raise to stop.
    """
    features, pixels = [], []
    for start in range(0, len(captions), MAX_BATCH):
        if on_batch:
            on_batch(start, len(captions))
        batch = [
            model.begin(
                Recipe(
                    caption, seed=seed + start + i, guidance=1.0, steps=STEPS, size=model.config.image_size
                )
            )
            for i, caption in enumerate(captions[start : start + MAX_BATCH])
        ]
        drawn = follow(model.field(batch), [drawing.walk for drawing in batch])
        features.append(drawn.cpu().numpy().astype(np.float16))
        pixels += [np.asarray(picture) for picture in model.paint(drawn)]
    return np.concatenate(features), np.stack(pixels)
