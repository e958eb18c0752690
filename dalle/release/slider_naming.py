"""What each number of the code does to pictures: measured, named, and put in order.

A number is moved from LOW to HIGH deviations with everything else of the recipe held; what that changes
is compared with how much the property differs between pictures of one prompt anyway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from dalle import images
from dalle.data.scenes.colours import to_lab
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import LANGUAGES, Slider, unnamed
from dalle.recipe import Picture, Recipe

LOW, HIGH = -2.0, 2.0
CLEAR = 0.25  # of the property's own deviation: less of a change gets no name
AGAIN = 4  # pictures of each prompt, by which that deviation is known
FOREGROUND = 0.06  # distance from the background's colour in Oklab

# property: its name, what pictures are like where it is low, and where it is high; English and Chinese
WORDS: dict[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = {
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


def properties(pixels: np.ndarray) -> dict[str, float]:
    """What can be measured of one picture (S, S, 3) uint8, by the keys of WORDS."""
    lab = to_lab(pixels)
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    background = np.median(border, axis=0)
    thing = np.linalg.norm(lab - background, axis=-1) > FOREGROUND
    if thing.sum() < 16:  # an empty picture: it is all background
        thing = np.ones(thing.shape, bool)
    rows, columns = np.nonzero(thing)
    side = len(pixels)
    inside = lab[thing]
    steps = np.abs(np.diff(lab[..., 0], axis=0))[:, :-1] + np.abs(np.diff(lab[..., 0], axis=1))[:-1]
    return {
        "size": thing.mean() ** 0.5,
        "across": columns.mean() / side,
        "down": rows.mean() / side,
        "slenderness": np.log((np.ptp(columns) + 1) / (np.ptp(rows) + 1)),
        "lightness": inside[:, 0].mean(),
        "background": background[0],
        "colourfulness": np.hypot(inside[:, 1], inside[:, 2]).mean(),
        "redness": inside[:, 1].mean(),
        "warmth": inside[:, 2].mean(),
        "detail": steps[thing[:-1, :-1]].mean(),
        "contrast": inside[:, 0].std(),
    }


def slider_ends(model: DALLE, recipes: Sequence[Recipe], number: int) -> tuple[list[Picture], list[Picture]]:
    """Pictures of the recipes with one number of their codes at LOW, and at HIGH."""
    codes = model.codes(recipes)

    def at(value: float) -> list[Picture]:
        moved = [(*code[:number], value, *code[number + 1 :]) for code in codes]
        return model.draw([replace(r, code=code) for r, code in zip(recipes, moved, strict=True)])

    return at(LOW), at(HIGH)


def measure(model: DALLE, recipes: Sequence[Recipe]) -> tuple[Slider, ...]:
    """Sliders for every number of the code, named for what they do to pictures of these recipes.

    Those with a name come first, each kind by how much it changes the picture. Every name is given once, to
    the number that does most of it.
    """
    spread = within_prompt_std(model, recipes)
    changes: list[float] = []
    effects: list[dict[str, float]] = []
    for number in tqdm(range(model.config.flow.code), desc="sliders"):
        low, high = slider_ends(model, recipes, number)
        change = images.from_images([p.image for p in high]) - images.from_images([p.image for p in low])
        before, after = table(low), table(high)
        changes.append(float(change.abs().mean()))
        effects.append({name: float((after[name] - before[name]).mean() / spread[name]) for name in spread})
    names = assign_names(effects)
    order = sorted(range(len(changes)), key=lambda number: (number not in names, -changes[number]))
    return tuple(_named(n, names[n], effects[n][names[n]]) if n in names else unnamed(n) for n in order)


def within_prompt_std(model: DALLE, recipes: Sequence[Recipe]) -> dict[str, float]:
    """By how much each property differs between pictures of one prompt."""
    found = [
        table(model.draw([replace(recipe, seed=recipe.seed + len(recipes) * time) for time in range(AGAIN)]))
        for recipe in recipes
    ]
    return {
        name: float(np.mean([rows[name].var(ddof=1) for rows in found]) ** 0.5) + 1e-6 for name in found[0]
    }


def assign_names(effects: Sequence[Mapping[str, float]]) -> dict[int, str]:
    """Which number is named for which property: the strongest pair first, each number and property once."""
    pairs = ((abs(effect), n, name) for n, row in enumerate(effects) for name, effect in row.items())
    names: dict[int, str] = {}
    for effect, number, name in sorted(pairs, reverse=True):
        if effect >= CLEAR and number not in names and name not in names.values():
            names[number] = name
    return names


def table(pictures: Sequence[Picture]) -> dict[str, np.ndarray]:
    """Each property of all pictures, (M,)."""
    rows = [properties(np.asarray(picture.image)) for picture in pictures]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _named(number: int, name: str, effect: float) -> Slider:
    title, low, high = (dict(zip(LANGUAGES, words, strict=True)) for words in WORDS[name])
    return Slider(number, title, *((low, high) if effect > 0 else (high, low)))
