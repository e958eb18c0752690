"""Tests of the evaluation: reproducible, best scores for the true images and worst ones for others."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import shapes
import torch
from PIL import Image

from dalle import runtime
from dalle.cli import evaluation_commands
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import (
    detector,
    edit_quality,
    eval_prompts,
    evaluator,
    quality,
    reading_drawn,
    reading_quality,
    reading_sets,
    slider_quality,
)
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.classifier_training import class_names
from dalle.evaluation.eval_prompts import EvalPrompt
from dalle.evaluation.evaluate import PARTS, SAMPLE_GRIDS, evaluate_checkpoint
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.metrics import Metrics
from dalle.pipeline.dalle import DALLE
from tests.tiny import tiny_checkpoint

SIZE = 32


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, emoji: EmojiSet) -> None:
    """Few prompts, and an emoji set in memory; the owl is held out from the autoencoder."""
    for name, value in {
        "PROMPTS_PER_CATEGORY": 3,
        "WORDS_PER_CATEGORY": 3,
        "DIVERSITY_PROMPTS": 3,
        "DIVERSITY_SEEDS": 2,
        "GRID_SIZE": 4,
    }.items():
        monkeypatch.setattr(quality, name, value)
    monkeypatch.setattr(quality, "CONCEPT_GRID_SIZE", 5)
    monkeypatch.setattr(slider_quality, "PROMPTS_PER_SLIDER", 3)
    monkeypatch.setattr(slider_quality, "MAX_SLIDERS", 2)
    monkeypatch.setattr(slider_quality, "SLIDER_VALUES", [-2.0, 0.0, 2.0])
    for name in ("DRAWN_NOUNS", "DRAWN_PHRASES", "DRAWN_COLOURS"):
        monkeypatch.setattr(reading_drawn, name, 1)
    monkeypatch.setattr(reading_sets, "PHRASE_LANGUAGES", ("zh",))
    monkeypatch.setattr(reading_quality, "CAPTIONS", 10)
    monkeypatch.setattr(edit_quality, "EDITS_PER_KIND", 2)
    monkeypatch.setattr(evaluator, "STYLED_CONCEPTS", 6)
    monkeypatch.setattr(EmojiSet, "load", classmethod(lambda cls, folder: emoji))
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: self.concepts[concept].slug == "owl")
    monkeypatch.setattr(detector, "TOP_CLASSES", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, emoji: EmojiSet) -> Path:
    """A checkpoint, and an untrained classifier."""
    folder = tmp_path_factory.mktemp("evaluation")
    tiny_checkpoint(folder / "checkpoint")
    classifier = IconClassifier(class_names(emoji), SIZE, (16, 32))
    classifier.data, classifier.metrics = emoji.digest, {"unseen_style": "twemoji", "unseen_top1": 0.5}
    classifier.save(folder)
    return folder


def run(folder: Path, output: Path, *parts: str) -> Metrics:
    return evaluate_checkpoint(folder / "checkpoint", Path("data"), output, parts, folder)


def test_an_evaluation_is_reproducible(folder: Path, tmp_path: Path) -> None:
    """Guards against metrics that change from run to run, parts without any, and grids without a title."""
    results = run(folder, tmp_path / "here")
    assert results == run(folder, tmp_path / "there")
    assert results.keys() == {"checkpoint", "data", "dtype", "referee", *PARTS} and all(
        results[part] for part in PARTS
    )
    names = {path.name for path in (tmp_path / "here").iterdir()}
    assert names == {path.name for path in (tmp_path / "there").iterdir()}
    for name in names:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    report = (tmp_path / "here/report.md").read_text()
    assert [name for name in names if name.endswith(".png") and f"({name})" not in report] == []
    listed = {grid for grids in SAMPLE_GRIDS.values() for grid in grids}
    assert {Path(name).stem for name in names if name.endswith(".png")} <= listed
    assert json.loads((tmp_path / "here/evaluation.json").read_text()) == results


def test_parts_of_one_checkpoint_add_up(folder: Path, tmp_path: Path) -> None:
    """Guards against metrics lost when another part is measured, and kept from another checkpoint."""
    first = run(folder, tmp_path, "reconstruction")
    both = run(folder, tmp_path, "concepts")
    assert both["reconstruction"] == first["reconstruction"] and "concepts" in both
    tiny_checkpoint(tmp_path / "checkpoint", seed=1)
    other = evaluate_checkpoint(
        tmp_path / "checkpoint", Path("data"), tmp_path, ["concepts"], classifier_folder=folder
    )
    assert "reconstruction" not in other and other["checkpoint"] != both["checkpoint"]


def test_the_command_line_knows_the_parts() -> None:
    """Guards against a help text that names other parts."""
    assert evaluation_commands.PARTS.split() == list(PARTS)


def test_without_a_classifier(folder: Path, tmp_path: Path) -> None:
    """Guards against requiring a classifier that is not used, or taking a folder without weights for one."""
    (tmp_path / "referee").mkdir()
    arguments = folder / "checkpoint", Path("data"), tmp_path
    results = evaluate_checkpoint(*arguments, ["reconstruction", "concepts"], tmp_path / "referee")
    graded = run(folder, tmp_path / "graded", "reconstruction")
    assert "referee" not in results and "perceptual" not in results["reconstruction"]
    assert results["reconstruction"].items() < graded["reconstruction"].items()
    with pytest.raises(FileNotFoundError, match="train referee"):
        evaluate_checkpoint(*arguments, ["recognition"], tmp_path / "referee")


def test_wrong_arguments_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against an unknown part, and a classifier of other data, whose classes would not fit."""
    with pytest.raises(ValueError, match=r"'beauty'.*composition"):
        run(folder, tmp_path, "beauty")
    with pytest.raises(FileNotFoundError, match="train referee"):
        evaluate_checkpoint(folder / "checkpoint", Path("data"), tmp_path, classifier_folder=tmp_path)
    other = replace(shapes.shaped_emoji(), digest="other data")
    monkeypatch.setattr(EmojiSet, "load", classmethod(lambda cls, folder: other))
    with pytest.raises(ValueError, match="trained on data shapes"):
        run(folder, tmp_path)


class ShapeClassifier(IconClassifier):
    """Recognises every shape of the test data."""

    def classify(self, pictures):
        return shapes.classify(pictures)


@pytest.fixture
def oracle(emoji: EmojiSet, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluator:
    """An evaluator whose classifier is always right; tests replace what the checkpoint draws."""
    pipeline = DALLE.from_pretrained(folder / "checkpoint")
    classifier = ShapeClassifier(class_names(emoji), SIZE, (16, 32)).eval().requires_grad_(False)
    monkeypatch.setattr(Evaluator, "reconstruct", lambda self, pictures: list(pictures))
    return Evaluator(pipeline, classifier, Composer(emoji, size=64), tmp_path)


def replace_drawing(
    monkeypatch: pytest.MonkeyPatch, draw: Callable[[Evaluator, EvalPrompt], Image.Image]
) -> None:
    """Let the checkpoint draw draw(evaluator, prompt) for every prompt."""

    def draw_prompts(
        self: Evaluator, prompts: Sequence[EvalPrompt], description: str, variety: str = "some"
    ) -> list[Image.Image]:
        return [draw(self, each) for each in prompts]

    monkeypatch.setattr(Evaluator, "draw_prompts", draw_prompts)


def icon_of(evaluator: Evaluator, name: str) -> Image.Image:
    """The first icon of a class."""
    emoji = evaluator.emoji
    icon = next(i for i, icon in enumerate(emoji.icons) if emoji.concepts[icon.concept].canonical == name)
    return evaluator.render_icons([icon])[0]


def test_drawing_the_icons_gives_the_best_scores(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against classes compared with the targets of another prompt, and a wrong upper bound."""
    replace_drawing(monkeypatch, lambda evaluator, each: icon_of(evaluator, min(each.targets)))
    results = quality.measure_recognition(oracle)
    assert results["top1"] == results["real_top1"] == results["reconstructed_top1"] == 1
    assert results["top1_of_ceiling"] == results["top5_of_ceiling"] == 1
    assert sum(results[style]["pictures"] for style in ("noto", "twemoji")) == results["pictures"] == 12
    assert all(group["top1"] == 1 for group in quality.measure_words(oracle).values())


def test_drawing_other_icons_scores_nothing(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a score for any image at all."""
    classes = oracle.require_classifier().classes
    replace_drawing(
        monkeypatch,
        lambda evaluator, each: icon_of(evaluator, next(c for c in classes if c not in each.targets)),
    )
    results = quality.measure_recognition(oracle)
    assert results["top1"] == 0 and results["real_top1"] == 1 and results["noto"]["top1"] == 0
    assert all(group["top1"] == 0 for group in quality.measure_words(oracle).values())
    assert all(group["score"] == 0 for group in quality.measure_composition(oracle).values())


def test_drawing_the_scenes_passes(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against verifying an image by the facts of another scene."""
    scenes = {
        scene.caption: scene
        for category in eval_prompts.COMPOSITION_CATEGORIES
        for scene in eval_prompts.composition_scenes(oracle.emoji, category, quality.PROMPTS_PER_CATEGORY, 64)
    }
    replace_drawing(
        monkeypatch,
        lambda evaluator, each: Image.fromarray(evaluator.composer.renderer.render(scenes[each.text])),
    )
    for category, results in quality.measure_composition(oracle).items():
        assert (category, results["score"], results["judge_passes_true"]) == (category, 1, 1)
        assert results["judge_passes_false"] == 0


def test_copies_of_icons_are_detected(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a nearest distance above 0 and a diversity above 0 for copies."""
    replace_drawing(monkeypatch, lambda evaluator, each: icon_of(evaluator, min(each.targets or {"owl"})))
    monkeypatch.setattr(
        Evaluator, "reconstruct", lambda self, pictures: [picture.rotate(9) for picture in pictures]
    )
    results = quality.measure_distribution(oracle)
    assert results["nearest"] == pytest.approx(0, abs=1e-5) and results["copies"] == 1
    assert results["diversity"] == 0 and results["frechet"] >= 0
    assert results["nearest_reconstructed"] > 0


def test_metrics_of_two_precisions_do_not_mix(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    """Guards against metrics that cannot be reproduced: the precision is chosen by measuring this machine."""
    for dtype, part in ((torch.float32, "concepts"), (torch.bfloat16, "reconstruction")):
        monkeypatch.setattr(runtime, "inference_dtype", lambda dtype=dtype: dtype)
        results = run(folder, tmp_path / "output", part)
        assert results["dtype"] == str(dtype).removeprefix("torch.") and part in results
    assert "concepts" not in results


# --- edits


def test_a_colour_edit_is_checked(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against passing an image without the colour, or without the subject."""
    for case in edit_quality._colour_cases(oracle):
        scenes = eval_prompts.composition_scenes(oracle.emoji, "colour", edit_quality.EDITS_PER_KIND, 64)
        scene = next(scene for scene in scenes if scene.caption == case.after)
        assert case.check(Image.fromarray(oracle.composer.renderer.render(scene))) == (True, True)
        plain = replace(scene, objects=tuple(replace(item, colour=None) for item in scene.objects))
        assert case.check(Image.fromarray(oracle.composer.renderer.render(plain)))[1]
        assert case.check(Image.new("RGB", (64, 64), "white")) == (False, False)


def test_edited_and_redrawn_images_are_told_apart(folder: Path, tmp_path: Path) -> None:
    """Guards against metrics of the edited images under the name of the redrawn ones, or the other way."""
    results = run(folder, tmp_path, "edit")["edit"]
    assert results["inpainting"]["exact"] == 1
    assert results["cutting"]["alpha_error"] <= results["cutting"]["threshold_error"]
    for kind in ("words", "styles"):
        assert results[kind]["edited"].keys() == results[kind]["redrawn"].keys()
        assert results[kind]["edited"]["distance"] != results[kind]["redrawn"]["distance"]
