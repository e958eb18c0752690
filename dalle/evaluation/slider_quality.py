"""Part `sliders` of an evaluation: metrics of each slider, and a grid of pictures on its way."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from dalle import images
from dalle.data.scenes.captions import plain_caption
from dalle.editing.editor import Editor
from dalle.edits import FromFile, PromptEdit, with_edit
from dalle.evaluation import eval_prompts, told_quality
from dalle.evaluation.eval_prompts import EVAL_SEED, EvalPrompt
from dalle.evaluation.evaluator import Evaluator, Pictures
from dalle.evaluation.metrics import Metrics, fraction, top_k_accuracy
from dalle.evaluation.quality import DIVERSITY_PROMPTS, diversity_over_seeds
from dalle.evaluation.slider_prompts import SliderPrompt, scene_prompts
from dalle.evaluation.told_quality import RECOGNISED_RANK
from dalle.networks.model import DALLEModel
from dalle.pipeline.latents import initial_codes
from dalle.pipeline.sampler import run
from dalle.recipe import Picture, Recipe

MAX_SLIDERS, PROMPTS_PER_SLIDER = 8, 100  # of a checkpoint without told numbers: the first sliders
SLIDER_VALUES = np.linspace(-2, 2, 17).tolist()  # of the slider's number of the code, N(0, 1); step 0.25
RECOGNITION_PROMPTS = 300
GRID_VALUES = (-3.0, -1.5, 0.0, 1.5, 3.0)


def measure_sliders(evaluator: Evaluator) -> Metrics:
    """Metrics of the sliders: of told numbers (`told_quality.measure_told`), else of learnt ones.

    With told numbers also recognition and diversity over seeds, as far as they depend on the variety.
    """
    if not evaluator.pipeline.model.config.flow.told:
        return measure_learnt_sliders(evaluator)
    results = told_quality.measure_told(evaluator)
    save_grids(evaluator)
    return {
        "recognition": {variety: _measure_recognition(evaluator, variety) for variety in ("none", "some")},
        "diversity": _measure_diversity(evaluator),
    } | results


def _measure_recognition(evaluator: Evaluator, variety: str) -> Metrics:
    """Accuracy of the classifier on prompts with a style."""
    prompts = eval_prompts.style_prompts(evaluator.emoji, RECOGNITION_PROMPTS, 1)
    drawn = evaluator.draw_prompts(prompts, f"variety {variety}", variety)
    ranks = evaluator.target_ranks(drawn, prompts, f"variety {variety}")
    return {"prompts": len(prompts)} | top_k_accuracy(ranks)


def _measure_diversity(evaluator: Evaluator) -> Metrics:
    emoji = evaluator.emoji
    concepts = eval_prompts.evenly_spaced(eval_prompts.common_concepts(emoji), DIVERSITY_PROMPTS)
    style_open = [emoji.concepts[concept].labels["en"] for concept in concepts]
    style_said = [each.text for each in eval_prompts.style_prompts(emoji, DIVERSITY_PROMPTS, 1)]
    return {
        "style_open_none": diversity_over_seeds(evaluator, style_open, "none"),
        "style_open_some": diversity_over_seeds(evaluator, style_open, "some"),
        "style_said_some": diversity_over_seeds(evaluator, style_said, "some"),
    }


# --- grids


def save_grids(evaluator: Evaluator) -> None:
    """A grid of each slider from -3 to 3: three prompts with a style, a scene, a Chinese one, a photograph.

    slider-N.png is that of the pipeline's slider N, without its name: it is to be told by eye. sliders.png
    has those of all told numbers, with their names.
    """
    pipeline, emoji = evaluator.pipeline, evaluator.emoji
    (*_, concept) = eval_prompts.common_concepts(emoji)
    texts = [each.text for each in eval_prompts.style_prompts(emoji, 3, 1)]
    texts += [scene_prompts(emoji, 1, evaluator.composer.renderer.size)[-1].text]
    texts += [emoji.concepts[concept].labels.get("zh", emoji.concepts[concept].labels["en"])]
    prompts = [SliderPrompt(text, seed=EVAL_SEED + i) for i, text in enumerate(texts)]
    plain = told_quality.draw_plain(evaluator, prompts)
    editor = Editor(pipeline.make_sampler())
    upload = _opened_photograph(pipeline.model)
    code = run(editor.infer_code(upload))
    sheets = []
    for number, slider in enumerate(pipeline.sliders, 1):
        columns = []
        for value in GRID_VALUES:
            drawn = told_quality.move(evaluator, plain, slider.index, value, f"grid {number}")
            moved = (*code[: slider.index], value, *code[slider.index + 1 :])
            (edited,) = run(editor.apply(upload, [PromptEdit(code=moved)]))
            columns.append([*images.to_images(drawn), edited.image])
        pictures = list(itertools.chain.from_iterable(zip(*columns, strict=True)))
        evaluator.save_grid(f"slider-{number}", pictures, [""] * len(pictures), len(GRID_VALUES))
        if slider.index < pipeline.model.config.flow.told:
            sheets.append(images.grid([each.reduce(2) for each in pictures], len(GRID_VALUES)))
    names = [slider.name["en"] for slider in pipeline.sliders]
    evaluator.save_grid("sliders", sheets, names[: len(sheets)], columns=3)


def _opened_photograph(model: DALLEModel) -> Picture:
    """A photograph of a cup of coffee, opened as a user's file is. Raises ValueError without scikit-image."""
    try:
        from skimage import data  # pyright: ignore[reportMissingImports]  (for development alone)
    except ImportError as error:
        raise ValueError("the photograph is scikit-image's: pip install scikit-image") from error
    photo = Image.fromarray(data.coffee())
    size = model.config.image_size
    square = ImageOps.fit(photo, (size, size), Image.Resampling.LANCZOS)
    recipe = Recipe("a hot beverage", checkpoint=model.digest, size=size)
    return Picture(square, with_edit(recipe, FromFile(images.digest(square.tobytes()))))


# --- learnt sliders


def measure_learnt_sliders(evaluator: Evaluator) -> Metrics:
    """For each of the first MAX_SLIDERS sliders: size and smoothness of its effect, and subjects kept."""
    emoji = evaluator.emoji
    indices = eval_prompts.evenly_spaced(eval_prompts.common_concepts(emoji), PROMPTS_PER_SLIDER)
    concepts = [emoji.concepts[index] for index in indices]
    prompts = [
        EvalPrompt(plain_caption(concept), frozenset({concept.canonical}), seed=EVAL_SEED + i)
        for i, concept in enumerate(concepts)
    ]
    drawn = evaluator.draw_prompts(prompts, "sliders")
    ranks = evaluator.target_ranks(drawn, prompts, "sliders: as they come")
    recognised = [rank < RECOGNISED_RANK for rank in ranks]
    results = {}
    for number, slider in enumerate(evaluator.pipeline.sliders[:MAX_SLIDERS], 1):
        rows = _draw_slider_rows(evaluator, prompts, slider.index, f"slider {number}")
        results[f"{number} {slider.name['en']}"] = _measure_slider(evaluator, prompts, recognised, rows)
        shown = rows[::2]
        pictures = [row[i] for i in range(min(MAX_SLIDERS, len(prompts))) for row in shown]
        evaluator.save_grid(f"slider-{number}", pictures, [""] * len(pictures), columns=len(shown))
    return results


def _draw_slider_rows(
    evaluator: Evaluator, prompts: Sequence[EvalPrompt], index: int, description: str
) -> list[list[Image.Image]]:
    """For each of SLIDER_VALUES, the images of all prompts with number `index` of their codes set to it."""
    recipes = [Recipe(each.text, seed=each.seed) for each in prompts]
    codes = initial_codes(recipes, evaluator.pipeline.model.config)
    rows = []
    for value in SLIDER_VALUES:
        moved = [(*code[:index], value, *code[index + 1 :]) for code in codes]
        row = [replace(recipe, code=code) for recipe, code in zip(recipes, moved, strict=True)]
        rows.append(evaluator.draw_recipes(row, f"{description} at {value:+.2f}"))
    return rows


def _measure_slider(
    evaluator: Evaluator,
    prompts: Sequence[EvalPrompt],
    recognised: Sequence[bool],
    rows: Sequence[Pictures],
) -> Metrics:
    """Metrics of one slider from its images, one row for each of its values.

    "change": median difference between the ends. "largest_step": median, over prompts, of the largest
    difference between neighbouring values, as a share of the change; "smooth": share of prompts where it is
    at most a quarter. "kept": share of the `recognised` subjects that are so at the ends too.
    """
    change = _mean_difference(rows[0], rows[-1])
    steps = torch.stack([_mean_difference(a, b) for a, b in itertools.pairwise(rows)])
    largest = steps.max(0).values / change.clamp(min=1e-6)
    ends = (evaluator.target_ranks(row, prompts, "sliders: at the ends") for row in (rows[0], rows[-1]))
    ranks = itertools.chain.from_iterable(ends)
    kept = (r < RECOGNISED_RANK for r, before in zip(ranks, [*recognised] * 2, strict=True) if before)
    return {
        "change": float(change.median()),
        "largest_step": float(largest.median()),
        "smooth": fraction((largest <= 0.25).tolist()),
        "kept": fraction(kept),
    }


def _mean_difference(first: Pictures, second: Pictures) -> Tensor:
    """Mean absolute difference of images pair by pair, as a share of the range of values: (M,).

    Not the root mean square: an edge that moves by a sixteenth of its way would make a quarter of its change.
    """
    return (images.from_images(first) - images.from_images(second)).abs().mean((1, 2, 3)) / 2
