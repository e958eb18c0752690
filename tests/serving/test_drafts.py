"""Drafts: what a visitor uploads and types is kept until training starts, or the draft expires."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from dalle import runtime
from dalle.data.folder.archive import SourceError
from dalle.finetuning import forecast, plan, run_process
from dalle.finetuning.runs import Run
from dalle.serving import training_service
from dalle.serving.drafts import DRAFT_LIFETIME, DRAFTS_FOLDER, Drafts
from dalle.serving.training_limits import Limits
from dalle.serving.training_service import TrainingService
from tests.training_runs import CAPTION

ME, YOU = "me, by a secret", "you, by another"

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "bfloat16_is_faster", lambda: False)


def make_drafts(tmp_path: Path, **limits: object) -> Drafts:
    (tmp_path / "runs").mkdir(exist_ok=True)
    return Drafts(tmp_path / "runs", Limits(**{"free_bytes": 1} | limits))


def test_a_draft_is_kept(tmp_path: Path, pictures: Path) -> None:
    """Guards against images that a reload loses, and a refused zip that takes the old images along."""
    drafts = make_drafts(tmp_path)
    first = drafts.import_images(ME, pictures)
    assert drafts.get(ME) == first and len(first.items) == 5
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(SourceError, match="damaged"):
        drafts.import_images(ME, tmp_path / "bad.zip")
    assert make_drafts(tmp_path).get(ME) == first
    drafts.discard(ME)
    drafts.import_images(ME, [pictures / "0.png"])
    draft = drafts.import_images(ME, [pictures / "1.png"])  # is added
    assert draft == drafts.get(ME) and [item.name for item in draft.items] == ["0.png", "1.png"]
    drafts.save_captions(ME, [("0.png", "a gloop"), ("none.png", "x")])
    assert drafts.get(ME).rows[0][1] == "a gloop" and drafts.get(YOU) is None
    drafts.discard(ME)
    assert drafts.get(ME) is None


def test_a_caption_that_is_typed_during_the_start(
    tmp_path: Path, pictures: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a start that reads one file of a draft before, the other after, a caption is saved."""

    def start(run: Run) -> None:
        """No process."""

    monkeypatch.setattr(run_process, "start", start)
    service = TrainingService(tmp_path / "runs", Limits(free_bytes=1))
    rows = [(name, CAPTION) for name, _ in service.drafts.import_images(ME, pictures).rows]
    typing = threading.Thread(target=service.drafts.save_captions, args=(ME, rows))
    loads = json.loads

    def loads_slowly(text: str) -> object:
        if not typing.ident:  # report.json of the draft was read, metadata.csv not yet
            typing.start()
            typing.join(0.5)
        return loads(text)

    made = plan.make_plan(base)
    monkeypatch.setattr(training_service, "make_plan", lambda *_, **__: made)  # which reads other JSON
    monkeypatch.setattr(json, "loads", loads_slowly)
    run = service.start(ME, rows, base, "quick")
    typing.join()
    assert set(loads((run.folder / "data/report.json").read_text())["sources"].values()) == {"typed"}


def test_old_drafts_are_deleted(tmp_path: Path, pictures: Path) -> None:
    """Guards against a disk full of images that nobody comes back for."""
    drafts = make_drafts(tmp_path)
    drafts.import_images(YOU, pictures)
    (old,) = (drafts.home / DRAFTS_FOLDER).iterdir()
    long_ago = time.time() - 2 * DRAFT_LIFETIME
    os.utime(old, (long_ago, long_ago))
    drafts.import_images(ME, pictures)
    assert drafts.get(YOU) is None and drafts.get(ME)


def test_the_forecast(tmp_path: Path, pictures: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against times of presets that are not offered, and a forecast that uses up the draft."""
    drafts = make_drafts(tmp_path, steps=1000)
    with pytest.raises(ValueError, match="choose some first"):
        drafts.forecast(ME, base)
    drafts.import_images(ME, pictures)
    measured, measure = [], forecast.measure_in_subprocess
    monkeypatch.setattr(
        forecast, "measure_in_subprocess", lambda path: measured.append(path) or measure(path)
    )
    first = drafts.forecast(ME, base)
    assert measured == [base]  # in a process of its own, as the run will be
    assert list(first.seconds) == ["quick", "good"]
    assert 0 < first.seconds["quick"] < first.seconds["good"]
    assert first.adapts_generator == (first.psnr < plan.MIN_RECONSTRUCTION_PSNR)
    assert first.reconstructions.width > 5 * 32
    assert len(drafts.get(ME).items) == 5 and drafts.forecast(ME, base) is first
    drafts.import_images(ME, pictures)
    assert drafts.forecast(ME, base) is not first
