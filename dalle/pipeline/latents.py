"""Codes and noise of recipes, from their seeds.

B recipes, N tokens a sample, C channels a token, K numbers in a code. Of a code that is drawn from a seed,
learnt numbers have CODE_TRUNCATION of a standard deviation, told ones as much as the recipe's variety says.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dalle import runtime
from dalle.config import CAMERA_NUMBERS, VIEW_NUMBERS, Config
from dalle.data.scenes.captions import PAIR_TEMPLATES, PLACE_PHRASES, RELATION_TEMPLATES
from dalle.data.scenes.english import NUMBER_WORDS
from dalle.networks import camera, colour
from dalle.networks.flow import Latent
from dalle.prompts.reader import Reader
from dalle.recipe import Recipe

# Scale of sampled learnt numbers: below 1, more typical and less varied pictures (arXiv:1809.11096).
CODE_TRUNCATION = 0.5
TOLD_SCALE = {"none": 0.0, "some": 0.5, "much": 1.0}  # standard deviations, by `Recipe.variety`
ROOM = 0.9  # of the frame that a thing fills on average where the camera varies: room for shifts
CROWDED_CAMERA = 0.5  # factor of the camera's scale where a shift would cut things at the frame
HUE = CAMERA_NUMBERS + colour.FACTORS.index("hue")
HUE_FACTOR = 0.3  # of its scale: 12 degrees and more would contradict a colour that a prompt names


def initial_latents(recipes: Sequence[Recipe], config: Config, reader: Reader | None = None) -> Latent:
    """Codes (B, K) and noise (B, N, C) of recipes, each from its own seed, on the CPU, the same in any batch.

    A code that its recipe does not state is a sample from N(0, I), scaled and shifted by `code_scales`
    and `code_means`. Without a reader, prompts are taken as captions.
    """
    codes, noises = [], []
    for recipe in recipes:
        generator = runtime.seeded_generator(recipe.seed)
        drawn = torch.randn(config.flow.code, generator=generator)
        code = code_means(recipe, config) + code_scales(recipe, config, reader) * drawn
        noises.append(torch.randn(config.tokens, config.channels, generator=generator))
        codes.append(code if recipe.code is None else torch.tensor(recipe.code, dtype=torch.float32))
    return Latent(torch.stack(codes), torch.stack(noises))


def initial_codes(
    recipes: Sequence[Recipe], config: Config, reader: Reader | None = None
) -> list[tuple[float, ...]]:
    """The K numbers of each recipe's code: the values of its sliders."""
    return [tuple(code.tolist()) for code in initial_latents(recipes, config, reader).code]


def without_view(recipe: Recipe, config: Config, reader: Reader | None = None) -> Recipe:
    """The recipe with its code stated, and the view in it, camera and colours, 0."""
    (code,) = initial_codes([recipe], config, reader)
    return replace(recipe, code=(0.0,) * VIEW_NUMBERS + code[VIEW_NUMBERS:])


def code_scales(recipe: Recipe, config: Config, reader: Reader | None = None) -> Tensor:
    """Standard deviations of the numbers in the recipe's code: (K,)."""
    scales = torch.full((config.flow.code,), CODE_TRUNCATION)
    told = config.flow.told
    if told:
        scales[:told] = TOLD_SCALE[recipe.variety]
        scales[HUE] *= HUE_FACTOR
        if names_arrangement(reader.read(recipe.prompt).text if reader else recipe.prompt):
            scales[:CAMERA_NUMBERS] *= CROWDED_CAMERA
    return scales


def code_means(recipe: Recipe, config: Config) -> Tensor:
    """Means of the numbers in the recipe's code: (K,).

    All are 0 but the camera's size, where the camera varies: a shift would cut a thing that fills the frame.
    """
    means = torch.zeros(config.flow.code)
    if config.flow.told and TOLD_SCALE[recipe.variety]:
        size = camera.FACTORS[0].number(torch.tensor(min(1.0, ROOM / config.plain_size)))
        means[0] = round(float(size), 4)
    return means


def _arrangement_phrases() -> set[str]:
    """What stands between the things in captions of several, and phrases of places."""
    templates = [*PAIR_TEMPLATES, *(text for texts in RELATION_TEMPLATES.values() for text in texts)]
    parts = {part.strip() for text in templates for part in re.split(r"\{\w\}", text)}
    places = {phrase for phrases in PLACE_PHRASES.values() for phrase in phrases}
    # "on" is also said of grounds: "on a yellow background", "on blue".
    return (parts | places | {*NUMBER_WORDS.values()}) - {"", ",", "on", "one"}


_ARRANGEMENT = re.compile(rf"\b({'|'.join(sorted(map(re.escape, _arrangement_phrases())))})\b", re.IGNORECASE)


def names_arrangement(prompt: str) -> bool:
    """Whether an English prompt names several things, or where something is."""
    return _ARRANGEMENT.search(prompt) is not None
