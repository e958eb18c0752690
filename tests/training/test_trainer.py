"""Laws of training: whatever happens to a run, it goes on to the same numbers, or says clearly why not."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import nn

from dalle.training.task import TrainingSettings
from dalle.training.trainer import Trainer, TrainingError
from tests.tiny import tiny_checkpoint
from tests.toy import MirrorTask, settings, train

ROOT = Path(__file__).resolve().parents[2]
STEPS = 24
PATIENCE = 300  # seconds that a process of its own may take, on a machine that does other things as well


pytestmark = pytest.mark.usefixtures("own_accelerator")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("unbroken")
    train(folder, STEPS)
    return folder


def state(folder: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(folder / "state.safetensors")


def metrics(folder: Path) -> list[dict[str, float]]:
    """What was logged, without the times."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "left")} for line in lines]


def assert_same_run(folder: Path, other: Path) -> None:
    ours, theirs = state(folder), state(other)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    assert metrics(folder) == metrics(other)


def start(*arguments: object, log: Path) -> subprocess.Popen:
    """`python arguments` as a process of its own; `log` gets what it writes."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("w") as file:
        command = [sys.executable, *map(str, arguments)]
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file)


# --- a run and its continuation


@pytest.mark.parametrize("muon", [2e-3, 0])
def test_resuming_equals_never_having_stopped(tmp_path: Path, muon: float) -> None:
    """Guards against anything that a state forgets or lays out otherwise: optimizers, average, buffers."""
    train(tmp_path / "whole", STEPS, muon_learning_rate=muon)
    chosen = settings(STEPS, muon_learning_rate=muon)
    for stop in (7, 16):
        trainer = Trainer(MirrorTask(), chosen, tmp_path / "parts", lambda step, figures, at=stop: step == at)
        trainer.run()
        assert trainer.step == stop
    train(tmp_path / "parts", STEPS, muon_learning_rate=muon)
    assert_same_run(tmp_path / "parts", tmp_path / "whole")
    assert state(tmp_path / "parts")["buffer.seen"] == 4 * STEPS


def test_a_killed_process_loses_nothing_but_time(tmp_path: Path, unbroken: Path) -> None:
    """Guards against states that only an orderly end completes, and steps that are logged twice."""
    process = start(ROOT / "tests/toy.py", tmp_path, STEPS, "sleep=0.1", log=tmp_path / "log")
    logged, deadline = tmp_path / "metrics.jsonl", time.monotonic() + PATIENCE
    while not (logged.exists() and len(logged.read_text().splitlines()) > 7):
        assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert 7 < len(metrics(tmp_path)) < STEPS
    with logged.open("a") as file:
        file.write('{"step": 9, "lo')  # what a kill in the middle of a write leaves
    (tmp_path / "state.writing").write_bytes(b"half a state")
    train(tmp_path, STEPS)
    assert_same_run(tmp_path, unbroken)


def test_a_finished_run_stays_as_it_is(tmp_path: Path) -> None:
    """Guards against a last step that is taken again whenever the run is started."""
    before = train(tmp_path, 6).ema
    again = train(tmp_path, 6)
    assert again.step == 6 and len(metrics(tmp_path)) == 6
    assert all(torch.equal(again.ema[name], before[name]) for name in before)


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Guards against processes that see the same samples, or never exchange gradients, or both write files.

    The tolerance is that of sums in another order: one part in 10,000 of the loss.
    """
    launch = "accelerate.commands.launch", "--multi_gpu", "--num_processes", 2, "--main_process_port", 0
    script = ROOT / "tests/toy.py", tmp_path / "two", 12, "noise=0"
    process = start("-m", *launch, *script, log=tmp_path / "log")
    one = Trainer(MirrorTask(noise=0), settings(12), tmp_path / "one")
    one.run()
    assert process.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    losses = [[line["loss"] for line in metrics(tmp_path / name)] for name in ("one", "two")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


# --- faults


@pytest.mark.parametrize("nan_in", ["loss", "gradient"])
def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, nan_in: str) -> None:
    """Guards against a state in which every weight is NaN, saved over the last good one."""
    trainer = Trainer(MirrorTask(nan_sample=4 * 6, nan_in=nan_in), settings(STEPS, save_every=2), tmp_path)
    with pytest.raises(TrainingError, match=r"nan.* at step 6.*state\.safetensors"):
        trainer.run()
    assert all(value.isfinite().all() for value in state(tmp_path).values())
    assert Trainer(MirrorTask(), settings(STEPS), tmp_path).step == 6


def test_a_state_half_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a full disk that takes the older state with it."""
    trainer = train(tmp_path, 5)
    before = state(tmp_path)

    def full(tensors: object, path: Path, header: object) -> None:
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(TrainingError, match=r"step 5 could not be written.*No space left"):
        trainer.save()
    after = state(tmp_path)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert [path.name for path in tmp_path.iterdir() if "writing" in path.name] == []


def pickled(path: Path) -> None:
    torch.save({"step": 3}, path)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_checkpoint(path: Path) -> None:
    tiny_checkpoint(path.parent / "checkpoint").joinpath("model.safetensors").replace(path)


def one_tensor_more(path: Path) -> None:
    header = {"step": "3", "settings": '{"muon": 0.002}'}
    safetensors.torch.save_file(state(path.parent) | {"network.more": torch.ones(1)}, path, header)


def of_one_number(path: Path) -> None:
    header = {"step": "3", "settings": '{"muon": 0.002}'}
    tensors = state(path.parent) | {"network.wide.bias": torch.ones(1)}
    safetensors.torch.save_file(tensors, path, header)


FOREIGN = [pickled, truncated, empty, a_checkpoint, one_tensor_more, of_one_number]


@pytest.mark.parametrize("damage", FOREIGN, ids=lambda damage: damage.__name__)
def test_a_foreign_state_is_refused(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Guards against going on from a file that only partly fits."""
    train(tmp_path, 3)
    damage(tmp_path / "state.safetensors")
    with pytest.raises(TrainingError, match=r"does not fit this run .*choose another folder or delete it"):
        Trainer(MirrorTask(), settings(STEPS), tmp_path)


def test_a_state_of_another_network_or_optimizer_is_refused(tmp_path: Path) -> None:
    """Guards against weights that are broadcast to another size, and momentum of the wrong kind."""
    train(tmp_path, 3)
    with pytest.raises(TrainingError, match="its tensors are others"):
        Trainer(MirrorTask(width=32), settings(STEPS), tmp_path)
    with pytest.raises(TrainingError, match=r"its optimizers are those of muon=0\.002"):
        Trainer(MirrorTask(), settings(STEPS, muon_learning_rate=0), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be at least 1; got 0"),
        ({"batch": -4}, "batch must be at least 1; got -4"),
        ({"save_every": 0}, "save_every must be at least 1; got 0"),
        ({"precision": "fp16"}, "precision is auto, fp32 or bf16; got 'fp16'"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    """Guards against runs that silently do nothing, or compute otherwise than was asked."""
    with pytest.raises(ValueError, match=message):
        TrainingSettings(**({"steps": 1, "batch": 4} | changes))


# --- the rest of the loop


def test_the_learning_rate_is_a_trapezoid(tmp_path: Path) -> None:
    """Guards against a first or last step with rate 0, which would be wasted, and against a rate above 1."""
    rate = Trainer(MirrorTask(), settings(100, warmup=10, decay_fraction=0.3), tmp_path).lr_scale
    rates = [rate(step) for step in (0, 4, 9, 50, 70, 85, 99)]
    assert rates == pytest.approx([0.1, 0.5, 1, 1, 1, 0.5, 1 / 30])
    assert all(0 < rate(step) <= 1 for step in range(100))
    constant = Trainer(MirrorTask(), settings(5, warmup=0, decay_fraction=0), tmp_path).lr_scale
    assert [constant(step) for step in range(5)] == [1] * 5


def test_a_run_ends_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against runs that overrun a lent machine, and against a rate that has not fallen by then."""
    ticks = itertools.count()
    monkeypatch.setattr("dalle.training.trainer.time.monotonic", lambda: float(next(ticks)))  # one a step
    schedule = settings(10**6, minutes=0.5, warmup=0, decay_fraction=0.5)
    trainer = Trainer(MirrorTask(), schedule, tmp_path)
    trainer.run()
    rates = [line["rate"] for line in metrics(tmp_path)]
    assert trainer.done and trainer.seconds == trainer.step == len(rates) == 30
    assert rates[:15] == [1.0] * 15 and rates[-1] == pytest.approx(1 / 15)
    assert Trainer(MirrorTask(), schedule, tmp_path).done, "a resumed run knows the time that it had"


def test_logs_wait_for_the_device_as_seldom_as_asked(tmp_path: Path) -> None:
    """Guards against a wait for the accelerator at every step."""
    train(tmp_path, 10, log_every=4)
    assert [line["step"] for line in metrics(tmp_path)] == [4, 8]


class TwiceTask(MirrorTask):
    """Loads two batches at once and trains on each twice, then with the pictures turned upside down."""

    load_factor, batches_per_load = 2, 4

    def expand(self, loaded):
        indices, pictures = loaded
        for half in (slice(0, 4), slice(4, 8)):
            yield indices[half], pictures[half]
            yield indices[half], pictures[half].flip(-2)


def test_a_run_resumes_between_the_batches_of_a_load(tmp_path: Path) -> None:
    """Guards against a load that is trained on once more, or once less, after a stop."""
    for folder, stops in (("whole", [9]), ("parts", [3, 6, 9])):
        for steps in stops:
            task = TwiceTask()
            stop_at = None if steps == 9 else lambda step, _, last=steps: step == last
            Trainer(task, settings(9), tmp_path / folder, stop_at).run()
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_the_average_comes_and_goes(tmp_path: Path) -> None:
    """Guards against training that goes on from the average, also after an error in the middle of a sheet."""
    trainer = train(tmp_path, 10)
    trained = {name: value.detach().clone() for name, value in trainer.parameters.items()}
    average = {name: value.clone() for name, value in trainer.ema.items()}
    assert any(not torch.equal(trained[name], average[name]) for name in trained)
    with pytest.raises(KeyError), trainer.ema_weights():
        assert all(torch.equal(trainer.parameters[name], average[name]) for name in average)
        raise KeyError
    assert all(torch.equal(trainer.parameters[name], trained[name]) for name in trained)
    assert all(torch.equal(trainer.ema[name], average[name]) for name in average)
    with Image.open(tmp_path / "sheets" / "0000010.png") as sheet:
        assert sheet.getpixel((0, 0)) == round(255 * float(average["scale"]))


def test_what_is_frozen_stays(tmp_path: Path) -> None:
    """Guards against weights that were to stay as they are and decay all the same."""
    task = MirrorTask()
    task.narrow.requires_grad_(False)
    before = task.narrow.weight.clone()
    Trainer(task, settings(5), tmp_path).run()
    assert torch.equal(task.narrow.weight, before)


def test_it_learns(tmp_path: Path) -> None:
    """Guards against updates in the wrong direction."""

    class Constant(MirrorTask):
        def forward(self, batch: tuple) -> tuple:
            return (self.wide.bias - 1).square().mean() + self.narrow.weight.square().mean(), {}

    task = Constant()
    Trainer(task, settings(100, learning_rate=0.05, weight_decay=0), tmp_path).run()
    assert isinstance(task, nn.Module) and metrics(tmp_path)[-1]["loss"] < 0.01 < metrics(tmp_path)[0]["loss"]
