"""The parts of an evaluation, but for edits: metrics of a checkpoint, and sample grids for visual inspection.

The same checkpoint and data give the same metrics. Where the classifier grades drawn images, its accuracy on
real icons and on their reconstructions, or its verdict on real scenes, is reported as the upper bound.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from tqdm import tqdm

from dalle import images
from dalle.data.scenes.scene import Scene
from dalle.evaluation import eval_prompts, metrics, verifier
from dalle.evaluation.eval_prompts import EVAL_SEED, EvalPrompt
from dalle.evaluation.evaluator import Evaluator, Pictures
from dalle.evaluation.metrics import Metrics, fraction, top_k_accuracy
from dalle.recipe import Recipe

PROMPTS_PER_CATEGORY = 100  # of composition
WORDS_PER_CATEGORY = 100
DIVERSITY_PROMPTS, DIVERSITY_SEEDS = 50, 4  # images of one prompt are compared over this many seeds
CONCEPT_GRID_SIZE, CONCEPT_GRID_SEED = 200, 7
GRID_SIZE = 24  # images in a grid


def measure_reconstruction(evaluator: Evaluator) -> Metrics:
    """Icons of concepts held out from the autoencoder, on white, against their reconstructions."""
    emoji = evaluator.emoji
    icons = [i for i, icon in enumerate(emoji.icons) if emoji.held_out(icon.concept)]
    originals = evaluator.render_icons(icons)
    outputs = evaluator.reconstruct(originals)
    distances = {"psnr": images.psnr, "ssim": metrics.ssim}
    if evaluator.classifier:
        distances["perceptual"] = evaluator.classifier.perceptual_distance
    values = {
        name: evaluator.paired_distance(distance, originals, outputs, name)
        for name, distance in distances.items()
    }
    psnr = values["psnr"]
    order = psnr.argsort(descending=True).tolist()
    best_and_worst = dict.fromkeys([*order[: GRID_SIZE // 2], *order[-GRID_SIZE // 2 :]])
    slugs = [emoji.concepts[emoji.icons[icon].concept].slug for icon in icons]
    captions = [text for i in best_and_worst for text in (slugs[i], f"{psnr[i]:.1f} dB")]
    pairs = [picture for i in best_and_worst for picture in (originals[i], outputs[i])]
    evaluator.save_grid("reconstructions", pairs, captions)
    return {"icons": len(icons)} | {name: float(each.mean()) for name, each in values.items()}


def draw_concepts(evaluator: Evaluator) -> Metrics:
    """A grid of CONCEPT_GRID_SIZE common concepts, one image each at one seed, to be graded by eye."""
    labels = eval_prompts.common_labels(evaluator.emoji, CONCEPT_GRID_SIZE)
    prompts = [EvalPrompt(label, seed=CONCEPT_GRID_SEED) for label in labels]
    drawn = evaluator.draw_prompts(prompts, "concepts")
    evaluator.save_grid("concepts", drawn, labels, columns=20)
    return {"pictures": len(drawn)}


def measure_recognition(evaluator: Evaluator) -> Metrics:
    """Accuracy of the classifier on `styled_samples`, in all, for each style and for each group of concepts.

    "real_" is the accuracy on the icons of these prompts, "reconstructed_" that on their reconstructions.
    """
    prompts, drawn = evaluator.styled_samples
    icons = evaluator.render_icons([each.icon for each in prompts])
    ranks = {
        "": evaluator.target_ranks(drawn, prompts, "recognition: drawn pictures"),
        "real_": evaluator.target_ranks(icons, prompts, "recognition: real icons"),
        "reconstructed_": evaluator.target_ranks(
            evaluator.reconstruct(icons), prompts, "recognition: reconstructions"
        ),
    }

    def accuracy(chosen: Sequence[bool]) -> Metrics:
        results: Metrics = {"pictures": sum(chosen)}
        for prefix, values in ranks.items():
            results |= top_k_accuracy(list(itertools.compress(values, chosen)), prefix)
        return results

    results = accuracy([True] * len(prompts))
    results |= {f"top{k}_of_ceiling": results[f"top{k}"] / max(results[f"real_top{k}"], 1e-9) for k in (1, 5)}
    concepts, emoji_icons = evaluator.emoji.concepts, evaluator.emoji.icons
    styles = [each.category for each in prompts]
    groups = [concepts[emoji_icons[each.icon].concept].group for each in prompts]
    for labels in (styles, groups):
        results |= {label: accuracy([each == label for each in labels]) for label in dict.fromkeys(labels)}
    order = sorted(range(len(prompts)), key=ranks[""].__getitem__)
    correct = [i for i in order if ranks[""][i] == 0]
    good = eval_prompts.evenly_spaced(correct, GRID_SIZE)
    _save_samples(evaluator, "recognition-good", prompts, drawn, good)
    _save_samples(evaluator, "recognition-bad", prompts, drawn, order[-GRID_SIZE:])
    return results


def _save_samples(
    evaluator: Evaluator, name: str, prompts: Sequence[EvalPrompt], drawn: Pictures, chosen: Sequence[int]
) -> None:
    """Write a grid of the images with the indices `chosen`, captioned with their prompts."""
    evaluator.save_grid(name, [drawn[i] for i in chosen], [prompts[i].text for i in chosen])


def measure_composition(evaluator: Evaluator) -> Metrics:
    """For each category of GenEval (arXiv:2310.11513), the share of images that the verifier passes."""
    categories = eval_prompts.COMPOSITION_CATEGORIES
    return {category: _measure_category(evaluator, category) for category in categories}


def _measure_category(evaluator: Evaluator, category: str) -> Metrics:
    """The score, and the verifier's rates of true and of false positives on real scenes.

    The false ones are the same scenes with perturbed facts.
    """
    size, class_of = evaluator.composer.renderer.size, evaluator.class_of
    scenes = eval_prompts.composition_scenes(evaluator.emoji, category, PROMPTS_PER_CATEGORY, size)
    prompts = [EvalPrompt(scene.caption, seed=EVAL_SEED + i) for i, scene in enumerate(scenes)]
    drawn = evaluator.draw_prompts(prompts, category)
    passed, true_positives, false_positives = [], [], []
    for i, scene in enumerate(tqdm(scenes, desc=f"{category}: judging")):
        passed.append(verifier.verify(scene.caption_facts, evaluator.detect(np.asarray(drawn[i])), class_of))
        detections = evaluator.detect(evaluator.composer.renderer.render(scene))
        true_positives.append(verifier.verify(scene.caption_facts, detections, class_of))
        distractor = _distractor(scene, scenes[i:] + scenes[:i], class_of)
        perturbed = verifier.perturbed_facts(scene.caption_facts, distractor)
        false_positives.append(verifier.verify(perturbed, detections, class_of))
    for name, wanted in (("good", True), ("bad", False)):
        chosen = [i for i, verdict in enumerate(passed) if verdict == wanted][:GRID_SIZE]
        _save_samples(evaluator, f"{category}-{name}", prompts, drawn, chosen)
    return {
        "prompts": len(scenes),
        "score": fraction(passed),
        "judge_passes_true": fraction(true_positives),
        "judge_passes_false": fraction(false_positives),
    }


def _distractor(scene: Scene, others: Sequence[Scene], class_of: Mapping[str, str]) -> str:
    """Slug of the first concept of the other scenes whose class is not in this one."""
    present = {class_of[slug] for slug in verifier.named_concepts(scene.caption_facts)}
    candidates = (slug for other in others for slug in verifier.named_concepts(other.caption_facts))
    return next(slug for slug in candidates if class_of[slug] not in present)


def measure_words(evaluator: Evaluator) -> Metrics:
    """Accuracy on prompts of one word, for each of WORD_CATEGORIES and EVAL_LANGUAGES."""
    prompts = eval_prompts.word_prompts(evaluator.emoji, WORDS_PER_CATEGORY)
    drawn = evaluator.draw_prompts(prompts, "words")
    ranks = evaluator.target_ranks(drawn, prompts, "words")

    def accuracy(*categories: str) -> Metrics:
        chosen = [rank for rank, each in zip(ranks, prompts, strict=True) if each.category in categories]
        return {"prompts": len(chosen)} | top_k_accuracy(chosen)

    for category in eval_prompts.WORD_CATEGORIES:
        chosen = [i for i, each in enumerate(prompts) if each.category == category][:GRID_SIZE]
        _save_samples(evaluator, f"words-{category}", prompts, drawn, chosen)
    languages = {language: accuracy(language) for language in eval_prompts.EVAL_LANGUAGES}
    results = {category: accuracy(category) for category in eval_prompts.WORD_CATEGORIES}
    return results | {"languages": accuracy(*eval_prompts.EVAL_LANGUAGES) | languages}


def measure_distribution(evaluator: Evaluator) -> Metrics:
    """Fréchet distance, diversity and nearest training icons of `styled_samples`, in classifier features.

    For comparison, the Fréchet distance between the prompted icons and others, the distance of a real icon to
    its nearest one, and of a reconstruction to its original. "copies" is the share of images nearer to an
    icon than the median reconstruction is to its original.
    """
    prompts, drawn = evaluator.styled_samples
    all_icons = evaluator.render_icons(range(len(evaluator.emoji.icons)))
    real = evaluator.extract_features(all_icons, "distribution: real icons")
    features = evaluator.extract_features(drawn, "distribution: drawn pictures")
    first_sample = {each.icon: i for i, each in reversed(list(enumerate(prompts)))}
    unprompted = [i for i in range(len(real)) if i not in first_sample]
    others = eval_prompts.evenly_spaced(unprompted, len(first_sample))
    icons = eval_prompts.evenly_spaced(list(first_sample), len(others))
    reconstructions = evaluator.reconstruct(evaluator.render_icons(icons))
    reconstructed = evaluator.extract_features(reconstructions, "distribution: reconstructions")
    to_original = 1 - torch.cosine_similarity(reconstructed, real[icons])
    distances, nearest = metrics.nearest_neighbours(features, real)
    shown = distances.argsort()[: GRID_SIZE // 2].tolist()
    pairs = [each for i in shown for each in (drawn[i], *evaluator.render_icons([int(nearest[i])]))]
    captions = [text for i in shown for text in (prompts[i].text, f"nearest icon, {distances[i]:.3f}")]
    evaluator.save_grid("nearest", pairs, captions)
    return {
        "frechet": metrics.frechet_distance(features[[first_sample[icon] for icon in icons]], real[others]),
        "frechet_real": metrics.frechet_distance(real[icons], real[others]),
        **_measure_diversity(evaluator),
        "nearest": float(distances.mean()),
        "nearest_real": float(metrics.nearest_neighbours(real[icons], real, icons)[0].mean()),
        "nearest_reconstructed": float(to_original.mean()),
        "copies": float((distances < to_original.median()).float().mean()),
    }


def _measure_diversity(evaluator: Evaluator) -> Metrics:
    """Mean perceptual distance between images of one prompt, and between real icons of one concept."""
    emoji = evaluator.emoji
    concepts = eval_prompts.evenly_spaced(eval_prompts.common_concepts(emoji), DIVERSITY_PROMPTS)
    icons = [[i for i, icon in enumerate(emoji.icons) if icon.concept == concept] for concept in concepts]
    real = [evaluator.render_icons(group) for group in icons]
    return {
        "diversity": diversity_over_seeds(evaluator, [emoji.concepts[c].labels["en"] for c in concepts]),
        "diversity_real": _mean_distance(evaluator, real, "real icons"),
    }


def diversity_over_seeds(evaluator: Evaluator, texts: Sequence[str], variety: str = Recipe.variety) -> float:
    """Mean perceptual distance between images of one prompt, over DIVERSITY_SEEDS seeds of each text."""
    repeated = [text for text in texts for _ in range(DIVERSITY_SEEDS)]
    prompts = [EvalPrompt(text, seed=EVAL_SEED + i) for i, text in enumerate(repeated)]
    drawn = evaluator.draw_prompts(prompts, "diversity", variety)
    by_prompt = [drawn[i : i + DIVERSITY_SEEDS] for i in range(0, len(drawn), DIVERSITY_SEEDS)]
    return _mean_distance(evaluator, by_prompt, "drawn pictures")


def _mean_distance(evaluator: Evaluator, groups: Iterable[Pictures], description: str) -> float:
    """Mean perceptual distance of all pairs within groups."""
    pairs = [pair for group in groups for pair in itertools.combinations(group, 2)]
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    distance = evaluator.require_classifier().perceptual_distance
    return float(evaluator.paired_distance(distance, first, second, f"diversity: {description}").mean())
