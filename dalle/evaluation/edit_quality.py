"""How well edits do: the part `edit` of an evaluation, each figure beside what anybody would do instead.

Words and styles are judged by the referee: the new property must be there and the subject still be named. The
obvious way to get them is to draw the new caption with the same seed; so it is measured as well, and how far
either has gone from the picture that was to be kept.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import prompt
from dalle.data.scenes.scene import Scene
from dalle.editing import matting
from dalle.editing.editor import Editor
from dalle.edits import Inpaint, PromptEdit, pack_mask
from dalle.evaluation import detector, eval_prompts, verifier
from dalle.evaluation.eval_prompts import SEED
from dalle.evaluation.evaluator import Evaluator
from dalle.pipeline.batches import run
from dalle.pipeline.sampler import Sampler
from dalle.recipe import Picture, Recipe
from dalle.training import super_resolution

COUNT = 100  # pictures of each kind
KEEP = 0.3  # of the picture, under other words or in another style
SHOWN = 12  # edits of a sheet

Metrics = dict[str, Any]


@dataclass(frozen=True)
class Rewording:
    """A picture's caption, the one that it is to have, and what then is true."""

    before: str
    after: str
    seed: int
    holds: Callable[[Image.Image], tuple[bool, bool]]  # whether the new property is there; and the subject


def edit(exam: Evaluator) -> Metrics:
    """All figures of edits; those of words and styles where there is a referee."""
    editor = Editor(Sampler(exam.model))
    found = {"inversion": inversion(exam, editor), "inpainting": inpainting(exam, editor)}
    if exam.referee:
        found["words"] = rewording(exam, editor, "words", _recoloured(exam))
        found["styles"] = rewording(exam, editor, "styles", _restyled(exam))
    found["cutting"] = cutting(exam)
    if exam.upscaler and (super_resolution.DEFAULT_FOLDER / "index.json").is_file():
        found["enlarging"] = super_resolution.measured(
            exam.upscaler, EmojiSet.load(super_resolution.DEFAULT_FOLDER), COUNT
        )
    return found


# --- there and back


def inversion(exam: Evaluator, editor: Editor) -> Metrics:
    """Held-out icons on white, encoded and decoded; and by the FeatureExtractor and Generator alone."""
    held = [i for i, icon in enumerate(exam.emoji.icons) if exam.emoji.held_out(icon.concept)]
    icons = eval_prompts.evenly_spaced(held, COUNT)
    real, both = exam.icons(icons), []
    for icon, picture in zip(icons, tqdm(real, desc="inversion"), strict=True):
        caption = prompt(exam.emoji.concepts[exam.emoji.icons[icon].concept])
        both.append(run(editor.seen(_picture(exam, picture, caption))).psnr)
    alone = exam.between(images.psnr, real, exam.reconstructed(real), "inversion: autoencoder")
    return {"pictures": len(icons), "psnr": float(np.mean(both)), "autoencoder_psnr": float(alone.mean())}


def _picture(exam: Evaluator, image: Image.Image, caption: str) -> Picture:
    return Picture(image, Recipe(caption, checkpoint=exam.model.digest, size=exam.model.config.image_size))


# --- painting over


def inpainting(exam: Evaluator, editor: Editor) -> Metrics:
    """A disc in the middle redrawn: whether all else is as it was, and the step in grey levels at the rim."""
    labels = eval_prompts.common_labels(exam.emoji, COUNT)
    size = exam.model.config.image_size
    disc = Image.new("1", (size, size))
    ImageDraw.Draw(disc).ellipse([size // 4, size // 4, size * 3 // 4, size * 3 // 4], 1)
    mask = np.asarray(disc)
    exact, steps, before, shown = [], [], [], []
    for number, label in enumerate(tqdm(labels, desc="inpainting")):
        (picture,) = exam.model.generate(label, seed=SEED + number)
        (made,) = run(editor.edited(picture, [Inpaint(pack_mask(mask), label, SEED + COUNT + number)]))
        old, new = (np.asarray(each.image).astype(int) for each in (picture, made))
        exact.append(not (old != new)[~mask].any())
        steps.append(_step(new, mask))
        before.append(_step(old, mask))
        shown += [picture.image, made.image]
    exam.sheet("edit-inpainting", shown[: 2 * SHOWN], _twice(labels[:SHOWN]))
    return {
        "pictures": len(labels),
        "exact": float(np.mean(exact)),
        "seam": float(np.mean(steps)),
        "seam_before": float(np.mean(before)),
    }


def _step(pixels: np.ndarray, mask: np.ndarray) -> float:
    """The mean difference in grey levels between neighbours of which one is in the mask and one is not."""
    gaps = []
    for axis in (0, 1):
        edge = np.diff(mask.astype(int), axis=axis) != 0
        gaps.append(np.abs(np.diff(pixels, axis=axis)).mean(-1)[edge])
    return float(np.concatenate(gaps).mean())


def _twice(labels: Iterable[str]) -> list[str]:
    return [text for label in labels for text in (label, "its middle redrawn")]


# --- other words, other styles


def rewording(exam: Evaluator, editor: Editor, name: str, asked: Sequence[Rewording]) -> Metrics:
    """Pictures edited, and redrawn with the same seed: what holds, and how far they are from the first."""
    firsts, ways, shown = [], defaultdict(list), []
    for each in tqdm(asked, desc=name):
        (first,) = exam.model.generate(each.before, seed=each.seed)
        (edited,) = run(editor.edited(first, [PromptEdit(each.after, None, KEEP, Recipe.guidance)]))
        (redrawn,) = exam.model.draw([replace(first.recipe, prompt=each.after)])
        firsts.append(first.image)
        ways["edited"].append(edited.image)
        ways["redrawn"].append(redrawn.image)
        shown += [first.image, edited.image, redrawn.image]
    texts = [text for each in asked for text in (each.before, each.after, "redrawn")]
    exam.sheet(f"edit-{name}", shown[: 3 * SHOWN], texts[: 3 * SHOWN], columns=6)
    found: Metrics = {"pictures": len(asked)}
    for way, pictures in ways.items():
        held = [each.holds(picture) for each, picture in zip(asked, pictures, strict=True)]
        found[way] = {
            "new": float(np.mean([new for new, _ in held])),
            "subject": float(np.mean([subject for _, subject in held])),
            "both": float(np.mean([all(pair) for pair in held])),
            "distance": float(exam.between(exam.referee.distance, firsts, pictures, f"{name}: {way}").mean()),
        }
    return found


def _recoloured(exam: Evaluator) -> list[Rewording]:
    """Things, then the same in a colour that training never showed them in."""
    scenes = eval_prompts.scenes(exam.emoji, "colour", COUNT, exam.composer.size)
    bases = {concept.slug: concept.base for concept in exam.emoji.concepts}

    def told(scene: Scene, number: int) -> Rewording:
        concept = exam.emoji.concepts[exam.emoji.icons[scene.things[0].icon].concept]
        subject = frozenset(fact for fact in scene.says if not fact.startswith("colour:"))

        def holds(picture: Image.Image) -> tuple[bool, bool]:
            parts = detector.detect(np.asarray(picture), exam.referee.name, exam.referee.answers)
            (colour,) = (fact.split(":")[2] for fact in scene.says if fact.startswith("colour:"))
            return any(p.colour == colour for p in parts), verifier.verify(subject, parts, bases)

        return Rewording(prompt(concept), scene.caption, SEED + number, holds)

    return [told(scene, number) for number, scene in enumerate(scenes)]


def _restyled(exam: Evaluator) -> list[Rewording]:
    """Things in one style, then in another: nearer to the icon of that than to the icon of the first."""
    icons: dict[int, dict[str, int]] = defaultdict(dict)
    for number, icon in enumerate(exam.emoji.icons):
        icons[icon.concept][icon.style] = number
    several = [concept for concept in eval_prompts.common_concepts(exam.emoji) if len(icons[concept]) > 1]
    asked = []
    for number, concept in enumerate(eval_prompts.evenly_spaced(several, COUNT)):
        styles = list(icons[concept])
        old, new = styles[number % len(styles)], styles[(number + 1) % len(styles)]
        asked.append(_to_style(exam, concept, (old, new), icons[concept], SEED + number))
    return asked


def _to_style(
    exam: Evaluator, concept: int, styles: tuple[str, str], icons: dict[str, int], seed: int
) -> Rewording:
    known = exam.emoji.concepts[concept]
    examples = images.from_images(exam.icons([icons[style] for style in styles]))

    def holds(picture: Image.Image) -> tuple[bool, bool]:
        one = images.from_images([picture])
        from_old, from_new = exam.referee.distance(one.expand(2, -1, -1, -1), examples).tolist()
        return from_new < from_old, bool(exam.referee.ranks(one, [{known.base}])[0] < 5)

    return Rewording(prompt(known, styles[0]), prompt(known, styles[1]), seed, holds)


# --- cutting out


def cutting(exam: Evaluator) -> Metrics:
    """Scenes whose true alpha is known: the mean error of alpha, of ours and of a plain threshold."""
    ours, plain = [], []
    for index in range(COUNT):
        scene = exam.composer.scene(index)
        picture = exam.composer.render(scene)
        black, white = (
            exam.composer.render(replace(scene, background=(shade,) * 3)).astype(float) for shade in (0, 255)
        )
        alpha = 1 - (white - black).mean(-1) / 255
        try:
            cut = np.asarray(matting.cut_out(Image.fromarray(picture)))[..., 3] / 255
        except ValueError:  # a thing covers most of the frame
            cut = np.ones_like(alpha)
        ours.append(np.abs(cut - alpha).mean())
        near = np.abs(picture.astype(float) - scene.background).max(-1) <= 255 * matting.LIKE
        plain.append(np.abs(~near - alpha).mean())
    return {"scenes": COUNT, "alpha_error": float(np.mean(ours)), "threshold_error": float(np.mean(plain))}
