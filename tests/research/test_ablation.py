"""Laws of the ablations: one thing changed at a time, at equal compute, and nothing done twice."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import shapes
import torch

from dalle.cli.main import main
from dalle.config import PRESETS, FlowConfig
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import report
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.classifier_training import class_names
from dalle.evaluation.eval_prompts import EvalPrompt
from dalle.evaluation.evaluator import Evaluator
from dalle.networks.flow import ConditionedField
from dalle.networks.text_encoder import Tokenizer
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.research import ablation, variants
from dalle.research.ablation import DRAWINGS, EXPERIMENTS, GENERATORS, ablate
from dalle.research.toy_dataset import OneStepTask, ToyDataset, draw_one_step, drawings
from dalle.research.variants import VARIANTS, make_student, operations, settings_of
from dalle.training.pretrain import PHASE_DEFAULTS
from dalle.training.trainer import Trainer
from tests.tiny import CAPTIONS

CONCEPTS = 4

pytestmark = pytest.mark.usefixtures("full_precision")


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, emoji: EmojiSet) -> None:
    """Moments instead of minutes, and a set that needs no disk; the autoencoder never saw its owl."""
    flow = FlowConfig(width=32, depth=1, heads=4, code_width=32, code_depth=1)
    for name, value in {"FLOW": flow, "STEPS": 2, "BATCH": 4}.items():
        monkeypatch.setattr(variants, name, value)
    for name, value in {"CONCEPTS": CONCEPTS, "GENERATOR_STEPS": 2, "LOOKS": 8}.items():
        monkeypatch.setattr(ablation, name, value)
    monkeypatch.setitem(PHASE_DEFAULTS, "generator", {"batch": 2, "workers": 0})
    monkeypatch.setattr(EmojiSet, "load", classmethod(lambda cls, folder: emoji))
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: self.concepts[concept].slug == "owl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, emoji: EmojiSet) -> Path:
    """A checkpoint of four tokens, each of four cells, and a referee that learnt nothing."""
    folder, tiny = tmp_path_factory.mktemp("ablation"), PRESETS["tiny"]
    config = replace(tiny, image_size=64, autoencoder=replace(tiny.autoencoder, fold=2))
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(CAPTIONS, config.text.vocabulary, config.text.length)
    DALLE(config, tokenizer).save_pretrained(folder / "checkpoint")
    referee = IconClassifier(class_names(emoji), 32, (16, 32))
    referee.data = emoji.digest
    referee.save(folder)
    return folder


@pytest.fixture
def exam(folder: Path, emoji: EmojiSet) -> Evaluator:
    model = DALLE.from_pretrained(folder / "checkpoint")
    return Evaluator(model, IconClassifier.load(folder), Composer(emoji, size=64), folder)


@pytest.fixture
def world(exam: Evaluator) -> ToyDataset:
    return ToyDataset.of(exam, CONCEPTS)


def run(folder: Path, output: Path, *only: str) -> str:
    return ablate(folder / "checkpoint", Path("data"), output, only, referee=folder)


def test_all_experiments_leave_a_row_and_nothing_is_done_twice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against experiments that die at their end, and an hour of work that is done again."""
    table = run(folder, tmp_path)
    rows = json.loads((tmp_path / "ablations.json").read_text())["rows"]
    assert rows.keys() == EXPERIMENTS.keys() == {*VARIANTS, *GENERATORS, *DRAWINGS, "ceiling"}
    assert [name for name in rows if f"| {name} |" not in table] == []
    assert (tmp_path / "ablations.md").read_text() == table + "\n"
    assert [name for name in VARIANTS if rows[name]["loss"] is None] == ["no-flow"]
    assert rows["base"]["steps"] == rows["adamw"]["steps"] == rows["concept-vectors"]["steps"] == 2
    assert len({rows[name]["loss"] for name in ("base", "adamw", "adamw-2x", "text-along")}) == 4
    assert rows["text-along"]["parameters"] > rows["base"]["parameters"] > rows["narrower"]["parameters"]
    assert len({rows[name]["psnr"] for name in GENERATORS}) == len(GENERATORS)
    assert {(rows[name]["guidance"], rows[name]["steps"]) for name in DRAWINGS} == {
        *((guidance, Recipe.steps) for guidance in (1, 2, 2.5, 3, 4, 6)),
        *((Recipe.guidance, steps) for steps in (4, 6, 7, 12, 20)),
    }
    monkeypatch.setattr(Trainer, "run", lambda self: pytest.fail("trained again"))
    monkeypatch.setattr(Evaluator, "draw_recipes", lambda *_: pytest.fail("drawn again"))
    assert run(folder, tmp_path) == table


def test_a_killed_run_goes_on_to_the_same_rows(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against rows that are lost, or that differ after a kill: here after one step."""
    whole = run(folder, tmp_path / "whole", "base", "default")
    take_step, taken = Trainer.take_step, []

    def dying(self: Trainer, *arguments: object) -> dict[str, float]:
        if len(taken) == 1:
            self.save()
            raise KeyboardInterrupt
        taken.append(self.step)
        return take_step(self, *arguments)

    monkeypatch.setattr(Trainer, "take_step", dying)
    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "killed", "default", "base")
    monkeypatch.setattr(Trainer, "take_step", take_step)
    assert json.loads((tmp_path / "killed/ablations.json").read_text())["rows"].keys() == {"default"}
    assert run(folder, tmp_path / "killed", "base") == whole
    assert run(folder, tmp_path / "killed", "default") == whole
    steps = (tmp_path / "killed/base/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in steps] == [1, 2]


def test_the_command_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against options that reach nothing, and a traceback where no referee was trained."""
    monkeypatch.chdir(tmp_path)
    command = ["ablate", "--checkpoint", str(folder / "checkpoint"), "--only", "default"]
    assert main(command) == 1
    assert "train a referee" in capsys.readouterr().err and list(tmp_path.iterdir()) == []
    monkeypatch.setattr(ablation.ablate, "__defaults__", ((), folder))
    assert main(command) == 0
    assert capsys.readouterr().out == Path("runs/ablations/ablations.md").read_text()


def test_other_settings_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against rows of two settings in one table, and states that do not fit."""
    run(folder, tmp_path, "default")
    monkeypatch.setattr(variants, "STEPS", 3)
    with pytest.raises(ValueError, match="choose another folder"):
        run(folder, tmp_path, "default")


@pytest.mark.parametrize("name", VARIANTS)
def test_equal_compute(
    name: str, exam: Evaluator, world: ToyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a variant that is better because it was allowed more."""
    monkeypatch.setattr(variants, "STEPS", 600)
    base = operations(make_student(exam.model, world, VARIANTS["base"])[1])
    own = operations(make_student(exam.model, world, VARIANTS[name])[1])
    steps = settings_of(VARIANTS[name], own, base).steps
    if name == "concept-vectors":
        assert steps == 600 and own < base
    else:
        assert abs(steps * own - 600 * base) <= own
    if name.startswith("adamw"):
        assert own == base
    if name == "no-flow":
        assert own < base, "one pass a picture, where a flow takes its mean and a velocity"
    if name in ("tokens-64", "wider", "text-along"):
        assert own > base


def test_one_thing_is_changed(exam: Evaluator, world: ToyDataset) -> None:
    """Guards against pupils that start from other weights, or that learn what should be held."""
    base, task = make_student(exam.model, world, VARIANTS["base"])
    again = make_student(exam.model, world, VARIANTS["adamw"])[0]
    assert all(torch.equal(a, b) for a, b in zip(base.parameters(), again.parameters(), strict=True))
    assert all(p.requires_grad for p in task.normalizer.parameters())
    assert not any(p.requires_grad for p in task.text.parameters())
    for name in ("text-along", "concept-vectors"):
        assert all(
            p.requires_grad for p in make_student(exam.model, world, VARIANTS[name])[1].text.parameters()
        )


# --- the small world


def test_every_drawing_under_its_own_caption(exam: Evaluator, world: ToyDataset, emoji: EmojiSet) -> None:
    """Guards against features of one drawing under the words of another, and concepts asked for twice."""
    asked = [question for concept in drawings(emoji, CONCEPTS) for question in concept]
    assert len(asked) == 2 * CONCEPTS == len(world.captions) == len(set(world.captions))
    for question, features in zip(asked, torch.from_numpy(world.features).float(), strict=True):
        icon = emoji.icons[question.icon]
        concept = emoji.concepts[icon.concept]
        assert concept.labels["en"] in question.prompt and f"{icon.style} style" in question.prompt
        assert question.right == {concept.base} and question.topic == icon.style
        expected = exam.over(exam.model.extractor, exam.icons([question.icon]), "")[0]
        assert torch.allclose(features, expected, atol=2e-3, rtol=2e-3)
    assert len({min(question.right) for question in world.asked}) == CONCEPTS
    assert {question.topic for question in world.asked} == {"noto", "twemoji"}


def test_folding_is_the_extractors(exam: Evaluator, world: ToyDataset) -> None:
    """Guards against tokens of other cells than those that the Generator puts together again."""
    model, _ = make_student(exam.model, world, VARIANTS["tokens-64"])
    assert (model.config.tokens, model.config.channels) == (16, 4)
    unfolded = world.folded(1)
    icons = exam.icons([d.icon for concept in world.drawings for d in concept])
    expected = exam.over(model.extractor, icons, "")
    assert torch.allclose(torch.from_numpy(unfolded.features).float(), expected, atol=2e-3, rtol=2e-3)
    assert (unfolded.folded(2).features == world.features).all()


def test_concept_vectors_tell_captions_apart(exam: Evaluator, world: ToyDataset) -> None:
    """Guards against an upper bound that hears nothing, or whose guidance steers away from a concept."""
    model, task = make_student(exam.model, world, VARIANTS["concept-vectors"])
    read = model.read([*world.captions, ""])
    assert read.states.shape[1] == 2 and read.mask.all()
    assert len(torch.unique(read.pooled, dim=0)) == len(world.captions) + 1
    noto, twemoji = (read.states[world.captions.index(d.prompt)] for d in world.drawings[0])
    assert torch.equal(noto[0], twemoji[0]) and not torch.equal(noto[1], twemoji[1])
    items = [task.dataset[i] for i in range(4)]
    _, tokens = task.collate(items)
    assert items[0].index == 0 and torch.equal(task.text(tokens).pooled[0], read.pooled[-1])
    assert torch.equal(task.text(tokens).pooled[1:], model.read([e.caption for e in items[1:]]).pooled)


def test_the_vae_draws_what_it_minimises(
    exam: Evaluator, world: ToyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a baseline that is trained for one thing and draws another; here it knows all."""
    model, task = make_student(exam.model, world, VARIANTS["no-flow"])
    assert isinstance(task, OneStepTask)
    features, tokens = task.collate([task.dataset[i] for i in range(4)])
    asked: list[int] = []

    def given(caption, code):
        asked.append(len(code))
        return ConditionedField(features[: len(code)], pytest.fail)  # what is refined must not be asked for

    monkeypatch.setattr(model.normalizer.velocity, "given", given)
    loss, parts = task((features, tokens))
    assert parts["error"] == 0 and loss > 0
    questions = [EvalPrompt(caption, seed=seed) for seed, caption in enumerate(world.captions[:4])]
    drawn, expected = draw_one_step(model, questions), model.paint(features)
    assert [picture.tobytes() for picture in drawn] == [picture.tobytes() for picture in expected]
    assert asked == [4, 4]


def test_columns_begin_anew_where_figures_differ() -> None:
    """Guards against numbers under another's title."""
    rows = {"a": {"steps": 1200, "loss": None}, "b": {"steps": 2, "loss": 0.5}, "c": {"top1": 0.25}}
    assert report.columns(rows).split("\n\n") == [
        "|  | steps | loss |\n| --- | --- | --- |\n| a | 1,200 | – |\n| b | 2 | 0.5000 |",
        "|  | top-1 |\n| --- | --- |\n| c | 25.0% |",
    ]
