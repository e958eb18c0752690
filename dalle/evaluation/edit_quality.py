"""Part `edit` of an evaluation: metrics of edits, each beside those of a simple baseline.

An edit of the prompt or the style must show the new property, and its subject must still be recognised. Its
baseline is the edited prompt drawn with the same seed, which does not try to keep the image: the perceptual
distance to the original tells the two apart.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import plain_caption
from dalle.data.scenes.facts import HasColour, facts_of_type
from dalle.data.scenes.scene import Scene
from dalle.editing import matting
from dalle.editing.editor import Editor
from dalle.edits import FromFile, Inpaint, PromptEdit, pack_mask, with_edit
from dalle.evaluation import eval_prompts, verifier
from dalle.evaluation.eval_prompts import EVAL_SEED
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.metrics import Metrics
from dalle.pipeline.sampler import run
from dalle.recipe import Picture, Recipe
from dalle.training import super_resolution

EDITS_PER_KIND = 100
KEEP_AMOUNT = 0.3  # `keep` of the prompt edits
GRID_EDITS = 12  # edits shown in a grid


@dataclass(frozen=True)
class PromptEditCase:
    """The prompts of an image before and after an edit, and a check of the edited image."""

    before: str
    after: str
    seed: int
    check: Callable[[Image.Image], tuple[bool, bool]]  # -> has the new property, subject is recognised


def measure_edits(evaluator: Evaluator) -> Metrics:
    """Metrics of all kinds of edits; prompt edits need a classifier, upscaling needs larger icons."""
    editor = Editor(evaluator.pipeline.make_sampler())
    results: Metrics = {
        "inversion": measure_inversion(evaluator, editor),
        "inpainting": measure_inpainting(evaluator, editor),
    }
    if evaluator.classifier:
        results["words"] = measure_prompt_edits(evaluator, editor, "words", _colour_cases(evaluator))
        results["styles"] = measure_prompt_edits(evaluator, editor, "styles", _style_cases(evaluator))
    results["cutting"] = measure_background_removal(evaluator)
    upscaler = evaluator.pipeline.upscaler
    if upscaler and (super_resolution.LARGE_EMOJI_FOLDER / "index.json").is_file():
        results["enlarging"] = super_resolution.held_out_psnr(
            upscaler, EmojiSet.load(super_resolution.LARGE_EMOJI_FOLDER), EDITS_PER_KIND
        )
    return results


# --- inversion


def measure_inversion(evaluator: Evaluator, editor: Editor) -> Metrics:
    """PSNR of held-out icons on white after inversion and decoding; baseline: the autoencoder alone."""
    emoji = evaluator.emoji
    held_out = [i for i, icon in enumerate(emoji.icons) if emoji.held_out(icon.concept)]
    icons = eval_prompts.evenly_spaced(held_out, EDITS_PER_KIND)
    originals = evaluator.render_icons(icons)
    model = evaluator.pipeline.model
    psnrs = []
    for icon, image in zip(icons, tqdm(originals, desc="inversion"), strict=True):
        caption = plain_caption(emoji.concepts[emoji.icons[icon].concept])
        recipe = Recipe(caption, checkpoint=model.digest, size=model.config.image_size)
        recipe = with_edit(recipe, FromFile("0" * 16))  # no drawing of ours: the image alone counts
        psnrs.append(run(editor.reconstruct(Picture(image, recipe))).psnr)
    autoencoder = evaluator.paired_distance(
        images.psnr, originals, evaluator.reconstruct(originals), "inversion: autoencoder"
    )
    return {
        "pictures": len(icons),
        "psnr": float(np.mean(psnrs)),
        "autoencoder_psnr": float(autoencoder.mean()),
    }


# --- inpainting


def measure_inpainting(evaluator: Evaluator, editor: Editor) -> Metrics:
    """Redraw a disc in the middle of images of common concepts.

    "exact": share of images with all pixels outside the disc unchanged. "seam": mean step in grey levels
    across the disc's boundary; baseline "seam_before": the same step in the original.
    """
    labels = eval_prompts.common_labels(evaluator.emoji, EDITS_PER_KIND)
    size = evaluator.pipeline.model.config.image_size
    disc = Image.new("1", (size, size))
    ImageDraw.Draw(disc).ellipse([size // 4, size // 4, size * 3 // 4, size * 3 // 4], 1)
    mask = np.asarray(disc)
    exact, seams, original_seams, shown = [], [], [], []
    for number, label in enumerate(tqdm(labels, desc="inpainting")):
        (picture,) = evaluator.pipeline.generate(label, seed=EVAL_SEED + number)
        edit = Inpaint(pack_mask(mask), label, EVAL_SEED + EDITS_PER_KIND + number)
        (edited,) = run(editor.apply(picture, [edit]))
        old, new = (np.asarray(each.image).astype(int) for each in (picture, edited))
        exact.append(not (old != new)[~mask].any())
        seams.append(_boundary_step(new, mask))
        original_seams.append(_boundary_step(old, mask))
        shown += [picture.image, edited.image]
    captions = [text for label in labels[:GRID_EDITS] for text in (label, "its middle redrawn")]
    evaluator.save_grid("edit-inpainting", shown[: 2 * GRID_EDITS], captions)
    return {
        "pictures": len(labels),
        "exact": float(np.mean(exact)),
        "seam": float(np.mean(seams)),
        "seam_before": float(np.mean(original_seams)),
    }


def _boundary_step(pixels: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute difference in grey levels of neighbouring pixels on both sides of a mask's boundary."""
    steps = []
    for axis in (0, 1):
        boundary = np.diff(mask.astype(int), axis=axis) != 0
        steps.append(np.abs(np.diff(pixels, axis=axis)).mean(-1)[boundary])
    return float(np.concatenate(steps).mean())


# --- prompt and style edits


def measure_prompt_edits(
    evaluator: Evaluator, editor: Editor, name: str, cases: Sequence[PromptEditCase]
) -> Metrics:
    """Edit an image of each case; baseline: draw the edited prompt with the same seed.

    Shares of images with the new property, with the subject recognised, and with both; mean perceptual
    distance to the original.
    """
    originals, outputs, shown = [], {"edited": [], "redrawn": []}, []
    for case in tqdm(cases, desc=name):
        (original,) = evaluator.pipeline.generate(case.before, seed=case.seed)
        edit = PromptEdit(case.after, None, KEEP_AMOUNT, Recipe.guidance)
        (edited,) = run(editor.apply(original, [edit]))
        (redrawn,) = evaluator.pipeline.draw([replace(original.recipe, prompt=case.after)])
        originals.append(original.image)
        outputs["edited"].append(edited.image)
        outputs["redrawn"].append(redrawn.image)
        shown += [original.image, edited.image, redrawn.image]
    captions = [text for case in cases for text in (case.before, case.after, "redrawn")]
    evaluator.save_grid(f"edit-{name}", shown[: 3 * GRID_EDITS], captions[: 3 * GRID_EDITS], columns=6)
    perceptual_distance = evaluator.require_classifier().perceptual_distance
    results: Metrics = {"pictures": len(cases)}
    for method, pictures in outputs.items():
        checks = [case.check(picture) for case, picture in zip(cases, pictures, strict=True)]
        distance = evaluator.paired_distance(perceptual_distance, originals, pictures, f"{name}: {method}")
        results[method] = {
            "new": float(np.mean([new for new, _ in checks])),
            "subject": float(np.mean([subject for _, subject in checks])),
            "both": float(np.mean([all(pair) for pair in checks])),
            "distance": float(distance.mean()),
        }
    return results


def _colour_cases(evaluator: Evaluator) -> list[PromptEditCase]:
    """An object, then the same object in a colour that was held out from training for it."""
    scenes = eval_prompts.composition_scenes(
        evaluator.emoji, "colour", EDITS_PER_KIND, evaluator.composer.renderer.size
    )
    return [_colour_case(evaluator, scene, EVAL_SEED + i) for i, scene in enumerate(scenes)]


def _colour_case(evaluator: Evaluator, scene: Scene, seed: int) -> PromptEditCase:
    concept = evaluator.emoji.concepts[evaluator.emoji.icons[scene.objects[0].icon].concept]
    subject = frozenset(fact for fact in scene.caption_facts if not isinstance(fact, HasColour))
    (colour_fact,) = facts_of_type(scene.caption_facts, HasColour)

    def check(picture: Image.Image) -> tuple[bool, bool]:
        detections = evaluator.detect(np.asarray(picture))
        has_colour = any(detection.colour == colour_fact.colour for detection in detections)
        return has_colour, verifier.verify(subject, detections, evaluator.class_of)

    return PromptEditCase(plain_caption(concept), scene.caption, seed, check)


def _style_cases(evaluator: Evaluator) -> list[PromptEditCase]:
    """A concept in one of its styles, then in the next."""
    icons: dict[int, dict[str, int]] = defaultdict(dict)
    for number, icon in enumerate(evaluator.emoji.icons):
        icons[icon.concept][icon.style] = number
    common = eval_prompts.common_concepts(evaluator.emoji)
    concepts = [concept for concept in common if len(icons[concept]) > 1]
    cases = []
    for number, concept in enumerate(eval_prompts.evenly_spaced(concepts, EDITS_PER_KIND)):
        styles = list(icons[concept])
        old, new = styles[number % len(styles)], styles[(number + 1) % len(styles)]
        cases.append(_style_case(evaluator, concept, (old, new), icons[concept], EVAL_SEED + number))
    return cases


def _style_case(
    evaluator: Evaluator, concept: int, styles: tuple[str, str], icons: dict[str, int], seed: int
) -> PromptEditCase:
    """The new property: the image is nearer to the icon of the new style than to that of the old one."""
    subject = evaluator.emoji.concepts[concept]
    examples = images.from_images(evaluator.render_icons([icons[style] for style in styles]))

    def check(picture: Image.Image) -> tuple[bool, bool]:
        classifier, pixels = evaluator.require_classifier(), images.from_images([picture])
        to_old, to_new = classifier.perceptual_distance(pixels.expand(2, -1, -1, -1), examples).tolist()
        return to_new < to_old, bool(classifier.target_ranks(pixels, [{subject.canonical}])[0] < 5)

    return PromptEditCase(plain_caption(subject, styles[0]), plain_caption(subject, styles[1]), seed, check)


# --- background removal


def measure_background_removal(evaluator: Evaluator) -> Metrics:
    """Mean absolute error of alpha on scenes whose true alpha is known; baseline: a colour threshold."""
    errors, baseline_errors = [], []
    for index in range(EDITS_PER_KIND):
        scene = evaluator.composer.scene(index)
        picture = evaluator.composer.renderer.render(scene)
        black, white = (
            evaluator.composer.renderer.render(replace(scene, background=(shade,) * 3)).astype(float)
            for shade in (0, 255)
        )
        true_alpha = 1 - (white - black).mean(-1) / 255
        try:
            alpha = np.asarray(matting.extract_foreground(Image.fromarray(picture)))[..., 3] / 255
        except ValueError:  # an object covers most of the frame
            alpha = np.ones_like(true_alpha)
        errors.append(np.abs(alpha - true_alpha).mean())
        difference = np.abs(picture.astype(float) - scene.background).max(-1)
        is_background = difference <= 255 * matting.BACKGROUND_TOLERANCE
        baseline_errors.append(np.abs(~is_background - true_alpha).mean())
    return {
        "scenes": EDITS_PER_KIND,
        "alpha_error": float(np.mean(errors)),
        "threshold_error": float(np.mean(baseline_errors)),
    }
