"""Ablations: what the choices of this system are worth, by short trainings at equal compute.

`python -m dalle ablate` trains small flows in a small world, each with one thing changed; fine-tunes the
checkpoint's Generator with and without its terms; and draws with other guidance and other steps. All are
graded by the referee. A row is written as its experiment ends, so that a run that was killed goes on.
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
from dalle.evaluation.classifier import DEFAULT_FOLDER
from dalle.evaluation.evaluator import Evaluator
from dalle.files import write_text
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.research import variants
from dalle.research.toy_dataset import ToyDataset, ToyFlowTask, draw_one_step
from dalle.research.variants import SEED, VARIANTS
from dalle.training.pretrain import PHASE_DEFAULTS, composer_for
from dalle.training.tasks import ADVERSARIAL_WEIGHT, PERCEPTUAL_WEIGHT, GeneratorTask
from dalle.training.trainer import Trainer, TrainingSettings

CONCEPTS = 200
GENERATOR_STEPS = 150
LOOKS = 4096  # features, times and noises whose loss is compared

Metrics = dict[str, Any]


GENERATORS = {  # weights of the perceptual and the adversarial term; None: as it is in the checkpoint
    "generator-untouched": None,
    "generator-reconstruction": (0.0, 0.0),
    "generator-perceptual": (PERCEPTUAL_WEIGHT, 0.0),
    "generator-adversarial": (PERCEPTUAL_WEIGHT, ADVERSARIAL_WEIGHT),
}
DRAWINGS = {
    "default": {},
    **{f"guidance-{value:g}": {"guidance": value} for value in (1.0, 2.0, 3.0, 4.0, 6.0)},
    **{f"steps-{value}": {"steps": value} for value in (4, 6, 12, 20)},
}


# --- the experiments


def trained(name: str, exam: Evaluator, world: ToyDataset) -> Metrics:
    """A small flow with one thing changed."""
    variant = VARIANTS[name]
    model, task = variants.make_student(exam.model, world, variant)
    own = variants.operations(task)
    base = variants.operations(variants.make_student(exam.model, world, VARIANTS["base"])[1])
    trainer = Trainer(task, variants.settings_of(variant, own, base), exam.folder)
    trainer.run()
    with trainer.averaged():
        asked, of_pupil = world.asked, replace(exam, model=model)
        drawn = draw_one_step(model, asked) if variant.at_once else of_pupil.draw(asked, name)
        found: Metrics = {"steps": trainer.step, "tflop": trainer.step * own / 1e12}
        found["parameters"] = sum(p.numel() for p in trainer.parameters.values())
        found["loss"] = None if variant.at_once else _loss(task)  # that of features is another
    return found | _graded(exam, world, drawn)


def _loss(task: ToyFlowTask) -> float:
    """The flow's mean loss of the same features, times and noises, whoever is asked."""
    losses = []
    with runtime.inference():
        torch.manual_seed(SEED)
        for start in range(0, LOOKS, variants.BATCH):
            batch = task.collate([task.dataset[i] for i in range(start, start + variants.BATCH)])
            losses.append(float(task(batch)[1]["flow"]))
    return sum(losses) / len(losses)


def _graded(exam: Evaluator, world: ToyDataset, drawn: Sequence[Image.Image]) -> Metrics:
    """How many pictures of `world.asked` are named; they are kept as a sheet."""
    exam.sheet("drawn", drawn, [question.prompt for question in world.asked], columns=20)
    ranks = exam.ranks(drawn, world.asked, exam.folder.name)
    return {f"top{k}": sum(rank < k for rank in ranks) / len(ranks) for k in (1, 5)}


def sharpened(name: str, exam: Evaluator, world: ToyDataset) -> Metrics:
    """The checkpoint's Generator after a few more steps with these terms, on concepts that it never saw."""
    weights = GENERATORS[name]
    if weights is None:
        return {"steps": 0} | _reconstruction(exam)
    model = copy.deepcopy(exam.model)
    torch.manual_seed(SEED)
    task = GeneratorTask(model, composer_for("generator", exam.emoji, model, SEED), *weights)
    trainer = Trainer(
        task, TrainingSettings(GENERATOR_STEPS, seed=SEED, **PHASE_DEFAULTS["generator"]), exam.folder
    )
    trainer.run()
    with trainer.averaged():
        return {"steps": GENERATOR_STEPS} | _reconstruction(replace(exam, model=model))


def _reconstruction(exam: Evaluator) -> Metrics:
    found = quality.reconstruction(exam)
    return {name: found[name] for name in ("psnr", "ssim", "perceptual")}


def drawn(name: str, exam: Evaluator, world: ToyDataset) -> Metrics:
    """The checkpoint itself, with one setting changed."""
    recipes = [Recipe(question.prompt, seed=question.seed, **DRAWINGS[name]) for question in world.asked]
    found = {"guidance": recipes[0].guidance, "steps": recipes[0].steps}
    return found | _graded(exam, world, exam.draw_recipes(recipes, name))


def ceiling(exam: Evaluator, world: ToyDataset) -> Metrics:
    """The icons themselves, through the autoencoder: what is drawn is hardly named better."""
    icons = exam.icons([question.icon for question in world.asked])
    return {"guidance": None, "steps": None} | _graded(exam, world, exam.reconstructed(icons))


EXPERIMENTS: dict[str, Callable[[Evaluator, ToyDataset], Metrics]] = {
    **{name: partial(trained, name) for name in VARIANTS},
    **{name: partial(sharpened, name) for name in GENERATORS},
    **{name: partial(drawn, name) for name in DRAWINGS},
    "ceiling": ceiling,
}


# --- all of them


def ablate(
    checkpoint: Path, data: Path, output: Path, only: Sequence[str] = (), referee: Path = DEFAULT_FOLDER
) -> str:
    """Run the experiments that `output` lacks, all or those named; -> the tables of all that it has then.

    Raises ValueError where `output` has those of other weights, data, referee or numbers of steps.
    """
    if unknown := sorted(set(only) - EXPERIMENTS.keys()):
        raise ValueError(f"no experiment is called {unknown[0]!r}; choose from {', '.join(EXPERIMENTS)}")
    emoji, model = EmojiSet.load(data), DALLE.from_pretrained(checkpoint)
    grader = evaluate.grader_of(emoji, referee)
    setting = {"checkpoint": model.digest, "data": emoji.digest[:12], "referee": grader.digest}
    setting |= {"concepts": CONCEPTS, "steps": variants.STEPS, "batch": variants.BATCH}
    setting |= {"generator_steps": GENERATOR_STEPS}
    path = output / "ablations.json"
    rows = _begun(path, setting)
    if missing := [name for name in only or EXPERIMENTS if name not in rows]:
        exam = Evaluator(model, grader, Composer(emoji, size=model.config.image_size), output)
        world = ToyDataset.of(exam, CONCEPTS)
    for name in missing:
        (output / name).mkdir(exist_ok=True)
        rows[name] = EXPERIMENTS[name](replace(exam, folder=output / name), world)
        write_text(path, json.dumps({"setting": setting, "rows": rows}, indent=2) + "\n")
    table = report.columns({name: rows[name] for name in EXPERIMENTS if name in rows})
    write_text(output / "ablations.md", table + "\n")
    return table


def _begun(path: Path, setting: Metrics) -> Metrics:
    """Rows that are there already. The file is written before any training: its states fit this setting."""
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["setting"] != setting:
            raise ValueError(
                f"{path} holds ablations of {found['setting']}, not of {setting}: choose another folder"
            )
        return found["rows"]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({"setting": setting, "rows": {}}, indent=2) + "\n")
    return {}
