"""Names sliders: measures which property of pictures each number of the code changes, and how much.

A number is moved from LOW to HIGH while the rest of the recipe stays. The change of each property is divided
by the property's standard deviation over pictures of one prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from dalle import images
from dalle.data.scenes.colours import rgb_to_oklab
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.latents import initial_codes
from dalle.pipeline.sliders import SLIDER_LANGUAGES, Slider, unnamed_slider
from dalle.pipeline.told_sliders import TOLD_SLIDERS
from dalle.recipe import Picture, Recipe

LOW, HIGH = -2.0, 2.0  # values of the code
MIN_EFFECT = 0.25  # in standard deviations of the property; a slider with less gets no name
PICTURES_PER_PROMPT = 4  # from which the standard deviation is estimated
FOREGROUND_DISTANCE = 0.06  # least Oklab distance of a foreground pixel from the background colour

# property -> slider name, label of the low end, label of the high end; each in English and Chinese
PROPERTY_NAMES: dict[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    "size": (("size", "大小"), ("small", "小"), ("large", "大")),
    "across": (("left or right", "左右"), ("left", "左"), ("right", "右")),
    "down": (("height", "高低"), ("high", "高"), ("low", "低")),
    "slenderness": (("proportions", "比例"), ("tall", "高瘦"), ("wide", "宽矮")),
    "lightness": (("lightness", "明暗"), ("dark", "暗"), ("light", "亮")),
    "background": (("background", "背景明暗"), ("dark", "暗"), ("light", "亮")),
    "colourfulness": (("colourfulness", "鲜艳程度"), ("muted", "素淡"), ("vivid", "鲜艳")),
    "redness": (("green or red", "绿与红"), ("green", "绿"), ("red", "红")),
    "warmth": (("warmth", "冷暖"), ("cool", "冷"), ("warm", "暖")),
    "detail": (("detail", "细节"), ("plain", "简单"), ("detailed", "精细")),
    "contrast": (("contrast", "对比"), ("soft", "柔和"), ("strong", "强烈")),
}


def measure_properties(pixels: np.ndarray) -> dict[str, float]:
    """Properties of one picture (S, S, 3) uint8, by the keys of PROPERTY_NAMES."""
    lab = rgb_to_oklab(pixels)
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    background = np.median(border, axis=0)
    foreground = np.linalg.norm(lab - background, axis=-1) > FOREGROUND_DISTANCE
    if foreground.sum() < 16:  # an empty picture: measure all of it
        foreground = np.ones(foreground.shape, bool)
    rows, columns = np.nonzero(foreground)
    side = len(pixels)
    inside = lab[foreground]
    steps = np.abs(np.diff(lab[..., 0], axis=0))[:, :-1] + np.abs(np.diff(lab[..., 0], axis=1))[:-1]
    return {
        "size": foreground.mean() ** 0.5,
        "across": columns.mean() / side,
        "down": rows.mean() / side,
        "slenderness": np.log((np.ptp(columns) + 1) / (np.ptp(rows) + 1)),
        "lightness": inside[:, 0].mean(),
        "background": background[0],
        "colourfulness": np.hypot(inside[:, 1], inside[:, 2]).mean(),
        "redness": inside[:, 1].mean(),
        "warmth": inside[:, 2].mean(),
        "detail": steps[foreground[:-1, :-1]].mean(),
        "contrast": inside[:, 0].std(),
    }


def slider_ends(
    pipeline: DALLE, recipes: Sequence[Recipe], number: int
) -> tuple[list[Picture], list[Picture]]:
    """Pictures of the recipes with number `number` of their codes at LOW, and at HIGH."""
    codes = initial_codes(recipes, pipeline.model.config)

    def at(value: float) -> list[Picture]:
        moved = [(*code[:number], value, *code[number + 1 :]) for code in codes]
        return pipeline.draw([replace(r, code=code) for r, code in zip(recipes, moved, strict=True)])

    return at(LOW), at(HIGH)


def name_sliders_by_effect(pipeline: DALLE, recipes: Sequence[Recipe]) -> tuple[Slider, ...]:
    """Sliders of all learnt numbers of the code, named by their effect on pictures of the recipes.

    Named sliders come first, then by mean absolute pixel change. Each name goes to the number that changes
    the property most; none is that of a told number.
    """
    deviations = within_prompt_std(pipeline, recipes)
    flow = pipeline.model.config.flow
    told_names = {slider.name["en"] for slider in TOLD_SLIDERS[: flow.told]}
    free = [name for name in deviations if PROPERTY_NAMES[name][0][0] not in told_names]
    changes: dict[int, float] = {}
    effects: dict[int, dict[str, float]] = {}
    for number in tqdm(range(flow.told, flow.code), desc="sliders"):
        low, high = slider_ends(pipeline, recipes, number)
        change = images.from_images([p.image for p in high]) - images.from_images([p.image for p in low])
        before, after = property_table(low), property_table(high)
        changes[number] = float(change.abs().mean())
        effects[number] = {
            name: float((after[name] - before[name]).mean() / deviations[name]) for name in free
        }
    names = assign_names(effects)
    order = sorted(changes, key=lambda number: (number not in names, -changes[number]))
    return tuple(
        _named_slider(n, names[n], effects[n][names[n]]) if n in names else unnamed_slider(n) for n in order
    )


def within_prompt_std(pipeline: DALLE, recipes: Sequence[Recipe]) -> dict[str, float]:
    """Standard deviation of each property over pictures of one prompt, pooled over the recipes."""
    offsets = [len(recipes) * n for n in range(PICTURES_PER_PROMPT)]
    tables = []
    for recipe in recipes:
        pictures = pipeline.draw([replace(recipe, seed=recipe.seed + offset) for offset in offsets])
        tables.append(property_table(pictures))
    return {
        name: float(np.mean([rows[name].var(ddof=1) for rows in tables]) ** 0.5) + 1e-6 for name in tables[0]
    }


def assign_names(effects: Mapping[int, Mapping[str, float]]) -> dict[int, str]:
    """Greedy assignment number -> property, largest effect first; each number and property at most once."""
    pairs = ((abs(effect), n, name) for n, row in effects.items() for name, effect in row.items())
    names: dict[int, str] = {}
    for effect, number, name in sorted(pairs, reverse=True):
        if effect >= MIN_EFFECT and number not in names and name not in names.values():
            names[number] = name
    return names


def property_table(pictures: Sequence[Picture]) -> dict[str, np.ndarray]:
    """Property -> its values for M pictures, (M,)."""
    rows = [measure_properties(np.asarray(picture.image)) for picture in pictures]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _named_slider(number: int, name: str, effect: float) -> Slider:
    title, low, high = (
        dict[str, str](zip(SLIDER_LANGUAGES, words, strict=True)) for words in PROPERTY_NAMES[name]
    )
    return Slider(number, title, *((low, high) if effect > 0 else (high, low)))
