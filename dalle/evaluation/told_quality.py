"""Metrics of a checkpoint whose codes have told numbers: whether camera and light do what their names say.

All pictures are compared with the plain one of their recipe: variety "none", so that all told numbers are 0.
Camera and colours act on finished pictures: theirs are made of the plain ones without drawing anew.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dalle import images
from dalle.config import CAMERA_NUMBERS, VIEW_NUMBERS
from dalle.evaluation import camera_measures, light_measures
from dalle.evaluation.eval_prompts import evenly_spaced
from dalle.evaluation.evaluator import EVAL_BATCH, Evaluator
from dalle.evaluation.light_measures import NAMES
from dalle.evaluation.metrics import Metrics, fraction
from dalle.evaluation.slider_prompts import SliderPrompt, slider_prompts
from dalle.evaluation.told_fit import OUTLINE, read_numbers
from dalle.networks.camera import FACTORS
from dalle.pipeline.latents import initial_codes
from dalle.recipe import Recipe

PROMPTS = 100
READ_PROMPTS = 24  # of these, whose told numbers are read from pictures
STEP_PROMPTS = 8  # of these, for the steps on a slider's way
END = 2.0
STEP_VALUES = torch.linspace(-END, END, 17).tolist()
RECOGNISED_RANK = 5  # a subject counts as recognised if its rank is below this
STEP_QUANTILE = 0.95  # of pictures, for the step where the frame ended
# The least change of a told number by its own slider for others' shares of it: of 4, and of an outline score.
MIN_OWN_CHANGE = torch.tensor([0.25] * (CAMERA_NUMBERS + OUTLINE) + [0.02])
WORST = ("frame_step", "largest_step", "largest_step_features", "others_largest")  # others are averaged


@dataclass(frozen=True)
class PlainPictures:
    """Prompts with their plain pictures (P, 3, S, S), and the masks of the subjects (P, S, S)."""

    prompts: Sequence[SliderPrompt]
    codes: Sequence[tuple[float, ...]]
    pictures: Tensor
    masks: Tensor

    def open_to_tint(self, count: int) -> list[int]:
        """Indices of `count` whose prompts state no ground, evenly spaced."""
        return evenly_spaced([i for i, each in enumerate(self.prompts) if each.tinted], count)

    def some(self, chosen: Sequence[int]) -> "PlainPictures":
        """Those with these indices."""
        return PlainPictures(
            [self.prompts[i] for i in chosen],
            [self.codes[i] for i in chosen],
            self.pictures[chosen],
            self.masks[chosen],
        )


def measure_told(evaluator: Evaluator) -> Metrics:
    """Metrics of each slider, and for camera, light and learnt numbers together.

    Together means the largest of the metrics in WORST, and the mean of the others. At -2 and at 2:

    in_frame         share of the subject's area that the frame still shows; not for size
    frame_step       the largest step where the plain picture ends, in grey levels, in 95% of pictures
    edge_energy      squared gradients, as a share of those of the same warp at twice the size
    named_way        share of pictures that change the way that the slider is named
    effect           size of that change, as a share of the true transform's
    others_largest   the largest change of another told number, as a share of what its own slider does
    others_mean      the same, the mean of the others
    kept             share of the recognised subjects that are so still
    change           between the ends, in pixels, as a share of the range of values
    largest_step     the largest of sixteen equal steps, as a share of their sum, in pixels: median of prompts
    largest_step_features   the same in features of the classifier
    """
    prompts = slider_prompts(evaluator.emoji, PROMPTS, evaluator.composer.renderer.size)
    plain = draw_plain(evaluator, prompts)
    recognised = _recognised(evaluator, plain.pictures, prompts, "sliders: plain")
    subjects = [i for i, is_recognised in enumerate(recognised) if is_recognised]
    few = plain.some(plain.open_to_tint(STEP_PROMPTS))
    results, readings = {}, []
    for number, slider in enumerate(evaluator.pipeline.sliders, 1):
        name = f"{number} {slider.name['en']}"
        results[name] = _measure_steps(evaluator, few, slider.index, name)
        if slider.index < evaluator.pipeline.model.config.flow.told:
            ends = {s: move(evaluator, plain, slider.index, s * END, name) for s in (-1, 1)}
            results[name] |= _measure_ends(plain, slider.index, ends)
            results[name]["kept"] = _kept(evaluator, plain, subjects, ends, name)
            readings.append(_read_change(evaluator, plain, slider.index, ends))
    for name, others in zip(results, _others(torch.stack(readings)), strict=False):
        results[name] |= others
    groups = list(results.values())
    return {
        "camera": _together(groups[:CAMERA_NUMBERS]),
        "light": _together(groups[CAMERA_NUMBERS : len(readings)]),
        "learnt": _together(groups[len(readings) :]),
    } | results


def draw_plain(evaluator: Evaluator, prompts: Sequence[SliderPrompt]) -> PlainPictures:
    """The pictures of prompts with told numbers of 0."""
    recipes = [Recipe(each.text, seed=each.seed, variety="none") for each in prompts]
    pictures = images.from_images(evaluator.draw_recipes(recipes, "sliders: plain"))
    codes = initial_codes(recipes, evaluator.pipeline.model.config)
    return PlainPictures(prompts, codes, pictures, camera_measures.subject_mask(pictures))


def move(evaluator: Evaluator, plain: PlainPictures, index: int, value: float, description: str) -> Tensor:
    """The pictures with number `index` of their codes at `value`: (P, 3, S, S)."""
    codes = [(*code[:index], value, *code[index + 1 :]) for code in plain.codes]
    if index < VIEW_NUMBERS:
        return _viewed(evaluator, plain.pictures, torch.tensor(codes))
    recipes = [
        Recipe(each.text, seed=each.seed, code=code) for each, code in zip(plain.prompts, codes, strict=True)
    ]
    return images.from_images(evaluator.draw_recipes(recipes, f"{description} at {value:+g}"))


def _viewed(evaluator: Evaluator, pictures: Tensor, codes: Tensor) -> Tensor:
    """Plain pictures with the view of codes, in batches: the warp needs memory."""
    pairs = zip(pictures.split(EVAL_BATCH), codes.split(EVAL_BATCH), strict=True)
    return torch.cat([evaluator.pipeline.model.view(*pair) for pair in pairs])


# --- metrics at the ends


def _measure_ends(plain: PlainPictures, index: int, ends: dict[int, Tensor]) -> Metrics:
    if index < CAMERA_NUMBERS:
        return _measure_camera(plain, index, ends)
    return _measure_light(plain, NAMES[index - CAMERA_NUMBERS], ends)


def _measure_camera(plain: PlainPictures, index: int, ends: dict[int, Tensor]) -> Metrics:
    in_frame, step, energy, named = [], [], [], []
    for sign, seen in ends.items():
        camera = torch.zeros(len(seen), CAMERA_NUMBERS)
        camera[:, index] = sign * END
        rows = (each.split(EVAL_BATCH) for each in (plain.pictures, plain.masks, seen, camera))
        for pictures, masks, views, cameras in zip(*rows, strict=True):
            in_frame.append(camera_measures.share_in_frame(masks, cameras))
            step.append(camera_measures.frame_step(pictures, views, cameras))
            energy.append(camera_measures.edge_energy(pictures, views, cameras))
            named.append(camera_measures.moves_as_named(pictures, views, FACTORS[index].name, sign))
    results: Metrics = {} if FACTORS[index].name == "size" else {"in_frame": _mean(in_frame)}
    return results | {
        "frame_step": float(torch.cat(step).quantile(STEP_QUANTILE)),
        "edge_energy": _mean(energy),
        "named_way": _mean(named),
    }


def _mean(batches: Sequence[Tensor]) -> float:
    return float(torch.cat([*batches]).float().mean())


def _measure_light(plain: PlainPictures, name: str, ends: dict[int, Tensor]) -> Metrics:
    """Only of pictures that the true transform changes measurably, the named way."""
    column = NAMES.index(name)
    before = light_measures.measure(plain.pictures, plain.masks)
    tinted = torch.tensor([each.tinted for each in plain.prompts])
    changes, expected = [], []
    for sign, pictures in ends.items():
        numbers = light_measures.unit_numbers(len(pictures), name, sign * END)
        true = light_measures.transform(plain.pictures, plain.masks, numbers, tinted)
        for found, drawn in ((changes, pictures), (expected, true)):
            after = light_measures.measure(drawn, plain.masks)
            found.append(sign * light_measures.change(before, after)[:, column])
    change, true_change = torch.cat(changes), torch.cat(expected)
    if column == OUTLINE:  # no transform has this effect, and a style that is said leaves little room for it
        change = change[torch.tensor([each.category != "styled" for each in plain.prompts] * len(ends))]
        return {"pictures": len(change), "named_way": float((change > 0).float().mean())}
    counts = (true_change > light_measures.MIN_CHANGE[column]) & ~change.isnan()
    change, true_change = change[counts], true_change[counts]
    return {
        "pictures": len(change),
        "named_way": float((change > 0).float().mean()),
        "effect": float(change.sum() / true_change.sum()),
    }


def _kept(
    evaluator: Evaluator,
    plain: PlainPictures,
    subjects: Sequence[int],
    ends: dict[int, Tensor],
    description: str,
) -> float:
    """Share of the pictures with these indices, at both ends, whose subject is recognised."""
    prompts = [plain.prompts[i] for i in subjects]
    kept = [
        _recognised(evaluator, pictures[subjects], prompts, f"{description}: named")
        for pictures in ends.values()
    ]
    return fraction(itertools.chain.from_iterable(kept))


def _recognised(
    evaluator: Evaluator, pictures: Tensor, prompts: Sequence[SliderPrompt], description: str
) -> list[bool]:
    """Whether the subject of each picture is recognised; of a scene all of its things, by the detector."""
    drawn = images.to_images(pictures)
    ranks = evaluator.target_ranks(drawn, prompts, description)

    def found(picture: Image.Image) -> set[str]:
        return {name for each in evaluator.detect(np.asarray(picture)) for name in each.classes}

    return [
        prompt.targets <= found(picture) if prompt.category == "scene" else rank < RECOGNISED_RANK
        for picture, prompt, rank in zip(drawn, prompts, ranks, strict=True)
    ]


def _read_change(evaluator: Evaluator, plain: PlainPictures, index: int, ends: dict[int, Tensor]) -> Tensor:
    """How far each told number, read from the pictures, differs between the ends: (12,), medians."""
    chosen = plain.open_to_tint(READ_PROMPTS)
    some, readings = plain.some(chosen), []
    for sign, pictures in ends.items():
        masks = some.masks
        if index < CAMERA_NUMBERS:
            codes = torch.zeros(len(chosen), len(plain.codes[0]))
            codes[:, index] = sign * END
            drawn = masks[:, None].expand(-1, 3, -1, -1).float() * 2 - 1
            masks = _viewed(evaluator, drawn, codes)[:, 0] > 0
        outline = light_measures.outline_score(pictures[chosen], masks)
        readings.append(
            torch.cat([read_numbers(some.pictures, some.masks, pictures[chosen]), outline[:, None]], 1)
        )
    return (readings[1] - readings[0]).abs().median(0).values


def _others(changes: Tensor) -> list[Metrics]:
    """changes (n, 12) of each number that can be told, a column, by each of n sliders -> metrics of the rows.

    Numbers that their own slider does not change either are left out, and those without a slider.
    """
    changes = changes[:, : len(changes)]
    own = changes.diagonal()
    is_changed = own > MIN_OWN_CHANGE[: len(own)]
    shares = torch.where(is_changed, changes / own, torch.nan).fill_diagonal_(torch.nan)
    return [
        {"others_largest": float(row.nan_to_num(0).max()), "others_mean": float(row.nanmean().nan_to_num(0))}
        for row in shares
    ]


# --- steps


def _measure_steps(evaluator: Evaluator, plain: PlainPictures, index: int, description: str) -> Metrics:
    rows = [move(evaluator, plain, index, value, description) for value in STEP_VALUES]
    with torch.inference_mode():
        features = [evaluator.require_classifier().features(row) for row in rows]
    return {
        "change": float((rows[-1] - rows[0]).abs().mean((1, 2, 3)).median() / 2),
        "largest_step": _largest_step([row.flatten(1) for row in rows], 1),
        "largest_step_features": _largest_step(features, 2),
    }


def _largest_step(rows: Sequence[Tensor], norm: int) -> float:
    """The largest step between neighbouring rows (P, n), as a share of the sum of all: the median of P.

    1 where nothing moves.
    """
    lengths = torch.stack([(b - a).norm(norm, 1) for a, b in itertools.pairwise(rows)])
    total = lengths.sum(0)
    return float(torch.where(total > 0, lengths.amax(0) / total, 1).median())


def _together(groups: Sequence[Metrics]) -> Metrics:
    """The largest of the metrics in WORST, and the mean of the others, over the sliders that have them."""
    names = dict.fromkeys(name for group in groups for name in group if name != "pictures")
    values = {name: [group[name] for group in groups if name in group] for name in names}
    return {name: max(found) if name in WORST else sum(found) / len(found) for name, found in values.items()}
