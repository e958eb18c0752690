"""Tests of the ablations: one change at a time, at equal compute, and no experiment run twice."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import shapes
import torch

from dalle import images
from dalle.cli.main import main
from dalle.config import PRESETS, FlowConfig
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import report
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.classifier_training import class_names
from dalle.evaluation.eval_prompts import EvalPrompt
from dalle.evaluation.evaluator import Evaluator
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Tokenizer
from dalle.networks.velocity import ConditionedField
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.research import ablation, variants
from dalle.research.ablation import EXPERIMENTS, GENERATOR_VARIANTS, SAMPLING_VARIANTS, run_ablations
from dalle.research.toy_dataset import OneStepTask, ToyDataset, draw_one_step, icon_prompts
from dalle.research.variants import FLOW_VARIANTS, make_student, step_flops, variant_settings
from dalle.training.pretrain import PHASE_DEFAULTS
from dalle.training.trainer import Trainer
from tests.tiny import CAPTIONS

TOY_CONCEPTS = 4

pytestmark = pytest.mark.usefixtures("full_precision")


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, emoji: EmojiSet) -> None:
    """Tiny networks and few steps, and an emoji set in memory; the owl is held out from the autoencoder."""
    flow = FlowConfig(width=32, depth=1, heads=4, code_width=32, code_depth=1)
    for name, value in {"BASE_FLOW": flow, "BASE_STEPS": 2, "TOY_BATCH": 4}.items():
        monkeypatch.setattr(variants, name, value)
    for name, value in {"TOY_CONCEPTS": TOY_CONCEPTS, "GENERATOR_STEPS": 2, "LOSS_SAMPLES": 8}.items():
        monkeypatch.setattr(ablation, name, value)
    monkeypatch.setitem(PHASE_DEFAULTS, "generator", {"batch": 2, "workers": 0})
    monkeypatch.setattr(EmojiSet, "load", classmethod(lambda cls, folder: emoji))
    monkeypatch.setattr(EmojiSet, "held_out", lambda self, concept: self.concepts[concept].slug == "owl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, emoji: EmojiSet) -> Path:
    """A checkpoint with four tokens of four cells each, and an untrained classifier."""
    folder, tiny = tmp_path_factory.mktemp("ablation"), PRESETS["tiny"]
    config = replace(tiny, image_size=64, autoencoder=replace(tiny.autoencoder, fold=2))
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(CAPTIONS, config.text.vocabulary, config.text.length)
    DALLE(DALLEModel(config, tokenizer)).save_pretrained(folder / "checkpoint")
    classifier = IconClassifier(class_names(emoji), 32, (16, 32))
    classifier.data = emoji.digest
    classifier.save(folder)
    return folder


@pytest.fixture
def evaluator(folder: Path, emoji: EmojiSet) -> Evaluator:
    pipeline = DALLE.from_pretrained(folder / "checkpoint")
    return Evaluator(pipeline, IconClassifier.load(folder), Composer(emoji, size=64), folder)


@pytest.fixture
def dataset(evaluator: Evaluator) -> ToyDataset:
    return ToyDataset.encode(evaluator, TOY_CONCEPTS)


def run(folder: Path, output: Path, *only: str) -> str:
    return run_ablations(folder / "checkpoint", Path("data"), output, only, classifier_folder=folder)


def test_every_experiment_leaves_a_row_and_runs_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against experiments that fail at their end, and an hour of work done again."""
    table = run(folder, tmp_path)
    rows = json.loads((tmp_path / "ablations.json").read_text())["rows"]
    names = {*FLOW_VARIANTS, *GENERATOR_VARIANTS, *SAMPLING_VARIANTS, "ceiling"}
    assert rows.keys() == EXPERIMENTS.keys() == names
    assert [name for name in rows if f"| {name} |" not in table] == []
    assert (tmp_path / "ablations.md").read_text() == table + "\n"
    assert [name for name in FLOW_VARIANTS if rows[name]["loss"] is None] == ["no-flow"]
    assert rows["base"]["steps"] == rows["adamw"]["steps"] == rows["concept-vectors"]["steps"] == 2
    assert len({rows[name]["loss"] for name in ("base", "adamw", "adamw-2x", "text-along")}) == 4
    assert rows["text-along"]["parameters"] > rows["base"]["parameters"] > rows["narrower"]["parameters"]
    assert len({rows[name]["psnr"] for name in GENERATOR_VARIANTS}) == len(GENERATOR_VARIANTS)
    assert {(rows[name]["guidance"], rows[name]["steps"]) for name in SAMPLING_VARIANTS} == {
        *((guidance, Recipe.steps) for guidance in (1, 2, 2.5, 3, 4, 6)),
        *((Recipe.guidance, steps) for steps in (4, 6, 7, 12, 20)),
    }
    monkeypatch.setattr(Trainer, "run", lambda self: pytest.fail("trained again"))
    monkeypatch.setattr(Evaluator, "draw_recipes", lambda *_: pytest.fail("drawn again"))
    assert run(folder, tmp_path) == table


def test_a_killed_run_resumes_to_the_same_rows(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against rows that are lost, or that differ after a kill, here after one step."""
    whole = run(folder, tmp_path / "whole", "base", "default")
    take_step, taken = Trainer.take_step, []

    def step_once(self: Trainer, *arguments: object) -> dict[str, float]:
        if len(taken) == 1:
            self.save()
            raise KeyboardInterrupt
        taken.append(self.step)
        return take_step(self, *arguments)

    monkeypatch.setattr(Trainer, "take_step", step_once)
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
    """Guards against options without effect, and a traceback if no classifier was trained."""
    monkeypatch.chdir(tmp_path)
    command = ["ablate", "--checkpoint", str(folder / "checkpoint"), "--only", "default"]
    assert main(command) == 1
    assert "train a referee" in capsys.readouterr().err and list(tmp_path.iterdir()) == []
    monkeypatch.setattr(ablation.run_ablations, "__defaults__", ((), folder))
    assert main(command) == 0
    assert capsys.readouterr().out == Path("runs/ablations/ablations.md").read_text()


def test_other_settings_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against rows of two settings in one table, and training states that do not fit."""
    run(folder, tmp_path, "default")
    monkeypatch.setattr(variants, "BASE_STEPS", 3)
    with pytest.raises(ValueError, match="choose another folder"):
        run(folder, tmp_path, "default")


@pytest.mark.parametrize("name", FLOW_VARIANTS)
def test_equal_compute(
    name: str, evaluator: Evaluator, dataset: ToyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a variant that is better because it has more compute."""
    monkeypatch.setattr(variants, "BASE_STEPS", 600)
    base = step_flops(make_student(evaluator.pipeline.model, dataset, FLOW_VARIANTS["base"])[1])
    flops = step_flops(make_student(evaluator.pipeline.model, dataset, FLOW_VARIANTS[name])[1])
    steps = variant_settings(FLOW_VARIANTS[name], flops, base).steps
    if name == "concept-vectors":
        assert steps == 600 and flops < base
    else:
        assert abs(steps * flops - 600 * base) <= flops
    if name.startswith("adamw"):
        assert flops == base
    if name == "no-flow":
        assert flops < base, "it predicts the mean alone, a flow predicts the velocity too"
    if name in ("tokens-64", "wider", "text-along"):
        assert flops > base


def test_variants_change_one_thing(evaluator: Evaluator, dataset: ToyDataset) -> None:
    """Guards against students that start from other weights, or that train what should be frozen."""
    base, task = make_student(evaluator.pipeline.model, dataset, FLOW_VARIANTS["base"])
    again = make_student(evaluator.pipeline.model, dataset, FLOW_VARIANTS["adamw"])[0]
    assert all(
        torch.equal(a, b) for a, b in zip(base.model.parameters(), again.model.parameters(), strict=True)
    )
    assert all(p.requires_grad for p in task.normalizer.parameters())
    assert not any(p.requires_grad for p in task.text.parameters())
    for name in ("text-along", "concept-vectors"):
        task = make_student(evaluator.pipeline.model, dataset, FLOW_VARIANTS[name])[1]
        assert all(p.requires_grad for p in task.text.parameters())


# --- the toy data set


def test_every_icon_has_its_own_caption(evaluator: Evaluator, dataset: ToyDataset, emoji: EmojiSet) -> None:
    """Guards against features of one icon with the caption of another, and concepts that occur twice."""
    prompts = [each for concept in icon_prompts(emoji, TOY_CONCEPTS) for each in concept]
    assert len(prompts) == 2 * TOY_CONCEPTS == len(dataset.captions) == len(set(dataset.captions))
    for each, features in zip(prompts, torch.from_numpy(dataset.features).float(), strict=True):
        icon = emoji.icons[each.icon]
        concept = emoji.concepts[icon.concept]
        assert concept.labels["en"] in each.text and f"{icon.style} style" in each.text
        assert each.targets == {concept.canonical} and each.category == icon.style
        pictures = evaluator.render_icons([each.icon])
        (expected,) = evaluator.map_batches(evaluator.pipeline.model.extractor, pictures, "")
        assert torch.allclose(features, expected, atol=2e-3, rtol=2e-3)
    assert len({min(each.targets) for each in dataset.eval_prompts}) == TOY_CONCEPTS
    assert {each.category for each in dataset.eval_prompts} == {"noto", "twemoji"}


def test_refolding_is_the_extractors_folding(evaluator: Evaluator, dataset: ToyDataset) -> None:
    """Guards against tokens of other cells than those that the Generator unfolds."""
    model = make_student(evaluator.pipeline.model, dataset, FLOW_VARIANTS["tokens-64"])[0].model
    assert (model.config.tokens, model.config.channels) == (16, 4)
    unfolded = dataset.refold(1)
    icons = evaluator.render_icons([d.icon for concept in dataset.prompts_by_concept for d in concept])
    expected = evaluator.map_batches(model.extractor, icons, "")
    assert torch.allclose(torch.from_numpy(unfolded.features).float(), expected, atol=2e-3, rtol=2e-3)
    assert (unfolded.refold(2).features == dataset.features).all()


def test_concept_embeddings_distinguish_captions(evaluator: Evaluator, dataset: ToyDataset) -> None:
    """Guards against an upper bound that ignores captions, or has guidance away from a concept."""
    pipeline, task = make_student(evaluator.pipeline.model, dataset, FLOW_VARIANTS["concept-vectors"])
    read = pipeline.encode_prompts([*dataset.captions, ""])
    assert read.states.shape[1] == 2 and read.mask.all()
    assert len(torch.unique(read.pooled, dim=0)) == len(dataset.captions) + 1
    noto, twemoji = (read.states[dataset.captions.index(d.text)] for d in dataset.prompts_by_concept[0])
    assert torch.equal(noto[0], twemoji[0]) and not torch.equal(noto[1], twemoji[1])
    items = [task.dataset[i] for i in range(4)]
    _, tokens = task.collate(items)
    assert items[0].index == 0 and torch.equal(task.text(tokens).pooled[0], read.pooled[-1])
    assert torch.equal(
        task.text(tokens).pooled[1:], pipeline.encode_prompts([e.caption for e in items[1:]]).pooled
    )


def test_the_vae_draws_what_it_is_trained_for(
    evaluator: Evaluator, dataset: ToyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a baseline that is trained for one thing and draws another; here it is perfect."""
    pipeline, task = make_student(evaluator.pipeline.model, dataset, FLOW_VARIANTS["no-flow"])
    assert isinstance(task, OneStepTask)
    features, tokens = task.collate([task.dataset[i] for i in range(4)])
    batch_sizes: list[int] = []

    def condition(caption, code):
        batch_sizes.append(len(code))
        return ConditionedField(None, None, None, features[: len(code)])

    monkeypatch.setattr(pipeline.model.normalizer.velocity, "condition", condition)
    monkeypatch.setattr(ConditionedField, "predict_velocity", pytest.fail)
    loss, parts = task((features, tokens))
    assert parts["error"] == 0 and loss > 0
    prompts = [EvalPrompt(caption, seed=seed) for seed, caption in enumerate(dataset.captions[:4])]
    drawn, expected = draw_one_step(pipeline, prompts), images.to_images(pipeline.model.render(features))
    assert [picture.tobytes() for picture in drawn] == [picture.tobytes() for picture in expected]
    assert batch_sizes == [4, 4]


def test_a_new_table_begins_where_metrics_differ() -> None:
    """Guards against numbers under the title of another metric."""
    rows = {"a": {"steps": 1200, "loss": None}, "b": {"steps": 2, "loss": 0.5}, "c": {"top1": 0.25}}
    assert report.comparison_table(rows).split("\n\n") == [
        "|  | steps | loss |\n| --- | --- | --- |\n| a | 1,200 | – |\n| b | 2 | 0.5000 |",
        "|  | top-1 |\n| --- | --- |\n| c | 25.0% |",
    ]
