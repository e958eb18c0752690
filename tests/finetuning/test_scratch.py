"""Laws of a model from nothing: it learns its folder alone, and a stop changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dalle import runtime
from dalle.cli import main
from dalle.data.folder.image_folder import import_images
from dalle.finetuning import plan, scratch
from dalle.finetuning.runs import Run
from dalle.pipeline.dalle import DALLE
from dalle.training.tasks import AutoencoderTask
from tests.blorples import CAPTION, blorples, checkpoint

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "fast_bfloat16", lambda: False)
    monkeypatch.setattr(scratch, "BATCH", 8)
    monkeypatch.setattr(AutoencoderTask.standardise, "__defaults__", (64,))


def lay_out(run: Path) -> Path:
    data = import_images(blorples(run / "in"), run / "data")
    data.recaptioned((name, CAPTION) for name, _ in data.rows)
    scratch.make_scratch_plan("tiny", steps=4, generator_steps=3).save(run)
    return run


def stop_at(last: int) -> Callable[..., bool]:
    return lambda state, step, steps, loss: state == "training" and step >= last


def test_a_model_from_nothing(tmp_path: Path) -> None:
    """Guards against a checkpoint that cannot draw or says what is not so, and a resume that forgets."""
    run = lay_out(tmp_path / "runs" / "whole")
    heard = []
    assert scratch.train(run, lambda *said: bool(heard.append(said)))
    assert [said[1:3] for said in heard if said[0] == "training"] == [(step, 7) for step in range(1, 8)]
    whole = checkpoint(run)
    assert whole.generate(CAPTION, seed=1)
    (folder,) = run.glob("checkpoint-*")
    assert json.loads((folder / "words.json").read_text()) == ["blorple"]
    card = (folder / "README.md").read_text()
    assert "from nothing" in card and f"`{CAPTION}`: 5" in card and "None" not in card

    again = lay_out(tmp_path / "runs" / "again")
    assert not scratch.train(again, stop_at(2))  # while the autoencoder learns
    assert not (again / "begun").exists() and not list(again.glob("checkpoint-*"))
    assert not scratch.train(again, stop_at(5))  # while the flow learns
    assert main.main(["train-folder", "--output", str(again)]) == 0  # as the page goes on with it
    assert checkpoint(again).digest == whole.digest and Run(again).status().state == "done"
    kept = {"in", "data", "flow", "autoencoder", Run(again).checkpoint.name}
    assert {path.name for path in again.iterdir() if path.is_dir()} == kept
    assert not list(again.rglob("state.safetensors"))


def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Guards against a size that is not there, and a checkpoint that is taught instead."""
    command = ["train-folder", str(blorples(tmp_path / "in")), "--output", str(tmp_path / "runs/new")]
    assert main.main([*command, "--from-nothing", "vast"]) == 1
    assert "no size 'vast'; there are tiny, small" in capsys.readouterr().err
    quick = plan.Preset(steps=2, generator_steps=1, prior=1)
    monkeypatch.setitem(scratch.PRESETS, "quick", quick)
    assert main.main([*command, "--from-nothing", "tiny", "--caption", CAPTION]) == 0
    todo = plan.Plan.load(tmp_path / "runs/new")
    assert (todo.base, todo.size, todo.steps) == ("", "tiny", 2)
    assert DALLE.from_pretrained(Run(tmp_path / "runs/new").checkpoint).config.image_size == 32
