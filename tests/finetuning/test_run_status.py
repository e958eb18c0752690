"""status.json: the progress, the requests to stop, and the errors of a run, as its process reports them."""

import time
from pathlib import Path

import pytest

from dalle.finetuning import run_status
from dalle.finetuning.run_process import run_in_this_process
from dalle.finetuning.run_status import Status
from tests.training_runs import run_with_state


def test_progress_and_errors_are_reported(tmp_path: Path) -> None:
    """Guards against a page that guesses: step, loss, time left and the text of an error are in the file."""
    run = run_with_state(tmp_path)
    with run_in_this_process(run) as reporter:
        assert not reporter("preparing", 1, 2)
        reporter("training", 1, 9, 0.5)
        reporter.times.clear()
        reporter.times.append((1, time.monotonic() - 10))
        reporter.status = Status("training")
        reporter("training", 2, 9, 0.25)
        status = run.status()
        assert (status.state, status.step, status.steps, status.loss) == ("training", 2, 9, 0.25)
        assert 65 < status.seconds_left < 80 and abs(status.heartbeat - time.time()) < 30
        run.stop()
        assert reporter("training", 3, 9, 0.25)
        assert run.status().step == 3
        reporter.end("stopped")
    assert run.status().state == "stopped" and not run.stop_requested and not run.alive
    for error, text in (
        (ValueError("no pictures"), "no pictures"),
        (KeyError("x"), "KeyError: 'x'"),
        (OSError(28, "No space left on device"), "the disk is full"),
    ):
        with pytest.raises(type(error)), run_in_this_process(run):
            raise error
        assert run.status().state == "failed" and text in run.status().error
    with pytest.raises(KeyboardInterrupt), run_in_this_process(run) as reporter:
        reporter("training", 4, 9, 0.1)
        raise KeyboardInterrupt
    assert run.status().state == "interrupted"


def test_a_full_disk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a failure that cannot be recorded, because no new file can be written."""
    run = run_with_state(tmp_path)

    def fail(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), run_in_this_process(run) as reporter:
        reporter("training", 5, 9, 0.5)
        monkeypatch.setattr(run_status, "write_text_atomically", fail)
        files_before = sorted(run.folder.iterdir())
        raise OSError(28, "No space left on device")
    assert run.status().state == "failed" and "make room" in run.status().error
    assert sorted(run.folder.iterdir()) == files_before
