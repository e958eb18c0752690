"""Runs the parts of an evaluation; writes evaluation.json, report.md and the sample grids."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from dalle import runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import eval_prompts, report
from dalle.evaluation.classifier import CLASSIFIER_FOLDER, WEIGHTS_FILE, IconClassifier
from dalle.evaluation.edit_quality import measure_edits
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.metrics import Metrics
from dalle.evaluation.quality import (
    draw_concepts,
    measure_composition,
    measure_distribution,
    measure_recognition,
    measure_reconstruction,
)
from dalle.evaluation.reading_drawn import measure_words_and_phrases
from dalle.evaluation.reading_quality import measure_reading
from dalle.evaluation.slider_quality import measure_sliders
from dalle.files import write_text_atomically
from dalle.pipeline.dalle import DALLE
from dalle.recipe import CODE_SIZE

PARTS: dict[str, Callable[[Evaluator], Metrics]] = {
    "reconstruction": measure_reconstruction,
    "concepts": draw_concepts,
    "recognition": measure_recognition,
    "composition": measure_composition,
    "words": measure_words_and_phrases,
    "reading": measure_reading,
    "distribution": measure_distribution,
    "sliders": measure_sliders,
    "edit": measure_edits,
}

PARTS_WITHOUT_CLASSIFIER = {
    "reconstruction",
    "concepts",
    "reading",
    "edit",
}  # they can do without one, wholly or mostly

SAMPLE_GRIDS: dict[str, dict[str, str]] = {  # part -> file names of its sample grids -> their titles
    "reconstruction": {"reconstructions": "Best and worst reconstructions of held-out icons, right of each"},
    "concepts": {"concepts": "Two hundred common concepts, one picture each at one seed, not picked"},
    "recognition": {
        "recognition-good": "Named at once by the referee, evenly picked",
        "recognition-bad": "The worst by the referee",
    },
    "composition": {
        f"{category}-{which}": f"{category.capitalize()}: the first that {verb}"
        for category in eval_prompts.COMPOSITION_CATEGORIES
        for which, verb in (("good", "passed"), ("bad", "failed"))
    },
    "words": {
        f"words-{kind}": f"{kind.capitalize()}: the first of them" for kind in eval_prompts.WORD_CATEGORIES
    },
    "distribution": {"nearest": "Pictures nearest to an icon, and that icon"},
    "sliders": {
        "sliders": "Sliders with a fixed meaning from -3 to 3: of three prompts with a style, a scene, a "
        "Chinese prompt and a photograph",
    }
    | {f"slider-{n}": f"Slider {n} from one end to the other" for n in range(1, CODE_SIZE + 1)},
    "edit": {
        "edit-inpainting": "Their middles redrawn, right of each",
        "edit-words": "Pictures, edited to another caption, and redrawn with the same seed",
        "edit-styles": "Pictures, edited to another style, and redrawn with the same seed",
    },
}


def evaluate_checkpoint(
    checkpoint: Path,
    data: Path,
    output: Path,
    parts: Sequence[str] = (),
    classifier_folder: Path = CLASSIFIER_FOLDER,
) -> Metrics:
    """Run the named parts of an evaluation, by default all; returns the metrics.

    Writes them to evaluation.json in `output` after each part, and at the end report.md, beside the sample
    grids. Metrics that are there already are kept if they are of the same checkpoint, data, precision and
    classifier. Raises ValueError for an unknown part; also what `load_classifier` raises.
    """
    if unknown := sorted(set(parts) - PARTS.keys()):
        raise ValueError(f"nothing to evaluate is called {unknown[0]!r}; choose from {', '.join(PARTS)}")
    dtype = runtime.inference_dtype()  # the precision that pages and commands draw with
    emoji, pipeline = EmojiSet.load(data), DALLE.from_pretrained(checkpoint, dtype)
    is_optional = set(parts or PARTS) <= PARTS_WITHOUT_CLASSIFIER
    is_missing = not (classifier_folder / WEIGHTS_FILE).is_file()
    classifier = None if is_optional and is_missing else load_classifier(emoji, classifier_folder)
    output.mkdir(parents=True, exist_ok=True)
    composer = Composer(emoji, size=pipeline.model.config.image_size)
    evaluator = Evaluator(pipeline, classifier, composer, output)
    results: Metrics = {
        "checkpoint": pipeline.model.digest,
        "data": emoji.digest[:12],
        "dtype": str(dtype).removeprefix("torch."),
    }
    if classifier:
        results["referee"] = {"digest": classifier.digest} | classifier.metrics
    path = output / "evaluation.json"
    results |= _load_previous(path, results)
    for part in parts or PARTS:
        results[part] = PARTS[part](evaluator)
        write_text_atomically(path, json.dumps(results, indent=2) + "\n")
    (output / "report.md").write_text(format_report(results, output), encoding="utf-8")
    return results


def load_classifier(emoji: EmojiSet, folder: Path) -> IconClassifier:
    """The classifier in `folder`.

    Raises FileNotFoundError if there is none, ValueError if it was trained on other data than `emoji`.
    """
    classifier = IconClassifier.load(folder)
    if classifier.data != emoji.digest[:12]:
        raise ValueError(
            f"the referee in {folder} was trained on data {classifier.data}, not on {emoji.digest[:12]}: "
            "move it away and train another"
        )
    return classifier


def _load_previous(path: Path, header: Metrics) -> Metrics:
    """The metrics in an evaluation.json with the same values for all keys of `header`; {} without any."""
    previous = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    same = all(previous.get(name) == value for name, value in header.items())
    return previous if same else {}


def format_report(results: Metrics, folder: Path) -> str:
    """Markdown: the metrics as a table, and the sample grids of the parts that they are of."""
    grids = [
        f"## {title}\n\n![{title}]({name}.png)\n"
        for part in results
        for name, title in SAMPLE_GRIDS.get(part, {}).items()
        if (folder / f"{name}.png").is_file()
    ]
    return "\n".join(["# Evaluation\n", report.metrics_table(results), "", *grids])
