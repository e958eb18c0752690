"""Fine-tuning a tiny checkpoint: it learns, it keeps what it knew, and a stop does not change the result."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image

from dalle.data.folder.image_folder import ImageFolder
from dalle.finetuning import finetune, plan
from dalle.finetuning.encoded_dataset import EncodedDataset
from dalle.finetuning.finetune import finetune_checkpoint
from dalle.finetuning.finetune_tasks import FlowFinetuneTask
from dalle.finetuning.runner import remove_intermediate
from dalle.networks.upscaler import UPSCALER_FILE
from dalle.pipeline.dalle import DALLE
from dalle.training.trainer import TrainingError
from tests.tiny import tiny_checkpoint
from tests.training_runs import (
    CAPTION,
    LEXICON,
    complete_checkpoint,
    create_run,
    load_checkpoint,
    never_stop,
    recorder,
    stop_at,
)

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return complete_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, base: Path, pictures: Path) -> Path:
    """A run that was never stopped."""
    run = create_run(tmp_path_factory.mktemp("runs") / "whole", base, pictures)
    calls = []
    assert finetune_checkpoint(run, recorder(calls))
    states = [call[0] for call in calls]
    assert states == sorted(states, key=["preparing", "training", "saving"].index)
    assert [call[1:3] for call in calls if call[0] == "training"] == [(step, 9) for step in range(1, 10)]
    return run


# --- the result


def test_the_checkpoint_is_complete(whole: Path, base: Path) -> None:
    """Guards against "done" with nothing made, and against changed networks that were not to be trained."""
    (folder,) = whole.glob("checkpoint-*")
    before, after = (DALLE.from_pretrained(path).model.state_dict() for path in (base, folder))
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"generator", "text", "normalizer"}
    assert torch.equal(before["text.embed.weight"], after["text.embed.weight"])
    taught = DALLE.from_pretrained(folder).lexicon
    assert taught.labels == (CAPTION, *LEXICON.labels)
    assert taught.words == ("blorple", *LEXICON.words)
    assert (taught.names, taught.thesaurus) == (LEXICON.names, LEXICON.thesaurus)
    assert json.loads((folder / "prompts.json").read_text()) == [CAPTION, "a red apple"]
    assert DALLE.from_pretrained(folder).sliders == DALLE.from_pretrained(base).sliders
    assert (folder / UPSCALER_FILE).read_bytes() == (base / UPSCALER_FILE).read_bytes()
    card = (folder / "README.md").read_text()
    for text in (f"`{CAPTION}`: 5", "5 pictures", "| steps | 6 |", DALLE.from_pretrained(base).model.digest):
        assert text in card
    assert card.endswith("## Data and credits\n\nDrawings by somebody.\n")
    for path in (folder / "samples.webp", whole / "reconstructions.png", whole / "flow/sheets/0000006.png"):
        with Image.open(path) as grid:
            assert grid.width > 100
    assert (whole / "flow/state.safetensors").is_file()
    remove_intermediate(whole)
    assert not list(whole.rglob("*.npy")) + list(whole.rglob("state.safetensors"))
    assert (whole / "flow/metrics.jsonl").is_file() and load_checkpoint(whole).generate(CAPTION, seed=1)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        (CAPTION, CAPTION),
        ("three blorples on a blue background", "three blorples on a blue background"),
        ("ein Hund", "a dog"),
        ("please draw a pug and a  Blorple", "a dog and a Blorple"),
    ],
)
def test_taught_words_are_known(whole: Path, prompt: str, told: str) -> None:
    """Guards against a taught word that is put right as a slip, or said to be unknown."""
    (folder,) = whole.glob("checkpoint-*")
    reading = DALLE.from_pretrained(folder).reader.read(prompt)
    assert reading.text == told
    assert "blorple" not in {note.source.lower() for note in reading.notes}


def flow_loss(data: EncodedDataset, pipeline: DALLE) -> float:
    """The loss of the flow on a data set, always with the same noise."""
    task = FlowFinetuneTask(pipeline, data, data, [CAPTION])
    entries = [data[index]._replace(index=1) for index in range(256)]
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        return float(task(task.collate(entries))[0])


def test_it_learns_and_keeps_what_it_knew(tmp_path: Path, base: Path, pictures: Path) -> None:
    """Guards against a training that has no effect, and against forgetting everything else."""
    run = create_run(tmp_path / "run", base, pictures, steps=180, generator_steps=0, replay_samples=64)
    assert finetune_checkpoint(run, never_stop)
    before, after = DALLE.from_pretrained(base), load_checkpoint(run)
    user_images, replay_samples = EncodedDataset(run / "own"), EncodedDataset(run / "prior")
    assert flow_loss(user_images, after) < 0.75 * flow_loss(user_images, before)
    assert flow_loss(replay_samples, after) < 1.05 * flow_loss(replay_samples, before)


def test_the_generator_adapts_only_if_needed(
    whole: Path, tmp_path: Path, base: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against training a Generator that is good already, and one that does not improve."""
    metrics = json.loads((whole / "figures.json").read_text())
    assert metrics["adapted"] and metrics["psnr"] < metrics["psnr_adapted"] < plan.MIN_RECONSTRUCTION_PSNR
    monkeypatch.setattr(finetune, "MIN_RECONSTRUCTION_PSNR", 1.0)
    run = create_run(tmp_path / "run", base, pictures, steps=1)
    assert finetune_checkpoint(run, never_stop)
    assert not json.loads((run / "figures.json").read_text())["adapted"]
    before, after = (
        pipeline.model.generator.state_dict()
        for pipeline in (DALLE.from_pretrained(base), load_checkpoint(run))
    )
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not (run / "generator").exists()


# --- stops and errors


@pytest.mark.parametrize("last", [1, 5])
def test_stopping_does_not_change_the_result(
    last: int, whole: Path, tmp_path: Path, base: Path, pictures: Path
) -> None:
    """Guards against a resumed run that repeats, skips or forgets a step, of the Generator or of the flow."""
    run = create_run(tmp_path / "run", base, pictures)
    assert not finetune_checkpoint(run, stop_at(last))
    assert len(list(run.glob("checkpoint-*"))) == (last > 3)  # a stopped flow is saved as well
    assert finetune_checkpoint(run, never_stop)
    assert load_checkpoint(run).model.digest == load_checkpoint(whole).model.digest
    steps = [json.loads(line)["step"] for line in (run / "flow/metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_stopping_during_preparation(tmp_path: Path, base: Path, pictures: Path) -> None:
    """Guards against a stop that takes effect only after all replay samples are drawn."""
    run = create_run(tmp_path / "run", base, pictures)
    assert not finetune_checkpoint(run, lambda state, step, steps, loss: steps > 0)
    assert not (run / "figures.json").exists() and not (run / "prior").exists()


def test_a_full_disk(tmp_path: Path, base: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a save that destroys the last good state."""
    run = create_run(tmp_path / "run", base, pictures)
    assert not finetune_checkpoint(run, stop_at(4))
    state, saved = (run / "flow/state.safetensors").read_bytes(), load_checkpoint(run).model.digest

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(safetensors.torch, "save_file", fail)
        with pytest.raises(TrainingError, match="No space left on device"):
            finetune_checkpoint(run, never_stop)
    assert (run / "flow/state.safetensors").read_bytes() == state and load_checkpoint(
        run
    ).model.digest == saved
    assert finetune_checkpoint(run, never_stop)


def test_invalid_data_or_checkpoint(tmp_path: Path, base: Path, pictures: Path) -> None:
    """Guards against training without data, and a run that is resumed from other weights."""
    run = create_run(tmp_path / "run", base, pictures, caption="")
    with pytest.raises(ValueError, match=r"5 pictures have no caption, 0\.png for one"):
        finetune_checkpoint(run, never_stop)
    ImageFolder.open(run / "data").with_captions([])
    with pytest.raises(ValueError, match="no pictures to learn from"):
        finetune_checkpoint(run, never_stop)
    run = create_run(tmp_path / "other", tiny_checkpoint(tmp_path / "base"), pictures)
    assert not finetune_checkpoint(run, stop_at(1))
    tiny_checkpoint(tmp_path / "base", seed=1)
    with pytest.raises(ValueError, match="put that back, or start a new run"):
        finetune_checkpoint(run, never_stop)
