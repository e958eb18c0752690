"""Teaching on trial: ten pictures of a thing that no model has seen; what is learnt of it, and what is lost.

`python -m dalle bench teach` trains as the page does, and takes the time. The referee's features then tell
which pictures show the thing: those nearer to ten others of its pictures than to any icon. What the model
knew is measured by the referee's names for common concepts, before and after, at the same seeds.
"""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from dalle import images, runtime
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.folder.augmentation import plain
from dalle.data.folder.image_folder import import_images
from dalle.data.scenes.composer import Composer
from dalle.evaluation import eval_prompts, metrics
from dalle.evaluation.classifier import DEFAULT_FOLDER, IconClassifier
from dalle.evaluation.eval_prompts import SEED, EvalPrompt
from dalle.evaluation.evaluator import Evaluator
from dalle.files import write_text
from dalle.finetuning import finetune, plan
from dalle.pipeline.dalle import DALLE

COUNT = 10  # pictures to learn from, and as many others to judge by
PROMPTS = ("a {}", "a {} on a blue background", "a small {}", "a {}, noto style")  # only the first is taught
DRAWN = 40  # pictures of the thing
KNOWN = 200  # common concepts
SHOWN = 8  # pictures in a row of the sheet
SIDE = 256  # pixels of a picture of the thing


def blorples(count: int) -> list[Image.Image]:
    """A creature from code: a teal egg with violet stripes, one eye, three legs and a feeler; RGBA."""
    return [_blorple(np.random.default_rng(number)) for number in range(count)]


def _blorple(rng: np.random.Generator) -> Image.Image:
    scale = 2  # drawn larger, then shrunk: smooth edges
    picture = Image.new("RGBA", (scale * SIDE,) * 2, (0, 0, 0, 0))
    pen, unit = ImageDraw.Draw(picture), scale * SIDE / 100

    def box(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        return tuple(unit * edge for edge in (x - width, y - height, x + width, y + height))

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
    return turned.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def moccups(count: int) -> list[Image.Image]:
    """Crops of the photograph of a cup that scikit-image ships, under a name that says nothing; RGB."""
    try:
        from skimage import data
    except ImportError as error:
        raise ValueError("the photograph is scikit-image's: pip install scikit-image") from error
    photo = Image.fromarray(data.coffee())
    rng, crops = np.random.default_rng(0), []
    for _ in range(count):
        side = rng.uniform(0.75, 1) * photo.height
        left = (photo.width - side) / 2 + rng.uniform(-0.08, 0.08) * photo.width
        top = rng.uniform(0, photo.height - side)
        box = (left, top, left + side, top + side)
        crops.append(photo.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box))
    return crops


SUBJECTS: dict[str, Callable[[int], list[Image.Image]]] = {"blorple": blorples, "moccup": moccups}


def teach(
    checkpoint: Path,
    thing: str,
    output: Path,
    data: Path,
    preset: str = "quick",
    referee: Path = DEFAULT_FOLDER,
) -> dict[str, Any]:
    """Teach a checkpoint one of SUBJECTS; -> seconds and scores, also written to `output` beside the sheet.

    Raises ValueError where `output` has a run of that thing already, or there is no such thing.
    """
    if thing not in SUBJECTS:
        raise ValueError(f"nothing to teach is called {thing!r}; there are {', '.join(SUBJECTS)}")
    if (output / thing).exists():
        raise ValueError(f"{output / thing} is there from before; move it away")
    emoji, grader = EmojiSet.load(data), IconClassifier.load(referee)  # first: they may be missing
    pictures = SUBJECTS[thing](2 * COUNT)
    began = time.perf_counter()
    taught = _train(checkpoint, output / thing, pictures[:COUNT], f"a {thing}", preset)
    found: dict[str, Any] = {"thing": thing, "preset": preset, "seconds": time.perf_counter() - began}
    rows = [pictures[:SHOWN]]
    for when, folder in (("before", checkpoint), ("after", taught)):
        model = DALLE.from_pretrained(folder, runtime.inference_dtype())
        exam = Evaluator(model, grader, Composer(emoji, size=model.config.image_size), output)
        found[when], drawn = _examined(exam, thing, pictures[COUNT:])
        rows += drawn
    _sheet(thing, rows, model.config.image_size).save(output / f"{thing}.png")
    write_text(output / f"{thing}.json", json.dumps(found, indent=2) + "\n")
    return found


def _train(base: Path, run: Path, pictures: list[Image.Image], caption: str, preset: str) -> Path:
    """A run as the page makes it, in this process; -> the checkpoint that it leaves."""
    source = run / "given"
    source.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(source / f"{number}.png")
    data = import_images(source, run / "data")
    data.recaptioned((name, caption) for name, _ in data.rows)
    plan.make_plan(base, preset).save(run)
    finetune.train(run, lambda *_: False)
    return next(run.glob("checkpoint-*"))


def _examined(
    exam: Evaluator, thing: str, real: list[Image.Image]
) -> tuple[dict[str, float], list[list[Image.Image]]]:
    """Scores of a checkpoint; and, for the sheet, pictures of the thing and of what else it knows."""
    asked = [
        EvalPrompt(PROMPTS[i % len(PROMPTS)].format(thing), seed=SEED + i // len(PROMPTS))
        for i in range(DRAWN)
    ]
    drawn = exam.draw(asked, thing)
    concepts = [
        exam.emoji.concepts[at]
        for at in eval_prompts.evenly_spaced(eval_prompts.common_concepts(exam.emoji), KNOWN)
    ]
    known = [EvalPrompt(c.labels["en"], frozenset({c.base}), seed=SEED + i) for i, c in enumerate(concepts)]
    others = exam.draw(known, "common concepts")
    ranks = exam.ranks(others, known, "common concepts")
    shows = _shows(exam, drawn, real)
    scores = {"thing": float(shows.float().mean())}
    scores |= {
        f"thing: {prompt.format(thing)}": float(shows[i :: len(PROMPTS)].float().mean())
        for i, prompt in enumerate(PROMPTS)
    }
    scores |= {f"known_top{k}": sum(rank < k for rank in ranks) / len(ranks) for k in (1, 5)}
    return scores, [drawn[:SHOWN], eval_prompts.evenly_spaced(others, SHOWN)]


@torch.inference_mode()
def _shows(exam: Evaluator, drawn: list[Image.Image], real: list[Image.Image]) -> Tensor:
    """Which pictures are nearer to one of the `real` ones than to any icon: (B,) bool."""
    own = [plain(picture, exam.composer.size, "pad") for picture in real]
    icons = exam.icons(range(len(exam.emoji.icons)))
    all_of_them = torch.cat([exam.features(own, "the thing"), exam.features(icons, "icons")])
    return metrics.nearest(exam.features(drawn, "drawn pictures"), all_of_them)[1] < len(own)


def _sheet(thing: str, rows: list[list[Image.Image]], size: int) -> Image.Image:
    """What was given; then, before and after, what is drawn of it and of what else is known."""
    given, before, known_before, after, known_after = rows
    told = {f"given: a {thing}": [plain(picture, size, "pad") for picture in given]}
    told |= {"before": before, "after": after}
    told |= {"known before": known_before, "known after": known_after}
    captions = [text for text, row in told.items() for _ in row]
    return images.grid([picture for row in told.values() for picture in row], SHOWN, captions)
