"""The training service: who owns a run, whose turn it is, and how much anybody may take."""

import os
import time
from pathlib import Path

import pytest

from dalle import runtime
from dalle.finetuning import run_lock, run_process, runs
from dalle.finetuning.plan import Plan
from dalle.finetuning.runs import Run
from dalle.pipeline import checkpoint_archive
from dalle.serving.drafts import DRAFTS_FOLDER
from dalle.serving.training_limits import HOSTED_LIMITS, Limits
from dalle.serving.training_service import TrainingService
from tests.training_runs import CAPTION, write_lock_file

ME, YOU = "me, by a secret", "you, by another"

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "bfloat16_is_faster", lambda: False)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs whose process would have been started; the last of them is training."""
    names: list[str] = []

    def start(run: Run) -> None:
        runs.record_state(run, "training")
        write_lock_file(run.home, run.name, os.getpid(), run_lock.process_start_time(os.getpid()))
        names.append(run.name)

    monkeypatch.setattr(run_process, "start", start)
    return names


def make_service(tmp_path: Path, shared: bool = False, **limits: object) -> TrainingService:
    return TrainingService(tmp_path / "runs", Limits(**{"free_bytes": 1} | limits), shared)


def start_run(
    service: TrainingService, visitor: str, pictures: Path, base: Path, caption: str = CAPTION
) -> Run:
    draft = service.drafts.import_images(visitor, pictures)
    return service.start(visitor, [(name, caption) for name, _ in draft.rows], base, "quick")


def end_run(service: TrainingService, run: Run) -> None:
    """The process of a run ends."""
    runs.record_state(run, "done")
    (service.home / "lock.json").unlink()
    service.poll()


# --- ownership


def test_a_visitor_sees_only_their_own_runs(
    tmp_path: Path, pictures: Path, base: Path, started: list[str]
) -> None:
    """Guards against a shared page where a stranger's images are seen, stopped or deleted by name."""
    service = make_service(tmp_path, shared=True)
    run = start_run(service, ME, pictures, base)
    without_owner = runs.create(service.home, "by-hand")
    runs.record_state(without_owner, "done")
    assert [run.name for run in service.runs(ME)] == [run.name] and service.runs(YOU) == []
    for action in (service.run, service.delete, service.resume):
        for name in (run.name, without_owner.name, "../runs"):
            with pytest.raises(ValueError, match="there is no run"):
                action(YOU, name)
    assert service.drafts.get(YOU) is None
    assert ME not in "".join(path.read_text() for path in service.home.rglob("*.txt"))  # only a digest
    not_shared = TrainingService(service.home)
    assert {run.name for run in not_shared.runs(YOU)} == {run.name, without_owner.name}


def test_a_draft_becomes_a_run(tmp_path: Path, pictures: Path, base: Path, started: list[str]) -> None:
    """Guards against a start without captions, with wrong settings, or of the same draft twice."""
    service = make_service(tmp_path)
    service.drafts.import_images(ME, [pictures / "0.png", pictures / "1.png"])
    draft = service.drafts.get(ME)
    with pytest.raises(ValueError, match="2 pictures have no caption"):
        service.start(ME, draft.rows, base, "quick")
    rows = [("0.png", "my cat"), ("1.png", "my cat")]
    run = service.start(ME, rows, base, "quick", resize_mode="pad")
    assert run.name == "my-cat" and service.drafts.get(ME) is None
    assert Plan.load(run.folder).resize_mode == "pad"
    with pytest.raises(ValueError, match="no pictures to learn from"):
        service.start(ME, [], base, "quick")


@pytest.mark.parametrize(
    "error", [OSError("no space left"), ValueError("is done"), run_lock.RunActive("training")]
)
def test_a_start_that_fails_leaves_the_draft(
    error: Exception, tmp_path: Path, pictures: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a full disk that costs the visitor's images, and the folder of a run nobody sees."""
    service = make_service(tmp_path)
    draft = service.drafts.import_images(ME, pictures)
    rows = [(name, CAPTION) for name, _ in draft.rows]

    def fail(run: Run) -> None:
        raise error

    monkeypatch.setattr(run_process, "enqueue", fail)
    with pytest.raises(type(error), match=str(error)):
        service.start(ME, rows, base, "quick")
    assert [item.name for item in service.drafts.get(ME).items] == [item.name for item in draft.items]
    assert [path.name for path in service.home.iterdir()] == [DRAFTS_FOLDER]


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "  ", ".", "x" * 500, "苹果", "-"])
def test_any_name_is_made_a_run_name(
    name: str, tmp_path: Path, pictures: Path, base: Path, started: list[str]
) -> None:
    """Guards against a name that leads out of the folder, and two runs of one name."""
    service = make_service(tmp_path)
    for _ in range(2):
        draft = service.drafts.import_images(ME, pictures)
        run = service.start(ME, [(file, "!") for file, _ in draft.rows], base, "quick", name)
        assert run.folder.parent == service.home and runs.RUN_NAME.fullmatch(run.name)
    assert run.name.endswith("-2")


def test_an_imported_checkpoint(tmp_path: Path, base: Path) -> None:
    """Guards against a checkpoint that cannot be seen or deleted, and half a run after a refusal."""
    service = make_service(tmp_path, shared=True)
    path = tmp_path / "mine.zip"
    path.write_bytes(checkpoint_archive.export_zip(base, "mine"))
    run = service.import_checkpoint(ME, [path])
    assert (run.name, run.status().state) == ("mine", "done") and run.checkpoint is not None
    assert service.runs(YOU) == [] and service.runs(ME) == [run]
    with pytest.raises(ValueError, match="no part of a checkpoint"):
        service.import_checkpoint(ME, [Path(__file__)])
    service.delete(ME, "mine")
    assert service.runs(ME) == [] and {path.name for path in service.home.iterdir()} == {".guard"}


# --- queue


def test_runs_train_one_at_a_time_in_order(
    tmp_path: Path, pictures: Path, base: Path, started: list[str]
) -> None:
    """Guards against two trainings on two cores, a queue that forgets, and one that a restart loses."""
    service = make_service(tmp_path, shared=True)
    first, second, third = (
        start_run(service, visitor, pictures, base, caption)
        for visitor, caption in ((ME, "one"), (YOU, "two"), (ME, "three"))
    )
    assert started == ["one"] and [service.queue_position(run) for run in (first, second, third)] == [0, 1, 2]
    assert second.status().state == "waiting"
    with pytest.raises(run_lock.RunActive, match="training already"):
        service.resume(ME, "one")
    third.stop()
    assert third.status().state == "stopped"
    restarted = TrainingService(service.home, service.limits, shared=True)
    restarted.poll()
    assert started == ["one"] and restarted.queue_position(second) == 1
    restarted.resume(ME, "three")
    end_run(restarted, first)
    assert started == ["one", "two"] and restarted.queue_position(third) == 1
    end_run(restarted, second)
    assert started == ["one", "two", "three"]
    with pytest.raises(ValueError, match="is done"):
        restarted.resume(ME, "one")


def test_the_queue_skips_a_run_that_cannot_start(
    tmp_path: Path, pictures: Path, base: Path, monkeypatch: pytest.MonkeyPatch, started: list[str]
) -> None:
    """Guards against a queue that stands still behind a broken run."""
    service, start = make_service(tmp_path), run_process.start
    for caption in ("one", "broken", "three"):
        start_run(service, ME, pictures, base, caption)

    def fail(run: Run) -> None:
        if run.name == "broken":
            raise OSError("no such python")
        start(run)

    monkeypatch.setattr(run_process, "start", fail)
    end_run(service, service.run(ME, "one"))
    assert started == ["one", "three"]
    status = service.run(ME, "broken").status()
    assert (status.state, status.error) == ("failed", "no such python")


def test_the_queue_is_bounded(tmp_path: Path, pictures: Path, base: Path, started: list[str]) -> None:
    """Guards against a visitor who fills the queue for days, and takes the turns of others."""
    service = make_service(tmp_path, shared=True, waiting=2, waiting_per_visitor=1)
    first, second = (start_run(service, ME, pictures, base, caption) for caption in ("one", "two"))
    assert started == ["one"] and second.status().state == "waiting"
    with pytest.raises(ValueError, match=r"as many of your runs wait for their turn as may \(1\)"):
        start_run(service, ME, pictures, base, "three")
    assert service.drafts.get(ME) and len(service.runs(ME)) == 2
    start_run(service, YOU, pictures, base, "four")
    with pytest.raises(ValueError, match=r"as many runs wait for their turn as may \(2\)"):
        start_run(service, "somebody else", pictures, base, "five")
    second.stop()
    rows = [(name, CAPTION) for name, _ in service.drafts.get(ME).rows]
    service.start(ME, rows, base, "quick", "three")
    with pytest.raises(ValueError, match="as many runs wait"):
        service.resume(ME, "two")
    end_run(service, first)
    assert started == ["one", "four"]
    assert HOSTED_LIMITS.waiting_per_visitor == 1 < HOSTED_LIMITS.waiting < Limits().waiting


# --- limits


def test_limits(tmp_path: Path, pictures: Path, base: Path, started: list[str]) -> None:
    """Guards against a visitor who fills the disk, or trains for ever."""
    service = make_service(tmp_path, pictures=3, steps=500, hours=1)
    draft = service.drafts.import_images(ME, pictures)
    assert len(draft.items) == 3 and {problem.kind for problem in draft.issues} == {"refused"}
    rows = [(name, CAPTION) for name, _ in draft.rows]
    assert service.limits.presets == ["quick"]
    with pytest.raises(ValueError, match="no preset 'thorough' here; choose quick"):
        service.start(ME, rows, base, "thorough")
    for limits, message in (({"disk_bytes": 10}, "delete one first"), ({"free_bytes": 2**60}, "make room")):
        full = make_service(tmp_path, **limits)
        with pytest.raises(ValueError, match=message):
            full.drafts.import_images(ME, pictures)
        with pytest.raises(ValueError, match=message):
            full.start(ME, rows, base, "quick")
    run = service.start(ME, rows, base, "quick")
    service.poll()
    assert not run.stop_requested
    long_ago = time.time() - 3601
    os.utime(service.home / "lock.json", (long_ago, long_ago))
    service.poll()
    assert run.stop_requested
    assert HOSTED_LIMITS.presets and len(HOSTED_LIMITS.presets) < len(Limits().presets)
