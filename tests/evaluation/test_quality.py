"""Laws of the evaluation: the same twice, full marks for who draws the truth, none for anything else."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import shapes
import torch
from PIL import Image

from dalle import runtime
from dalle.cli import main
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import detector, edit_quality, eval_prompts, evaluator, quality
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.classifier_training import class_names
from dalle.evaluation.eval_prompts import EvalPrompt
from dalle.evaluation.evaluate import PARTS, SHEETS, evaluate
from dalle.evaluation.evaluator import Evaluator
from dalle.pipeline.dalle import DALLE
from tests.tiny import tiny_checkpoint

SIZE = 32


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, emoji: EmojiSet) -> None:
    """Few questions, and a set that needs no disk; the autoencoder never saw its owl."""
    for name, value in {"PROMPTS": 3, "WORDS": 3, "DIVERSE": 3, "TURNS": 2, "SHOWN": 4}.items():
        monkeypatch.setattr(quality, name, value)
    monkeypatch.setattr(quality, "SHEET_CONCEPTS", 5)
    monkeypatch.setattr(quality, "SLID", 3)
    monkeypatch.setattr(quality, "SLIDERS", 2)
    monkeypatch.setattr(quality, "PLACES", [-2.0, 0.0, 2.0])
    monkeypatch.setattr(edit_quality, "COUNT", 2)
    monkeypatch.setattr(evaluator, "CONCEPTS", 6)
    monkeypatch.setattr(EmojiSet, "load", classmethod(lambda cls, folder: emoji))
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: self.concepts[concept].slug == "owl")
    monkeypatch.setattr(detector, "BEST", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, emoji: EmojiSet) -> Path:
    """A checkpoint, and a referee that learnt nothing."""
    folder = tmp_path_factory.mktemp("evaluation")
    tiny_checkpoint(folder / "checkpoint")
    referee = IconClassifier(class_names(emoji), SIZE, (16, 32))
    referee.data, referee.figures = emoji.digest, {"unseen_style": "twemoji", "unseen_top1": 0.5}
    referee.save(folder)
    return folder


def run(folder: Path, output: Path, *what: str) -> dict:
    return evaluate(folder / "checkpoint", Path("data"), output, what, referee=folder)


def test_everything_the_same_twice(folder: Path, tmp_path: Path) -> None:
    """Guards against figures that change from run to run, parts without a figure, and sheets nobody lists."""
    found = run(folder, tmp_path / "here")
    assert found == run(folder, tmp_path / "there")
    assert found.keys() == {"checkpoint", "data", "dtype", "referee", *PARTS} and all(
        found[part] for part in PARTS
    )
    names = {path.name for path in (tmp_path / "here").iterdir()}
    assert names == {path.name for path in (tmp_path / "there").iterdir()}
    for name in names:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    report = (tmp_path / "here/report.md").read_text()
    assert [name for name in names if name.endswith(".png") and f"({name})" not in report] == []
    listed = {sheet for sheets in SHEETS.values() for sheet in sheets}
    assert {Path(name).stem for name in names if name.endswith(".png")} <= listed
    assert json.loads((tmp_path / "here/evaluation.json").read_text()) == found


def test_one_part_after_another(folder: Path, tmp_path: Path) -> None:
    """Guards against figures lost when another part is measured, and those of another checkpoint kept."""
    first = run(folder, tmp_path, "reconstruction")
    both = run(folder, tmp_path, "concepts")
    assert both["reconstruction"] == first["reconstruction"] and "concepts" in both
    tiny_checkpoint(tmp_path / "checkpoint", seed=1)
    other = evaluate(tmp_path / "checkpoint", Path("data"), tmp_path, ["concepts"], referee=folder)
    assert "reconstruction" not in other and other["checkpoint"] != both["checkpoint"]


def test_the_command_line_knows_the_parts() -> None:
    """Guards against a help text that names others."""
    assert main.PARTS.split() == list(PARTS)


def test_without_a_referee(folder: Path, tmp_path: Path) -> None:
    """Guards against waiting an hour for a referee that nobody asks, or finding one in training."""
    (tmp_path / "referee").mkdir()
    arguments = folder / "checkpoint", Path("data"), tmp_path
    found = evaluate(*arguments, ["reconstruction", "concepts"], referee=tmp_path / "referee")
    graded = run(folder, tmp_path / "graded", "reconstruction")
    assert "referee" not in found and "perceptual" not in found["reconstruction"]
    assert found["reconstruction"].items() < graded["reconstruction"].items()
    with pytest.raises(FileNotFoundError, match="train referee"):
        evaluate(*arguments, ["recognition"], referee=tmp_path / "referee")


def test_mistakes_are_told(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against an unknown part, and a referee of other data, whose answers would not fit."""
    with pytest.raises(ValueError, match=r"'beauty'.*composition"):
        run(folder, tmp_path, "beauty")
    with pytest.raises(FileNotFoundError, match="train referee"):
        evaluate(folder / "checkpoint", Path("data"), tmp_path, referee=tmp_path)
    other = replace(shapes.shaped_emoji(), digest="other data")
    monkeypatch.setattr(EmojiSet, "load", classmethod(lambda cls, folder: other))
    with pytest.raises(ValueError, match="trained on data shapes"):
        run(folder, tmp_path)


class Shapes(IconClassifier):
    """Knows every shape."""

    def name(self, pictures):
        return shapes.name(pictures)


@pytest.fixture
def oracle(emoji: EmojiSet, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluator:
    """An exam whose referee knows, before which a model can be put that draws the truth."""
    model = DALLE.from_pretrained(folder / "checkpoint")
    referee = Shapes(class_names(emoji), SIZE, (16, 32)).eval().requires_grad_(False)
    monkeypatch.setattr(Evaluator, "reconstructed", lambda self, pictures: list(pictures))
    return Evaluator(model, referee, Composer(emoji, size=64), tmp_path)


def answering(monkeypatch: pytest.MonkeyPatch, draw) -> None:
    def drawn(self: Evaluator, asked: Sequence[EvalPrompt], what: str) -> list[Image.Image]:
        return [draw(self, question) for question in asked]

    monkeypatch.setattr(Evaluator, "draw", drawn)


def icon_of(exam: Evaluator, answer: str) -> Image.Image:
    emoji = exam.emoji
    icon = next(i for i, icon in enumerate(emoji.icons) if emoji.concepts[icon.concept].base == answer)
    return exam.icons([icon])[0]


def test_who_draws_the_icons_reaches_the_ceiling(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against answers compared with the wrong question, and a ceiling that is none."""
    answering(monkeypatch, lambda exam, question: icon_of(evaluator, min(question.right)))
    found = quality.recognition(oracle)
    assert found["top1"] == found["real_top1"] == found["reconstructed_top1"] == 1
    assert found["top1_of_ceiling"] == found["top5_of_ceiling"] == 1
    assert sum(found[style]["pictures"] for style in ("noto", "twemoji")) == found["pictures"] == 12
    assert all(figures["top1"] == 1 for figures in quality.words(oracle).values())


def test_who_draws_something_else_scores_nothing(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against marks for any picture at all."""
    answers = oracle.referee.answers
    answering(
        monkeypatch,
        lambda exam, question: icon_of(evaluator, next(a for a in answers if a not in question.right)),
    )
    found = quality.recognition(oracle)
    assert found["top1"] == 0 and found["real_top1"] == 1 and found["noto"]["top1"] == 0
    assert all(figures["top1"] == 0 for figures in quality.words(oracle).values())
    assert all(figures["score"] == 0 for figures in quality.composition(oracle).values())


def test_who_draws_the_scenes_passes(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a composition judged by another scene's facts."""
    known = {
        scene.caption: scene
        for category in eval_prompts.CATEGORIES
        for scene in eval_prompts.scenes(oracle.emoji, category, quality.PROMPTS, 64)
    }
    answering(
        monkeypatch, lambda exam, question: Image.fromarray(exam.composer.render(known[question.prompt]))
    )
    for category, found in quality.composition(oracle).items():
        assert (category, found["score"], found["judge_passes_true"]) == (category, 1, 1)
        assert found["judge_passes_false"] == 0


def test_who_copies_the_icons_is_found_out(oracle: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a distance that copies do not lower, and a variety that they have."""
    answering(monkeypatch, lambda exam, question: icon_of(evaluator, min(question.right or {"owl"})))
    monkeypatch.setattr(
        Evaluator, "reconstructed", lambda self, pictures: [picture.rotate(9) for picture in pictures]
    )
    found = quality.distribution(oracle)
    assert found["nearest"] == pytest.approx(0, abs=1e-5) and found["copies"] == 1
    assert found["diversity"] == 0 and found["frechet"] >= 0
    assert found["nearest_reconstructed"] > 0


def test_figures_of_two_precisions_do_not_mix(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    """Guards against figures that nobody can have again, since a short measurement picked their precision."""
    for dtype, part in ((torch.float32, "concepts"), (torch.bfloat16, "reconstruction")):
        monkeypatch.setattr(runtime, "inference_dtype", lambda dtype=dtype: dtype)
        found = run(folder, tmp_path / "output", part)
        assert found["dtype"] == str(dtype).removeprefix("torch.") and part in found
    assert "concepts" not in found


def test_a_jump_is_not_smooth(oracle: Evaluator) -> None:
    """Guards against a slider that does nothing for most of its way and everything in one step."""
    owl = icon_of(oracle, "owl")
    asked = [EvalPrompt("an owl", frozenset({"owl"}))]
    white = Image.new("RGB", owl.size, "white")
    even = [[Image.blend(owl, white, share / 20)] for share in range(9)]
    sudden = [[owl]] * 4 + [[Image.blend(owl, white, 0.4)]] * 5
    smooth, jump = (quality._steadiness(oracle, asked, [True], rows) for rows in (even, sudden))
    assert smooth["smooth"] == 1 and smooth["largest_step"] == pytest.approx(1 / 8, abs=0.02)
    assert jump["smooth"] == 0 and jump["largest_step"] == pytest.approx(1)
    assert smooth["change"] == pytest.approx(jump["change"], rel=0.02)
    assert quality._steadiness(oracle, asked, [False], even)["kept"] == 0


# --- edits


def test_edits_are_judged_by_what_they_were_asked_for(
    oracle: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against marks for a colour or a style that is not there, or for a subject that is gone."""
    for told in edit_quality._recoloured(oracle):
        scenes = eval_prompts.scenes(oracle.emoji, "colour", edit_quality.COUNT, 64)
        scene = next(scene for scene in scenes if scene.caption == told.after)
        assert told.holds(Image.fromarray(oracle.composer.render(scene))) == (True, True)
        plain = replace(scene, things=tuple(replace(thing, colour=None) for thing in scene.things))
        assert told.holds(Image.fromarray(oracle.composer.render(plain)))[1]
        assert told.holds(Image.new("RGB", (64, 64), "white")) == (False, False)


def test_a_picture_that_is_redrawn_is_not_kept(folder: Path, tmp_path: Path) -> None:
    """Guards against figures of edits that name other pictures than the edited and the redrawn ones."""
    found = run(folder, tmp_path, "edit")["edit"]
    assert found["inpainting"]["exact"] == 1
    assert found["cutting"]["alpha_error"] <= found["cutting"]["threshold_error"]
    for kind in ("words", "styles"):
        assert found[kind]["edited"].keys() == found[kind]["redrawn"].keys()
        assert found[kind]["edited"]["distance"] != found[kind]["redrawn"]["distance"]
