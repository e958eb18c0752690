"""Training from scratch: a new model learns a folder alone, and a stop does not change the result."""

import json
from pathlib import Path

import pytest

from dalle import runtime
from dalle.cli import main
from dalle.data.folder.importer import import_images
from dalle.finetuning import plan, scratch
from dalle.finetuning.runs import Run
from dalle.finetuning.scratch import train_from_scratch
from dalle.pipeline.dalle import DALLE
from dalle.training.tasks import AutoencoderTask
from tests.training_runs import CAPTION, load_checkpoint, recorder, save_blorple_images, stop_at

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few samples a step, so that it takes seconds."""
    monkeypatch.setattr(runtime, "bfloat16_is_faster", lambda: False)
    monkeypatch.setattr(scratch, "SCRATCH_FLOW_BATCH", 8)
    monkeypatch.setattr(AutoencoderTask.standardise, "__defaults__", (64,))


def create_scratch_run(run: Path) -> Path:
    """The folder of a run, ready to train."""
    data = import_images(save_blorple_images(run / "in"), run / "data")
    data.with_captions((name, CAPTION) for name, _ in data.rows)
    scratch.make_scratch_plan("tiny", steps=4, generator_steps=3).save(run)
    return run


def test_a_new_model(tmp_path: Path) -> None:
    """Guards against a checkpoint that cannot draw or has a false card, and a resumed run that forgets."""
    run = create_scratch_run(tmp_path / "runs" / "whole")
    calls = []
    assert train_from_scratch(run, recorder(calls))
    assert [call[1:3] for call in calls if call[0] == "training"] == [(step, 7) for step in range(1, 8)]
    whole = load_checkpoint(run)
    assert whole.generate(CAPTION, seed=1)
    (folder,) = run.glob("checkpoint-*")
    assert json.loads((folder / "words.json").read_text()) == ["blorple"]
    card = (folder / "README.md").read_text()
    assert "from nothing" in card and f"`{CAPTION}`: 5" in card and "None" not in card

    resumed = create_scratch_run(tmp_path / "runs" / "resumed")
    assert not train_from_scratch(resumed, stop_at(2))  # while the autoencoder trains
    assert not (resumed / "begun").exists() and not list(resumed.glob("checkpoint-*"))
    assert not train_from_scratch(resumed, stop_at(5))  # while the flow trains
    assert main.main(["train-folder", "--output", str(resumed)]) == 0  # as the page resumes it
    assert load_checkpoint(resumed).model.digest == whole.model.digest
    assert Run(resumed).status().state == "done"
    folders = {"in", "data", "flow", "autoencoder", Run(resumed).checkpoint.name}
    assert {path.name for path in resumed.iterdir() if path.is_dir()} == folders
    assert not list(resumed.rglob("state.safetensors"))


def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Guards against an unknown size, and a checkpoint that is fine-tuned instead."""
    images = save_blorple_images(tmp_path / "in")
    command = ["train-folder", str(images), "--output", str(tmp_path / "runs/new")]
    assert main.main([*command, "--from-nothing", "vast"]) == 1
    assert "no size 'vast'; there are tiny, small" in capsys.readouterr().err
    quick = plan.Preset(steps=2, generator_steps=1, replay_samples=1)
    monkeypatch.setitem(scratch.SCRATCH_PRESETS, "quick", quick)
    assert main.main([*command, "--from-nothing", "tiny", "--caption", CAPTION]) == 0
    loaded = plan.Plan.load(tmp_path / "runs/new")
    assert (loaded.base, loaded.size, loaded.steps) == ("", "tiny", 2)
    assert DALLE.from_pretrained(Run(tmp_path / "runs/new").checkpoint).model.config.image_size == 32
