"""Tests of the metrics of sliders: full scores where told numbers are obeyed, none where they are not."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import shapes
import torch
from PIL import Image
from torch.nn import functional as F

from dalle import images
from dalle.config import CAMERA_NUMBERS
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.renderer import SceneRenderer
from dalle.evaluation import (
    detector,
    eval_prompts,
    light_measures,
    quality,
    report,
    slider_quality,
    told_quality,
)
from dalle.evaluation.camera_measures import edge_energy, frame_step, share_in_frame, subject_mask
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.classifier_training import class_names
from dalle.evaluation.eval_prompts import EvalPrompt
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.light_measures import NAMES
from dalle.evaluation.slider_prompts import SliderPrompt, slider_prompts, states_ground
from dalle.evaluation.told_quality import measure_told
from dalle.networks import camera
from dalle.networks.camera import FACTORS
from dalle.recipe import Recipe
from tests.tiny import TOLD_CONFIG, tiny_pipeline

SIZE = 96
TOLD = TOLD_CONFIG.flow.told


class ShapeClassifier(IconClassifier):
    """Recognises every shape of the test data."""

    def classify(self, pictures):
        return shapes.classify(pictures)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few prompts."""
    monkeypatch.setattr(told_quality, "PROMPTS", 8)
    monkeypatch.setattr(told_quality, "READ_PROMPTS", 4)
    monkeypatch.setattr(told_quality, "STEP_PROMPTS", 2)
    monkeypatch.setattr(told_quality, "STEP_VALUES", [-2.0, 0.0, 2.0])
    monkeypatch.setattr(slider_quality, "RECOGNITION_PROMPTS", 4)
    monkeypatch.setattr(slider_quality, "DIVERSITY_PROMPTS", 2)
    monkeypatch.setattr(slider_quality, "GRID_VALUES", [-3.0, 3.0])
    monkeypatch.setattr(quality, "DIVERSITY_SEEDS", 2)
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: self.concepts[concept].slug == "owl")


@pytest.fixture
def evaluator(tmp_path: Path) -> Evaluator:
    emoji = shapes.shaped_emoji()
    classifier = ShapeClassifier(class_names(emoji), 32, (16, 32)).eval().requires_grad_(False)
    return Evaluator(tiny_pipeline(config=TOLD_CONFIG), classifier, Composer(emoji, size=32), tmp_path)


def obey(monkeypatch: pytest.MonkeyPatch, sign: int) -> None:
    """Let recipes be drawn as a patch of their own, under the light of their code times `sign`."""

    def draw(self: Evaluator, recipes: Sequence[Recipe], description: str) -> list[Image.Image]:
        plain = torch.stack([patch(recipe.prompt) for recipe in recipes])
        light = torch.zeros(len(recipes), len(NAMES))
        for row, recipe in enumerate(recipes):
            if recipe.code is not None:
                light[row] = sign * torch.tensor(recipe.code[CAMERA_NUMBERS:TOLD])
        tinted = torch.tensor([not states_ground(recipe.prompt) for recipe in recipes])
        return images.to_images(light_measures.transform(plain, subject_mask(plain), light, tinted))

    monkeypatch.setattr(Evaluator, "draw_recipes", draw)
    monkeypatch.setattr(Evaluator, "detect", lambda self, pixels: [])


def read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no numbers be read from pictures, which takes long."""
    monkeypatch.setattr(
        told_quality, "read_numbers", lambda plain, masks, pictures: torch.ones(len(plain), 11)
    )


def patch(text: str) -> torch.Tensor:
    """Blocks of muted colours, other ones for each text, on white: (3, S, S)."""
    generator = torch.Generator().manual_seed(sum(text.encode()))
    blocks = torch.rand(3, 3, 4, generator=generator) * 1.6 - 0.9
    picture = torch.ones(3, SIZE, SIZE)
    picture[:, 21:75, 15:78] = F.interpolate(blocks[None], (54, 63))[0]
    return picture


def groups_of(results: dict) -> list[dict]:
    """Metrics of the sliders, in the order of the code."""
    return [group for name, group in results.items() if name[0].isdigit()]


def test_told_numbers_that_are_obeyed_have_full_scores(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against metrics that no checkpoint could reach."""
    obey(monkeypatch, 1)
    results = measure_told(evaluator)
    groups = groups_of(results)
    assert len(groups) == TOLD_CONFIG.flow.code
    for factor, group in zip(FACTORS, groups, strict=False):
        assert group["named_way"] == 1 and group.get("in_frame", 1) > 0.95, factor.name
        assert group["frame_step"] < 6 and group["edge_energy"] > 0.95, factor.name
        assert group["others_largest"] < 0.2 and group["largest_step"] < 0.6, factor.name
    for name, group in zip(NAMES[:-1], groups[CAMERA_NUMBERS:], strict=False):
        assert group["named_way"] == 1 and group["effect"] == pytest.approx(1, abs=0.05), name
        assert group["pictures"] > 0 and group["others_mean"] < 0.1, name
    assert results["camera"]["named_way"] == 1
    assert groups[TOLD]["change"] == 0 and groups[TOLD]["largest_step"] == 1


def test_what_the_frame_cuts_and_where_it_ended_is_seen() -> None:
    """Guards against a camera that passes although half of the subject is gone, or the frame's end shows."""
    picture = patch("a cat")[None]
    left = torch.tensor([[0, -2.0, 0, 0, 0, 0]])
    assert share_in_frame(subject_mask(picture), left) == 1
    beside = torch.zeros(1, SIZE, SIZE, dtype=torch.bool)
    beside[:, :, : SIZE // 4] = True
    assert share_in_frame(beside, left) == pytest.approx(0.52, abs=0.02)
    seen = camera.render(picture, left)
    assert frame_step(picture, seen, left) < 1
    seen[..., -round(0.12 * SIZE) :] -= 0.2
    assert frame_step(picture, seen, left) == pytest.approx(0.2 * 127.5, rel=0.1)
    assert edge_energy(picture, F.avg_pool2d(seen, 3, 1, 1), left) < 0.7 < edge_energy(picture, seen, left)


def test_told_numbers_that_run_backwards_have_none(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against metrics that count a change of either sign, or none, as the named way."""
    obey(monkeypatch, -1)
    read_nothing(monkeypatch)
    monkeypatch.setattr(
        evaluator.pipeline.model,
        "view",
        lambda pictures, codes, view=evaluator.pipeline.model.view: view(pictures, -codes),
    )
    for group in groups_of(measure_told(evaluator))[: TOLD - 1]:
        assert group["named_way"] <= 0.05 and group.get("effect", -1) < 0


def test_all_of_the_part_runs_and_reports(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a part that fails at its end, after many minutes, and grids that are left out."""
    read_nothing(monkeypatch)
    results = slider_quality.measure_sliders(evaluator)
    assert set(results["recognition"]) == {"none", "some"}
    grids = {path.stem for path in evaluator.folder.glob("*.png")}
    assert grids == {"sliders", *(f"slider-{number}" for number in range(1, TOLD_CONFIG.flow.code + 1))}
    assert "asked" in report.metrics_table({"sliders": results})


def test_all_things_of_a_scene_are_to_be_recognised(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a scene that is judged as if it were one thing, and one of which half is enough."""
    monkeypatch.setattr(detector, "TOP_CLASSES", 1)
    scene = eval_prompts.composition_scenes(evaluator.emoji, "two", 1, SIZE)[0]
    pixels = SceneRenderer(evaluator.emoji, SIZE).render(scene)
    shown = {each.classes for each in evaluator.detect(pixels)}
    both = frozenset().union(*shown)
    assert len(both) == 2
    other = next(name for name in class_names(evaluator.emoji) if name not in both)
    for targets, expected in ((both, True), (frozenset({min(both), other}), False)):
        prompt = SliderPrompt(scene.caption, targets, "scene")
        picture = images.from_arrays(pixels[None])
        assert told_quality._recognised(evaluator, picture, [prompt], "") == [expected]


def test_prompts_say_whether_the_ground_is_free() -> None:
    """Guards against a tint that must show where the prompt states the ground."""
    assert not states_ground("a red apple, noto style") and not states_ground("a cat on a red house")
    assert states_ground("a cat on an orange background") and states_ground("A green cat on blue.")
    prompts = slider_prompts(shapes.shaped_emoji(), 20, 32)
    categories = [each.category for each in prompts]
    assert categories.count("styled") == 10 and categories.count("scene") == 5
    assert len({each.seed for each in prompts}) == len(prompts) and all(each.targets for each in prompts)


def test_a_sudden_change_is_not_smooth(evaluator: Evaluator) -> None:
    """Guards against calling a slider smooth that changes everything in one step."""
    (owl,) = evaluator.render_icons([6])
    prompts = [EvalPrompt("an owl", frozenset({"owl"}))]
    white = Image.new("RGB", owl.size, "white")
    even = [[Image.blend(owl, white, share / 20)] for share in range(9)]
    sudden = [[owl]] * 4 + [[Image.blend(owl, white, 0.4)]] * 5
    smooth, jump = (
        slider_quality._measure_slider(evaluator, prompts, [True], rows) for rows in (even, sudden)
    )
    assert smooth["smooth"] == 1 and smooth["largest_step"] == pytest.approx(1 / 8, abs=0.02)
    assert jump["smooth"] == 0 and jump["largest_step"] == pytest.approx(1)
    assert smooth["change"] == pytest.approx(jump["change"], rel=0.02)
    assert slider_quality._measure_slider(evaluator, prompts, [False], even)["kept"] == 0
    steps = told_quality._largest_step([torch.full((1, 3), float(share)) for share in range(17)], 1)
    assert steps == pytest.approx(1 / 16)
