"""Every quality figure of a checkpoint, and the sheets that a person looks at.

`python -m dalle evaluate` writes evaluation.json, report.md and the sheets into a folder; the same checkpoint
and data give the same figures. A referee that the checkpoint never met names what the pictures show; how well
it names the real icons and their reconstructions stands beside every score.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from dalle import images
from dalle.data.scenes.captions import prompt
from dalle.data.scenes.scene import Scene
from dalle.evaluation import detector, eval_prompts, metrics, verifier
from dalle.evaluation.eval_prompts import SEED, EvalPrompt
from dalle.evaluation.evaluator import Evaluator
from dalle.recipe import Recipe

PROMPTS = 100  # of each category of composition

WORDS = 100  # of each kind of words

DIVERSE, TURNS = 50, 4  # prompts whose diversity over seeds is measured, and seeds

SHEET_CONCEPTS, SHEET_SEED = 200, 7

SLIDERS, SLID = 8, 100  # sliders that are measured, and prompts over which

PLACES = np.linspace(-2, 2, 17).tolist()  # where a slider is put, in deviations: steps of a quarter

KNOWN = 5  # a subject among the referee's first so many answers is recognised

SHOWN = 24  # pictures of a sheet of good or of bad ones

Metrics = dict[str, Any]


def _share(held: Iterable[bool]) -> float:
    held = list(held)
    return sum(held) / max(len(held), 1)


def reconstruction(exam: Evaluator) -> Metrics:
    """Icons of concepts that the autoencoder never saw, each alone on white, beside what it makes of them."""
    icons = [i for i, icon in enumerate(exam.emoji.icons) if exam.emoji.held_out(icon.concept)]
    real = exam.icons(icons)
    made = exam.reconstructed(real)
    distances = {"psnr": images.psnr, "ssim": metrics.ssim}
    if exam.referee:
        distances["perceptual"] = exam.referee.distance
    found = {name: exam.between(of, real, made, name) for name, of in distances.items()}
    order = found["psnr"].argsort(descending=True).tolist()
    shown = dict.fromkeys([*order[: SHOWN // 2], *order[-SHOWN // 2 :]])
    slugs = [exam.emoji.concepts[exam.emoji.icons[icon].concept].slug for icon in icons]
    captions = [text for i in shown for text in (slugs[i], f"{found['psnr'][i]:.1f} dB")]
    exam.sheet("reconstructions", [each for i in shown for each in (real[i], made[i])], captions)
    return {"icons": len(icons)} | {name: float(values.mean()) for name, values in found.items()}


def concepts(exam: Evaluator) -> Metrics:
    """Two hundred common concepts, one picture each, at one seed: a sheet for a person to grade."""
    labels = eval_prompts.common_labels(exam.emoji, SHEET_CONCEPTS)
    drawn = exam.draw([EvalPrompt(label, seed=SHEET_SEED) for label in labels], "concepts")
    exam.sheet("concepts", drawn, labels, columns=20)
    return {"pictures": len(drawn)}


def recognition(exam: Evaluator) -> Metrics:
    """How many pictures the referee names, their style said; real icons and their reconstructions too."""
    asked, drawn = exam.styled
    real = exam.icons([question.icon for question in asked])
    ranks = {
        "": exam.ranks(drawn, asked, "recognition: drawn pictures"),
        "real_": exam.ranks(real, asked, "recognition: real icons"),
        "reconstructed_": exam.ranks(exam.reconstructed(real), asked, "recognition: reconstructions"),
    }

    def shares(chosen: Sequence[bool]) -> Metrics:
        found: Metrics = {"pictures": sum(chosen)}
        for whose, k in itertools.product(ranks, (1, 5)):
            found[f"{whose}top{k}"] = _share(r < k for r in itertools.compress(ranks[whose], chosen))
        return found

    found = shares([True] * len(asked))
    found |= {f"top{k}_of_ceiling": found[f"top{k}"] / max(found[f"real_top{k}"], 1e-9) for k in (1, 5)}
    groups = [exam.emoji.concepts[exam.emoji.icons[question.icon].concept].group for question in asked]
    for values in ([question.topic for question in asked], groups):
        found |= {value: shares([each == value for each in values]) for value in dict.fromkeys(values)}
    order = sorted(range(len(asked)), key=ranks[""].__getitem__)
    named = [i for i in order if ranks[""][i] == 0]
    for sheet, chosen in (("good", eval_prompts.evenly_spaced(named, SHOWN)), ("bad", order[-SHOWN:])):
        exam.sheet(f"recognition-{sheet}", [drawn[i] for i in chosen], [asked[i].prompt for i in chosen])
    return found


def composition(exam: Evaluator) -> Metrics:
    """GenEval's categories: the share of pictures whose regions show what was asked for."""
    return {category: _category(exam, category) for category in eval_prompts.CATEGORIES}


def _category(exam: Evaluator, category: str) -> Metrics:
    """The score, and beside it how often the judge passes true scenes, and the same under false captions."""
    scenes = eval_prompts.scenes(exam.emoji, category, PROMPTS, exam.composer.size)
    base = {concept.slug: concept.base for concept in exam.emoji.concepts}
    drawn = exam.draw([EvalPrompt(scene.caption, seed=SEED + i) for i, scene in enumerate(scenes)], category)
    passed, true, false = [], [], []
    for i, scene in enumerate(tqdm(scenes, desc=f"{category}: judging")):
        passed.append(verifier.verify(scene.says, _parts(exam, np.asarray(drawn[i])), base))
        parts = _parts(exam, exam.composer.render(scene))
        true.append(verifier.verify(scene.says, parts, base))
        strange = _stranger(scene, scenes[i:] + scenes[:i], base)
        false.append(verifier.verify(verifier.perturbed_facts(scene.says, strange), parts, base))
    for sheet, wanted in (("good", True), ("bad", False)):
        chosen = [i for i, has in enumerate(passed) if has == wanted][:SHOWN]
        exam.sheet(f"{category}-{sheet}", [drawn[i] for i in chosen], [scenes[i].caption for i in chosen])
    found = {"score": passed, "judge_passes_true": true, "judge_passes_false": false}
    return {"prompts": len(scenes)} | {name: _share(held) for name, held in found.items()}


def _parts(exam: Evaluator, picture: np.ndarray) -> list[detector.Detection]:
    return detector.detect(picture, exam.referee.name, exam.referee.answers)


def _stranger(scene: Scene, others: Sequence[Scene], base: Mapping[str, str]) -> str:
    """The first concept of other scenes that is no answer to this one."""
    own = {base[slug] for slug in verifier.concepts(scene.says)}
    return next(slug for other in others for slug in verifier.concepts(other.says) if base[slug] not in own)


def words(exam: Evaluator) -> Metrics:
    """Keywords, misspellings, words outside the data, labels in ten languages: how many are named."""
    asked = eval_prompts.words(exam.emoji, WORDS)
    drawn = exam.draw(asked, "words")
    ranks = exam.ranks(drawn, asked, "words")

    def shares(*topics: str) -> Metrics:
        of = [rank for rank, question in zip(ranks, asked, strict=True) if question.topic in topics]
        return {"prompts": len(of)} | {f"top{k}": _share(r < k for r in of) for k in (1, 5)}

    for topic in eval_prompts.KINDS:
        chosen = [i for i, question in enumerate(asked) if question.topic == topic][:SHOWN]
        exam.sheet(f"words-{topic}", [drawn[i] for i in chosen], [asked[i].prompt for i in chosen])
    languages = {language: shares(language) for language in eval_prompts.LANGUAGES}
    found = {topic: shares(topic) for topic in eval_prompts.KINDS}
    return found | {"languages": shares(*eval_prompts.LANGUAGES) | languages}


def distribution(exam: Evaluator) -> Metrics:
    """How the pictures as a set stand to the icons: how far, how varied, and whether they are copies.

    For scale beside each figure, the same between icons that were asked for and icons that were not.
    """
    asked, drawn = exam.styled
    real = exam.features(exam.icons(range(len(exam.emoji.icons))), "distribution: real icons")
    made = exam.features(drawn, "distribution: drawn pictures")
    first = {question.icon: i for i, question in reversed(list(enumerate(asked)))}
    rest = eval_prompts.evenly_spaced([i for i in range(len(real)) if i not in first], len(first))
    icons = eval_prompts.evenly_spaced(list(first), len(rest))
    again = exam.features(exam.reconstructed(exam.icons(icons)), "distribution: reconstructions")
    own = 1 - torch.cosine_similarity(again, real[icons])
    gaps, which = metrics.nearest(made, real)
    shown = gaps.argsort()[: SHOWN // 2].tolist()
    pictures = [each for i in shown for each in (drawn[i], *exam.icons([int(which[i])]))]
    captions = [text for i in shown for text in (asked[i].prompt, f"nearest icon, {gaps[i]:.3f}")]
    exam.sheet("nearest", pictures, captions)
    return {
        "frechet": metrics.frechet_distance(made[[first[icon] for icon in icons]], real[rest]),
        "frechet_real": metrics.frechet_distance(real[icons], real[rest]),
        **_diversity(exam),
        "nearest": float(gaps.mean()),
        "nearest_real": float(metrics.nearest(real[icons], real, icons)[0].mean()),
        "nearest_reconstructed": float(own.mean()),
        "copies": float((gaps < own.median()).float().mean()),
    }


def _diversity(exam: Evaluator) -> Metrics:
    """The mean perceptual distance between pictures of one prompt, and between one concept's icons."""
    chosen = eval_prompts.evenly_spaced(eval_prompts.common_concepts(exam.emoji), DIVERSE)
    labels = [exam.emoji.concepts[concept].labels["en"] for concept in chosen for _ in range(TURNS)]
    drawn = exam.draw([EvalPrompt(label, seed=SEED + i) for i, label in enumerate(labels)], "diversity")
    icons = [[i for i, icon in enumerate(exam.emoji.icons) if icon.concept == concept] for concept in chosen]

    def apart(groups: Iterable[Sequence[Image.Image]], what: str) -> float:
        pairs = [pair for group in groups for pair in itertools.combinations(group, 2)]
        some, others = ([pair[side] for pair in pairs] for side in (0, 1))
        return float(exam.between(exam.referee.distance, some, others, f"diversity: {what}").mean())

    return {
        "diversity": apart([drawn[i : i + TURNS] for i in range(0, len(drawn), TURNS)], "drawn pictures"),
        "diversity_real": apart(map(exam.icons, icons), "real icons"),
    }


def sliders(exam: Evaluator) -> Metrics:
    """Whether the first sliders change pictures clearly and smoothly, and leave the subject what it is."""
    emoji = exam.emoji
    asked = [
        EvalPrompt(prompt(emoji.concepts[index]), frozenset({emoji.concepts[index].base}), seed=SEED + i)
        for i, index in enumerate(eval_prompts.evenly_spaced(eval_prompts.common_concepts(emoji), SLID))
    ]
    own = exam.ranks(exam.draw(asked, "sliders"), asked, "sliders: as they come")
    known = [rank < KNOWN for rank in own]
    found = {}
    for number, slider in enumerate(exam.sliders[:SLIDERS], 1):
        rows = _slid(exam, asked, slider.index, f"slider {number}")
        found[f"{number} {slider.name['en']}"] = _steadiness(exam, asked, known, rows)
        pictures = [row[i] for i in range(min(SLIDERS, len(asked))) for row in rows[::2]]
        exam.sheet(f"slider-{number}", pictures, [""] * len(pictures), columns=len(rows[::2]))
    return found


def _slid(exam: Evaluator, asked: Sequence[EvalPrompt], at: int, what: str) -> list[list[Image.Image]]:
    """The pictures with number `at` of their codes put to each of PLACES."""
    recipes = [Recipe(question.prompt, seed=question.seed) for question in asked]
    codes = exam.model.codes(recipes)
    rows = []
    for value in PLACES:
        moved = [(*code[:at], value, *code[at + 1 :]) for code in codes]
        there = [replace(recipe, code=code) for recipe, code in zip(recipes, moved, strict=True)]
        rows.append(exam.draw_recipes(there, f"{what} at {value:+.2f}"))
    return rows


def _steadiness(
    exam: Evaluator, asked: Sequence[EvalPrompt], known: Sequence[bool], rows: Sequence[Sequence[Image.Image]]
) -> Metrics:
    """How much pictures change along a slider, how evenly, and how many of the `known` are so at its ends."""
    whole = _gap(rows[0], rows[-1])
    steps = torch.stack([_gap(a, b) for a, b in itertools.pairwise(rows)])
    jumps = steps.max(0).values / whole.clamp(min=1e-6)
    ranks = [rank for row in (rows[0], rows[-1]) for rank in exam.ranks(row, asked, "sliders: at the ends")]
    return {
        "change": float(whole.median()),
        "largest_step": float(jumps.median()),
        "smooth": _share((jumps <= 0.25).tolist()),
        "kept": _share(rank < KNOWN for rank, before in zip(ranks, [*known] * 2, strict=True) if before),
    }


def _gap(some: Sequence[Image.Image], others: Sequence[Image.Image]) -> Tensor:
    """The mean difference of each two pictures, as a share of the whole range.

    Not the root of its square: by that, a sixteenth of an edge's even way is a quarter of its change.
    """
    return (images.from_images(some) - images.from_images(others)).abs().mean((1, 2, 3)) / 2
