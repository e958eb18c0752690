"""Ablations: short training runs at equal compute, graded by the classifier; `python -m dalle ablate`.

Small flows on a toy data set, each with one change; the checkpoint's Generator, fine-tuned with and without
terms of its loss; the checkpoint with other guidance and numbers of steps. Each experiment is one row of a
table. It is written as soon as the experiment ends, so that a run that was killed resumes there.
"""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from dalle import runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import evaluate, quality, report
from dalle.evaluation.classifier import CLASSIFIER_FOLDER
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.metrics import Metrics, top_k_accuracy
from dalle.files import write_text_atomically
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.research import variants
from dalle.research.toy_dataset import ToyDataset, ToyFlowTask, draw_one_step
from dalle.research.variants import ABLATION_SEED, FLOW_VARIANTS
from dalle.training.pretrain import PHASE_DEFAULTS, composer_for
from dalle.training.task import TrainingSettings
from dalle.training.tasks import ADVERSARIAL_WEIGHT, PERCEPTUAL_WEIGHT, GeneratorTask
from dalle.training.trainer import Trainer

TOY_CONCEPTS = 200
GENERATOR_STEPS = 150
LOSS_SAMPLES = 4096  # samples over which the losses of flows are compared

# Weights of the perceptual and the adversarial term; None: the Generator as it is.
GENERATOR_VARIANTS: dict[str, tuple[float, float] | None] = {
    "generator-untouched": None,
    "generator-reconstruction": (0.0, 0.0),
    "generator-perceptual": (PERCEPTUAL_WEIGHT, 0.0),
    "generator-adversarial": (PERCEPTUAL_WEIGHT, ADVERSARIAL_WEIGHT),
}
SAMPLING_VARIANTS: dict[str, dict[str, Any]] = {  # fields of Recipe
    "default": {},
    **{f"guidance-{value:g}": {"guidance": value} for value in (1.0, 2.0, 3.0, 4.0, 6.0)},
    **{f"steps-{value}": {"steps": value} for value in (4, 6, 12, 20)},
}


# --- experiments: each returns its row


def run_flow_variant(name: str, evaluator: Evaluator, dataset: ToyDataset) -> Metrics:
    """Train one of FLOW_VARIANTS with as many FLOPs as the base."""
    variant, teacher = FLOW_VARIANTS[name], evaluator.pipeline.model
    student, task = variants.make_student(teacher, dataset, variant)
    flops = variants.step_flops(task)
    base_flops = variants.step_flops(variants.make_student(teacher, dataset, FLOW_VARIANTS["base"])[1])
    trainer = Trainer(task, variants.variant_settings(variant, flops, base_flops), evaluator.folder)
    trainer.run()
    with trainer.ema_weights():
        prompts = dataset.eval_prompts
        if variant.one_step:
            drawn = draw_one_step(student, prompts)
        else:
            drawn = replace(evaluator, pipeline=student).draw_prompts(prompts, name)
        row: Metrics = {"steps": trainer.step, "tflop": trainer.step * flops / 1e12}
        row["parameters"] = sum(p.numel() for p in trainer.parameters.values())
        row["loss"] = None if variant.one_step else _mean_loss(task)  # the VAE's is another quantity
    return row | _grade(evaluator, dataset, drawn)


def _mean_loss(task: ToyFlowTask) -> float:
    """Mean flow loss over LOSS_SAMPLES samples, with the same times and noise for every variant."""
    losses = []
    with runtime.isolated_inference():
        torch.manual_seed(ABLATION_SEED)
        for start in range(0, LOSS_SAMPLES, variants.TOY_BATCH):
            batch = task.collate([task.dataset[i] for i in range(start, start + variants.TOY_BATCH)])
            losses.append(float(task(batch)[1]["flow"]))
    return sum(losses) / len(losses)


def _grade(evaluator: Evaluator, dataset: ToyDataset, drawn: Sequence[Image.Image]) -> Metrics:
    """Accuracy on one image of each of `eval_prompts`; writes them as a grid."""
    prompts = dataset.eval_prompts
    evaluator.save_grid("drawn", drawn, [each.text for each in prompts], columns=20)
    return top_k_accuracy(evaluator.target_ranks(drawn, prompts, evaluator.folder.name))


def run_generator_variant(name: str, evaluator: Evaluator, dataset: ToyDataset) -> Metrics:
    """Fine-tune the checkpoint's Generator for GENERATOR_STEPS; its metrics on held-out concepts."""
    weights = GENERATOR_VARIANTS[name]
    if weights is None:
        return {"steps": 0} | _reconstruction_row(evaluator)
    model = copy.deepcopy(evaluator.pipeline.model)
    torch.manual_seed(ABLATION_SEED)
    task = GeneratorTask(model, composer_for("generator", evaluator.emoji, model, ABLATION_SEED), *weights)
    defaults: dict[str, Any] = dict(PHASE_DEFAULTS["generator"])
    settings = TrainingSettings(GENERATOR_STEPS, seed=ABLATION_SEED, **defaults)
    trainer = Trainer(task, settings, evaluator.folder)
    trainer.run()
    with trainer.ema_weights():
        row = _reconstruction_row(replace(evaluator, pipeline=DALLE(model)))
    return {"steps": GENERATOR_STEPS} | row


def _reconstruction_row(evaluator: Evaluator) -> Metrics:
    metrics = quality.measure_reconstruction(evaluator)
    return {name: metrics[name] for name in ("psnr", "ssim", "perceptual")}


def run_sampling_variant(name: str, evaluator: Evaluator, dataset: ToyDataset) -> Metrics:
    """Draw from the checkpoint with one setting changed."""
    changed = SAMPLING_VARIANTS[name]
    recipes = [Recipe(each.text, seed=each.seed, **changed) for each in dataset.eval_prompts]
    row = {"guidance": recipes[0].guidance, "steps": recipes[0].steps}
    return row | _grade(evaluator, dataset, evaluator.draw_recipes(recipes, name))


def run_ceiling(evaluator: Evaluator, dataset: ToyDataset) -> Metrics:
    """Reconstruct the icons: an upper bound of the accuracy of drawn images."""
    icons = evaluator.render_icons([each.icon for each in dataset.eval_prompts])
    return {"guidance": None, "steps": None} | _grade(evaluator, dataset, evaluator.reconstruct(icons))


EXPERIMENTS: dict[str, Callable[[Evaluator, ToyDataset], Metrics]] = {
    **{name: partial(run_flow_variant, name) for name in FLOW_VARIANTS},
    **{name: partial(run_generator_variant, name) for name in GENERATOR_VARIANTS},
    **{name: partial(run_sampling_variant, name) for name in SAMPLING_VARIANTS},
    "ceiling": run_ceiling,
}


def run_ablations(
    checkpoint: Path,
    data: Path,
    output: Path,
    only: Sequence[str] = (),
    classifier_folder: Path = CLASSIFIER_FOLDER,
) -> str:
    """Run the experiments named by `only`, by default all, as far as `output` lacks their rows.

    Returns the Markdown tables of all rows in `output`. Raises ValueError for an unknown experiment, or if
    `output` holds rows of another checkpoint, data, classifier or number of steps.
    """
    if unknown := sorted(set(only) - EXPERIMENTS.keys()):
        raise ValueError(f"no experiment is called {unknown[0]!r}; choose from {', '.join(EXPERIMENTS)}")
    emoji, pipeline = EmojiSet.load(data), DALLE.from_pretrained(checkpoint)
    classifier, model = evaluate.load_classifier(emoji, classifier_folder), pipeline.model
    setting = {
        "checkpoint": model.digest,
        "data": emoji.digest[:12],
        "referee": classifier.digest,
        "concepts": TOY_CONCEPTS,
        "steps": variants.BASE_STEPS,
        "batch": variants.TOY_BATCH,
        "generator_steps": GENERATOR_STEPS,
    }
    path = output / "ablations.json"
    rows = _load_rows(path, setting)
    if missing := [name for name in only or EXPERIMENTS if name not in rows]:
        evaluator = Evaluator(pipeline, classifier, Composer(emoji, size=model.config.image_size), output)
        dataset = ToyDataset.encode(evaluator, TOY_CONCEPTS)
        for name in missing:
            (output / name).mkdir(exist_ok=True)
            rows[name] = EXPERIMENTS[name](replace(evaluator, folder=output / name), dataset)
            write_text_atomically(path, json.dumps({"setting": setting, "rows": rows}, indent=2) + "\n")
    table = report.comparison_table({name: rows[name] for name in EXPERIMENTS if name in rows})
    write_text_atomically(output / "ablations.md", table + "\n")
    return table


def _load_rows(path: Path, setting: Metrics) -> dict[str, Metrics]:
    """The rows in `path`; raises ValueError if they are of another setting.

    A new file is written before any training, so that states left by a killed run fit its setting too.
    """
    if path.is_file():
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["setting"] != setting:
            raise ValueError(
                f"{path} holds ablations of {saved['setting']}, not of {setting}: choose another folder"
            )
        return saved["rows"]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, json.dumps({"setting": setting, "rows": {}}, indent=2) + "\n")
    return {}
