"""Laws of fine-tuning, on a tiny checkpoint: it learns, it keeps what it knew, and a stop changes nothing."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from dalle import runtime
from dalle.data.folder.image_folder import Folder, import_images
from dalle.finetuning import finetune, finetune_tasks, forecast, plan, replay, save
from dalle.finetuning.encoded_dataset import EncodedDataset
from dalle.finetuning.finetune_tasks import DistillationTask, FlowFinetuneTask, GeneratorFinetuneTask
from dalle.finetuning.plan import Plan
from dalle.networks.upscaler import FILE, Upscaler
from dalle.pipeline.dalle import DALLE
from dalle.training.tasks import CAPTION_DROPOUT_EVERY
from dalle.training.trainer import TrainingError
from tests.blorples import CAPTION, checkpoint, lay_out
from tests.tiny import tiny_checkpoint, tiny_model


def go_on(state: str, step: int, steps: int, loss: float | None) -> bool:
    """A watch that never stops."""
    return False


def stop_at(last: int) -> Callable[[str, int, int, float | None], bool]:
    return lambda state, step, steps, loss: state == "training" and step >= last


pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")
    (folder / "words.json").write_text('["apple", "dog", "red", "blorple stew"]')
    (folder / "prompts.json").write_text('["a red apple"]')
    (folder / "sliders.json").write_text("[]")
    Upscaler(16, 1).save(folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, base: Path, pictures: Path) -> Path:
    """A run that was never stopped."""
    run = lay_out(tmp_path_factory.mktemp("runs") / "whole", base, pictures)
    heard = []
    assert finetune.train(run, lambda *said: bool(heard.append(said)))
    states = [said[0] for said in heard]
    assert states == sorted(states, key=["preparing", "training", "saving"].index)
    assert [said[1:3] for said in heard if said[0] == "training"] == [(step, 9) for step in range(1, 10)]
    return run


# --- what comes of it


def test_the_checkpoint_is_whole(whole: Path, base: Path) -> None:
    """Guards against "done" with nothing made, and against changes where nothing was to change."""
    (folder,) = whole.glob("checkpoint-*")
    before, after = (DALLE.from_pretrained(at).state_dict() for at in (base, folder))
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"generator", "text", "normalizer"}
    assert torch.equal(before["text.embed.weight"], after["text.embed.weight"])
    assert json.loads((folder / "words.json").read_text()) == [
        "blorple",
        "apple",
        "dog",
        "red",
        "blorple stew",
    ]
    assert json.loads((folder / "prompts.json").read_text()) == [CAPTION, "a red apple"]
    assert (folder / "sliders.json").is_file()
    assert (folder / FILE).read_bytes() == (base / FILE).read_bytes()
    card = (folder / "README.md").read_text()
    for told in (f"`{CAPTION}`: 5", "5 pictures", "| steps | 6 |", DALLE.from_pretrained(base).digest):
        assert told in card
    for sheet in (folder / "samples.webp", whole / "reconstructions.png", whole / "flow/sheets/0000006.png"):
        with Image.open(sheet) as opened:
            assert opened.width > 100
    assert (whole / "flow/state.safetensors").is_file()
    finetune.tidy(whole)
    assert not list(whole.rglob("*.npy")) + list(whole.rglob("state.safetensors"))
    assert (whole / "flow/metrics.jsonl").is_file() and checkpoint(whole).generate(CAPTION, seed=1)


def loss_on(store: EncodedDataset, model: DALLE) -> float:
    """The flow's loss on a store, always with the same noise."""
    task = FlowFinetuneTask(model, store, store, [CAPTION])
    entries = [store[index]._replace(index=1) for index in range(256)]
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        return float(task(task.collate(entries))[0])


def test_it_learns_and_keeps_what_it_knew(tmp_path: Path, base: Path, pictures: Path) -> None:
    """Guards against a training that trains nothing, and against unlearning all else."""
    run = lay_out(tmp_path / "run", base, pictures, steps=180, generator_steps=0, prior=64)
    assert finetune.train(run, go_on)
    before, after = DALLE.from_pretrained(base), checkpoint(run)
    own, known = EncodedDataset(run / "own"), EncodedDataset(run / "prior")
    assert loss_on(own, after) < 0.75 * loss_on(own, before)
    assert loss_on(known, after) < 1.05 * loss_on(known, before)


def test_the_generator_adapts_where_it_must(whole: Path, tmp_path: Path, base: Path, pictures: Path) -> None:
    """Guards against changing a Generator that paints well, and one that leaves poor pictures poor."""
    figures = json.loads((whole / "figures.json").read_text())
    assert figures["adapted"] and figures["psnr"] < figures["psnr_adapted"] < plan.POOR
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "POOR", 1.0)
        run = lay_out(tmp_path / "run", base, pictures, steps=1)
        assert finetune.train(run, go_on)
    assert not json.loads((run / "figures.json").read_text())["adapted"]
    before, after = (at.generator.state_dict() for at in (DALLE.from_pretrained(base), checkpoint(run)))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not (run / "generator").exists()


# --- what it learns from


def test_halves_take_turns(tmp_path: Path) -> None:
    """Guards against a prior that is left out, and against new pictures under the empty caption."""
    rng = np.random.default_rng(0)
    for name, value in (("own", 1), ("prior", 0)):
        pixels = np.full((7, 32, 32, 3), value, np.uint8)
        features = np.full((7, 4, 4), value, np.float16)
        finetune.store(tmp_path / name, features, [f"{name} {rng.integers(9)}"] * 7, pixels)
    model, stores = tiny_model(), (EncodedDataset(tmp_path / "prior"), EncodedDataset(tmp_path / "own"))
    task = FlowFinetuneTask(model, *stores, [CAPTION])
    entries = [task.dataset[index] for index in range(200)]
    assert [entry.features[0, 0] for entry in entries] == [0, 1] * 100
    assert {entry.caption.split()[0] for entry in entries if entry.index % CAPTION_DROPOUT_EVERY == 0} == {
        "prior"
    }
    tokens = task.collate(entries)[1]
    assert (tokens[:, 2] == 0).float().mean() == 1 / CAPTION_DROPOUT_EVERY
    painted = GeneratorFinetuneTask(model, *stores).dataset
    assert [painted[index].max() for index in range(50)] == [0, 1] * 25


def test_what_was_known_pulls_back(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against forgetting by learning again: only new pictures may change a model that is as it was.

    And against one that gives way to them: what was known weighs more.
    """
    model = DALLE.from_pretrained(base)
    features, pixels = replay.draw(model, ["a dog"] * 8, seed=0)
    finetune.store(tmp_path / "known", features, ["a dog"] * 8, pixels)
    known = EncodedDataset(tmp_path / "known")
    task = DistillationTask(model, known, known, [CAPTION], ["a red apple", "a dog"])

    def flow(indices: range) -> float:
        torch.manual_seed(0)
        return float(task(task.collate([task.dataset[index] for index in indices]))[1]["flow"])

    assert flow(range(2, 16, 2)) < 1e-9 < 0.01 < flow(range(1, 16, 2))
    with torch.no_grad():  # as if something had been unlearnt
        task.normalizer.velocity.output.bias += 0.1
    alone, kept = flow(range(1, 16, 2)), flow(range(2, 16, 2))
    assert 0.01 < kept < alone
    both = flow(range(1, 17))
    monkeypatch.setattr(finetune_tasks, "DISTILLATION_WEIGHT", 1.0)
    assert both < flow(range(1, 17)), "what was known weighs more, so that its smaller error counts for more"


def test_prior_captions_are_what_it_knows() -> None:
    """Guards against a prior of a few captions, or one that leaves out the new captions' own words."""
    known = ["apple", "robot", "of", *(f"word{number}" for number in range(5_000))]
    drawn = replay.captions(200, ["my blue robot", "zzz"], known, (), seed=3)
    assert len(drawn) == 200 and len(set(drawn)) > 100
    assert drawn.count("robot") >= 40 and not {"zzz", "of", "my"} & set(drawn)
    assert not {f"word{number}" for number in range(2_000, 5_000)} & set(drawn)
    assert drawn == replay.captions(200, ["my blue robot", "zzz"], known, (), seed=3)
    assert drawn != replay.captions(200, ["my blue robot", "zzz"], known, (), seed=4)
    assert len(set(replay.captions(50, ["zzz"], [], (), seed=0))) > 40


def test_the_prior_is_what_the_model_draws() -> None:
    """Guards against a prior of other pictures than those that the captions give."""
    model = tiny_model()
    features, pixels = replay.draw(model, ["a dog", "a red apple"] * 9, seed=5)
    again = model.generate("a red apple", seed=6, guidance=1.0, steps=replay.STEPS)[0]
    assert features.shape == (18, 4, 4) and pixels.dtype == np.uint8
    assert np.abs(pixels[1].astype(int) - np.asarray(again.image)).max() <= 2
    assert len({array.tobytes() for array in pixels}) == 18


# --- stops, and what cannot be done


@pytest.mark.parametrize("last", [1, 5])
def test_stopping_changes_nothing(last: int, whole: Path, tmp_path: Path, base: Path, pictures: Path) -> None:
    """Guards against a resume that repeats, skips or forgets: in the first step of either training."""
    run = lay_out(tmp_path / "run", base, pictures)
    assert not finetune.train(run, stop_at(last))
    assert len(list(run.glob("checkpoint-*"))) == (last > 3)  # a stopped flow leaves what it has learnt
    assert finetune.train(run, go_on)
    assert checkpoint(run).digest == checkpoint(whole).digest
    steps = [json.loads(line)["step"] for line in (run / "flow/metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_stopping_while_it_prepares(tmp_path: Path, base: Path, pictures: Path) -> None:
    """Guards against a stop that is heard only when all is drawn."""
    run = lay_out(tmp_path / "run", base, pictures)
    assert not finetune.train(run, lambda state, step, steps, loss: steps > 0)
    assert not (run / "figures.json").exists() and not (run / "prior").exists()


def test_older_checkpoints_go_once_the_new_one_is_on_the_disk(
    tmp_path: Path, base: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a power cut that leaves no checkpoint at all: the old deleted, the new not written."""
    older, new = tmp_path / "checkpoint-000001", tmp_path / "checkpoint-000002"
    older.mkdir()
    settled, at_deletion, rmtree = set(), set(), shutil.rmtree

    def delete(path: Path, *given: object, **options: object) -> None:
        if path == older:
            at_deletion.update(settled)
        rmtree(path, *given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda opened: settled.add(os.fstat(opened).st_ino))
        patch.setattr(shutil, "rmtree", delete)
        given = {"settings": {}, "figures": {"psnr": 30.0}}
        data = import_images(pictures, tmp_path / "data")
        model = DALLE.from_pretrained(base)
        save.save(model, new, base, data, lambda again: Image.new("RGB", (8, 8)), **given)
    assert not older.exists()
    assert {path.stat().st_ino for path in (*new.iterdir(), new, tmp_path)} <= at_deletion


def test_a_full_disk(tmp_path: Path, base: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a save that takes the last good state with it."""
    run = lay_out(tmp_path / "run", base, pictures)
    assert not finetune.train(run, stop_at(4))
    state, saved = (run / "flow/state.safetensors").read_bytes(), checkpoint(run).digest

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(safetensors.torch, "save_file", full)
        with pytest.raises(TrainingError, match="No space left on device"):
            finetune.train(run, go_on)
    assert (run / "flow/state.safetensors").read_bytes() == state and checkpoint(run).digest == saved
    assert finetune.train(run, go_on)


def test_what_cannot_be_learnt(tmp_path: Path, base: Path, pictures: Path) -> None:
    """Guards against a training that finds no data, and one that goes on from other weights."""
    run = lay_out(tmp_path / "run", base, pictures, caption="")
    with pytest.raises(ValueError, match=r"5 pictures have no caption, 0\.png for one"):
        finetune.train(run, go_on)
    Folder.open(run / "data").recaptioned([])
    with pytest.raises(ValueError, match="no pictures to learn from"):
        finetune.train(run, go_on)
    run = lay_out(tmp_path / "other", tiny_checkpoint(tmp_path / "base"), pictures)
    assert not finetune.train(run, stop_at(1))
    tiny_checkpoint(tmp_path / "base", seed=1)
    with pytest.raises(ValueError, match="put that back, or start a new run"):
        finetune.train(run, go_on)


@pytest.mark.parametrize(
    ("field", "value"), [("steps", 0), ("prior", -1), ("seed", 2**31), ("steps", 1.5), ("how", "stretch")]
)
def test_a_plan_is_checked(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=str(value)):
        plan.make_plan(tmp_path, **{field: value})
    with pytest.raises(ValueError, match="no preset 'slow'; there are quick, good, thorough"):
        plan.make_plan(tmp_path, "slow")
    made = plan.make_plan(tmp_path, "good", flips=True)
    made.save(tmp_path)
    assert Plan.load(tmp_path) == made
    (tmp_path / "plan.json").write_text(json.dumps(dataclasses.asdict(made) | {"shell": "rm"}))
    with pytest.raises(ValueError, match="start a new run"):
        Plan.load(tmp_path)


def test_the_expected_time_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against an estimate that trains the model in use, or that knows nothing of the preset."""
    monkeypatch.setattr(runtime, "fast_bfloat16", lambda: False)
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    pace = forecast.measure_step_times(model)
    assert pace.step > 0 and pace.generator_step > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_expected_time_knows_the_preset() -> None:
    """Guards against a time that leaves out the drawing, or the Generator where it has to adapt."""
    pace = forecast.StepTimes(step=1.0, generator_step=0.5)
    assert pace.seconds("quick", adapts=True) - pace.seconds("quick", adapts=False) == pytest.approx(30)
    assert 330 < pace.seconds("quick", adapts=False) < 400
    times = [pace.seconds(preset, adapts=False) for preset in plan.PRESETS]
    assert times == sorted(times)
