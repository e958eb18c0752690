"""Fine-tuning benchmark: teaches a checkpoint ten images of an unseen subject; `python -m dalle bench teach`.

It fine-tunes as the page does, and measures the time, how often the subject is drawn, and what is forgotten.
An image shows the subject if its nearest neighbour, in features of the classifier, is one of ten other images
of the subject and not an icon. Forgetting is the change of the classifier's accuracy on common concepts at
the same seeds.
"""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from dalle import images, runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.folder.augmentation import fit_on_white
from dalle.data.folder.importer import import_images
from dalle.data.scenes.composer import Composer
from dalle.evaluation import eval_prompts, metrics
from dalle.evaluation.classifier import CLASSIFIER_FOLDER, IconClassifier
from dalle.evaluation.eval_prompts import EVAL_SEED, EvalPrompt
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.metrics import Metrics
from dalle.files import write_text_atomically
from dalle.finetuning import finetune, plan
from dalle.pipeline.dalle import DALLE

TRAINING_IMAGES = 10  # as many others are the reference of the measurement
# Only the first is a caption of the training data; the others test how the subject is composed.
SUBJECT_PROMPTS = ("a {}", "a {} on a blue background", "a small {}", "a {}, noto style")
SUBJECT_SAMPLES = 40  # images drawn of the subject
KNOWN_CONCEPTS = 200
COMPARISON_COLUMNS = 8
SUBJECT_SIZE = 256  # side of the subject's images in pixels


def draw_blorples(count: int) -> list[Image.Image]:
    """Procedural drawings (RGBA) of a creature: a teal egg with violet stripes, one eye and three legs."""
    return [_draw_blorple(np.random.default_rng(number)) for number in range(count)]


def _draw_blorple(rng: np.random.Generator) -> Image.Image:
    size = 2 * SUBJECT_SIZE  # reduced at the end, for smooth edges
    picture = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    pen, unit = ImageDraw.Draw(picture), size / 100

    def box(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        return unit * (x - width), unit * (y - height), unit * (x + width), unit * (y + height)

    wide, tall = rng.uniform(23, 29), rng.uniform(27, 32)
    line = round(4 * unit)
    for leg in (-15, 0, 15):
        foot = leg + rng.uniform(-5, 5)
        pen.line([(unit * (50 + leg), unit * 70), (unit * (50 + foot), unit * 94)], (90, 60, 40), line)
    lean = rng.uniform(-14, 14)
    pen.line([(unit * 50, unit * 30), (unit * (50 + lean), unit * 8)], (90, 60, 40), line)
    pen.ellipse(box(50 + lean, 9, 5, 5), (250, 190, 40))
    body = Image.new("L", picture.size, 0)
    ImageDraw.Draw(body).ellipse(box(50, 52, wide, tall), 255)
    coat = Image.new("RGBA", picture.size, (30, 160 + int(rng.integers(-12, 13)), 150, 255))
    for stripe in np.arange(rng.uniform(24, 30), 90, 13):
        ImageDraw.Draw(coat).rectangle(box(50, stripe, 50, 2.6), (130, 60, 170))
    picture.paste(coat, (0, 0), body)
    look = rng.uniform(-4, 4)
    pen.ellipse(box(50, 42, 11, 11), "white")
    pen.ellipse(box(50 + look, 42, 5, 5), (20, 20, 30))
    turned = picture.rotate(math.degrees(rng.uniform(-0.2, 0.2)), Image.Resampling.BICUBIC)
    return turned.resize((SUBJECT_SIZE, SUBJECT_SIZE), Image.Resampling.LANCZOS)


def crop_moccups(count: int) -> list[Image.Image]:
    """Random crops (RGB) of the photograph of a coffee cup in scikit-image, under an invented name."""
    try:
        from skimage import data  # pyright: ignore[reportMissingImports]  (optional)
    except ImportError as error:
        raise ValueError("the photograph is scikit-image's: pip install scikit-image") from error
    photo = Image.fromarray(data.coffee())
    rng, crops = np.random.default_rng(0), []
    for _ in range(count):
        side = rng.uniform(0.75, 1) * photo.height
        left = (photo.width - side) / 2 + rng.uniform(-0.08, 0.08) * photo.width
        top = rng.uniform(0, photo.height - side)
        box = (left, top, left + side, top + side)
        crops.append(photo.resize((SUBJECT_SIZE, SUBJECT_SIZE), Image.Resampling.LANCZOS, box))
    return crops


SUBJECTS: dict[str, Callable[[int], list[Image.Image]]] = {"blorple": draw_blorples, "moccup": crop_moccups}


def benchmark_finetuning(
    checkpoint: Path,
    subject: str,
    output: Path,
    data: Path,
    preset: str = "quick",
    classifier_folder: Path = CLASSIFIER_FOLDER,
) -> Metrics:
    """Fine-tune a checkpoint on one of SUBJECTS and evaluate it before and after.

    Returns seconds and metrics; writes them to SUBJECT.json in `output`, the run's folder, and a grid of
    images. Raises ValueError for an unknown subject, or if `output` has a run of that subject already.
    """
    if subject not in SUBJECTS:
        raise ValueError(f"nothing to teach is called {subject!r}; there are {', '.join(SUBJECTS)}")
    if (output / subject).exists():
        raise ValueError(f"{output / subject} is there from before; move it away")
    emoji, classifier = EmojiSet.load(data), IconClassifier.load(classifier_folder)  # missing ones fail early
    pictures = SUBJECTS[subject](2 * TRAINING_IMAGES)
    training, reference = pictures[:TRAINING_IMAGES], pictures[TRAINING_IMAGES:]
    started = time.perf_counter()
    finetuned = _finetune(checkpoint, output / subject, training, f"a {subject}", preset)
    results: Metrics = {"thing": subject, "preset": preset, "seconds": time.perf_counter() - started}
    subject_rows, known_rows = {}, {}
    for when, folder in (("before", checkpoint), ("after", finetuned)):
        pipeline = DALLE.from_pretrained(folder, runtime.inference_dtype())
        composer = Composer(emoji, size=pipeline.model.config.image_size)
        evaluator = Evaluator(pipeline, classifier, composer, output)
        subject_metrics, subject_rows[when] = _measure_subject(evaluator, subject, reference)
        known_metrics, known_rows[f"known {when}"] = _measure_known(evaluator)
        results[when] = subject_metrics | known_metrics
    size = subject_rows["before"][0].width
    given = [fit_on_white(picture, size, "pad") for picture in pictures[:COMPARISON_COLUMNS]]
    rows = {f"given: a {subject}": given} | subject_rows | known_rows
    captions = [text for text, row in rows.items() for _ in row]
    grid = images.grid([picture for row in rows.values() for picture in row], COMPARISON_COLUMNS, captions)
    grid.save(output / f"{subject}.png")
    write_text_atomically(output / f"{subject}.json", json.dumps(results, indent=2) + "\n")
    return results


def _finetune(base: Path, run: Path, pictures: list[Image.Image], caption: str, preset: str) -> Path:
    """Fine-tune in a run's folder as the page does, but in this process; returns the checkpoint's folder."""
    source = run / "given"
    source.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(source / f"{number}.png")
    data = import_images(source, run / "data")
    data.with_captions((name, caption) for name, _ in data.rows)
    plan.make_plan(base, preset).save(run)
    finetune.finetune_checkpoint(run, lambda *_: False)
    return next(run.glob("checkpoint-*"))


def _measure_subject(
    evaluator: Evaluator, subject: str, reference: list[Image.Image]
) -> tuple[dict[str, float], list[Image.Image]]:
    """Share of drawn images that show the subject, in all and for each prompt; the first of the images."""
    count = len(SUBJECT_PROMPTS)
    texts = [template.format(subject) for template in SUBJECT_PROMPTS]
    prompts = [EvalPrompt(texts[i % count], seed=EVAL_SEED + i // count) for i in range(SUBJECT_SAMPLES)]
    drawn = evaluator.draw_prompts(prompts, subject)
    shown = _shows_subject(evaluator, drawn, reference).float()
    results = {"thing": float(shown.mean())}
    results |= {f"thing: {text}": float(shown[i::count].mean()) for i, text in enumerate(texts)}
    return results, drawn[:COMPARISON_COLUMNS]


@torch.inference_mode()
def _shows_subject(evaluator: Evaluator, drawn: list[Image.Image], reference: list[Image.Image]) -> Tensor:
    """Whether the nearest neighbour of each drawn image is a reference image, not an icon: (B,) bool."""
    size = evaluator.composer.renderer.size
    subject = evaluator.extract_features(
        [fit_on_white(picture, size, "pad") for picture in reference], "reference images"
    )
    all_icons = evaluator.render_icons(range(len(evaluator.emoji.icons)))
    candidates = torch.cat([subject, evaluator.extract_features(all_icons, "icons")])
    features = evaluator.extract_features(drawn, "drawn pictures")
    return metrics.nearest_neighbours(features, candidates)[1] < len(subject)


def _measure_known(evaluator: Evaluator) -> tuple[dict[str, float], list[Image.Image]]:
    """Accuracy on KNOWN_CONCEPTS common concepts; some of the images, evenly spaced."""
    indices = eval_prompts.evenly_spaced(eval_prompts.common_concepts(evaluator.emoji), KNOWN_CONCEPTS)
    concepts = [evaluator.emoji.concepts[index] for index in indices]
    prompts = [
        EvalPrompt(concept.labels["en"], frozenset({concept.canonical}), seed=EVAL_SEED + i)
        for i, concept in enumerate(concepts)
    ]
    drawn = evaluator.draw_prompts(prompts, "common concepts")
    ranks = evaluator.target_ranks(drawn, prompts, "common concepts")
    return metrics.top_k_accuracy(ranks, "known_"), eval_prompts.evenly_spaced(drawn, COMPARISON_COLUMNS)
