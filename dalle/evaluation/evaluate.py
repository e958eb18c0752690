"""Runs the parts, keeps evaluation.json, writes the report."""

import json
from collections.abc import Sequence
from pathlib import Path

from dalle import runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import eval_prompts
from dalle.evaluation import report as figures
from dalle.evaluation.classifier import DEFAULT_FOLDER, WEIGHTS, IconClassifier
from dalle.evaluation.edit_quality import edit
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.quality import (
    SLIDERS,
    Metrics,
    composition,
    concepts,
    distribution,
    recognition,
    reconstruction,
    sliders,
    words,
)
from dalle.files import write_text
from dalle.networks.upscaler import Upscaler
from dalle.pipeline import sliders as directions
from dalle.pipeline.dalle import DALLE

UNGRADED = {"reconstruction", "concepts", "edit"}  # parts, or most of them, that need no referee


def evaluate(
    checkpoint: Path, data: Path, output: Path, what: Sequence[str] = (), referee: Path = DEFAULT_FOLDER
) -> Metrics:
    """The figures of `what`, all of `PARTS` by default; writes them, a report and the sheets into `output`.

    Figures that are there already, of the same checkpoint, data and referee, stay beside the new ones.
    """
    if unknown := sorted(set(what) - PARTS.keys()):
        raise ValueError(f"nothing to evaluate is called {unknown[0]!r}; choose from {', '.join(PARTS)}")
    dtype = runtime.inference_dtype()  # as it draws for everybody
    emoji, model = EmojiSet.load(data), DALLE.from_pretrained(checkpoint, dtype)
    ungraded = set(what or PARTS) <= UNGRADED and not (referee / WEIGHTS).is_file()
    grader = None if ungraded else grader_of(emoji, referee)
    output.mkdir(parents=True, exist_ok=True)
    named = directions.load(checkpoint / "sliders.json", model.config.flow.code)
    upscaler = Upscaler.load(checkpoint, dtype)
    exam = Evaluator(model, grader, Composer(emoji, size=model.config.image_size), output, named, upscaler)
    found = {
        "checkpoint": model.digest,
        "data": emoji.digest[:12],
        "dtype": str(dtype).removeprefix("torch."),
    }
    if grader:
        found["referee"] = {"digest": grader.digest} | grader.figures
    path = output / "evaluation.json"
    found |= _kept(path, found)
    for part in what or PARTS:
        found[part] = PARTS[part](exam)
        write_text(path, json.dumps(found, indent=2) + "\n")
    (output / "report.md").write_text(report(found, output), encoding="utf-8")
    return found


def grader_of(emoji: EmojiSet, folder: Path) -> IconClassifier:
    """The referee in `folder`; raises FileNotFoundError without one, ValueError where it knows other data."""
    grader = IconClassifier.load(folder)
    if grader.data != emoji.digest[:12]:
        raise ValueError(
            f"the referee in {folder} was trained on data {grader.data}, not on {emoji.digest[:12]}: "
            "move it away and train another"
        )
    return grader


def _kept(path: Path, header: Metrics) -> Metrics:
    """What an evaluation of the same things has found before."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    same = all(found.get(name) == value for name, value in header.items())
    return found if same else {}


def report(found: Metrics, folder: Path) -> str:
    """The figures as a table, and the sheets of what was evaluated, as Markdown."""
    sheets = [
        f"## {title}\n\n![{title}]({name}.png)\n"
        for part in found
        for name, title in SHEETS.get(part, {}).items()
        if (folder / f"{name}.png").is_file()
    ]
    return "\n".join(["# Evaluation\n", figures.table(found), "", *sheets])


PARTS = {
    part.__name__: part
    for part in (reconstruction, concepts, recognition, composition, words, distribution, sliders, edit)
}

SHEETS = {  # the sheets of each part, with their titles
    "reconstruction": {"reconstructions": "Best and worst reconstructions of held-out icons, right of each"},
    "concepts": {"concepts": "Two hundred common concepts, one picture each at one seed, not picked"},
    "recognition": {
        "recognition-good": "Named at once by the referee, evenly picked",
        "recognition-bad": "The worst by the referee",
    },
    "composition": {
        f"{category}-{which}": f"{category.capitalize()}: the first that {verb}"
        for category in eval_prompts.CATEGORIES
        for which, verb in (("good", "passed"), ("bad", "failed"))
    },
    "words": {f"words-{kind}": f"{kind.capitalize()}: the first of them" for kind in eval_prompts.KINDS},
    "distribution": {"nearest": "Pictures nearest to an icon, and that icon"},
    "sliders": {f"slider-{n}": f"Slider {n} from one end to the other" for n in range(1, SLIDERS + 1)},
    "edit": {
        "edit-inpainting": "Their middles redrawn, right of each",
        "edit-words": "Pictures, edited to another caption, and redrawn with the same seed",
        "edit-styles": "Pictures, edited to another style, and redrawn with the same seed",
    },
}
