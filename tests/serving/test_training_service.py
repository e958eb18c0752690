"""Laws of the workshop: whose a run is, whose turn it is, and how much anybody may take."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from dalle import runtime
from dalle.data.folder.archive import FolderError
from dalle.finetuning import forecast, plan, runs
from dalle.finetuning.runs import Run
from dalle.pipeline import checkpoint_archive
from dalle.serving.training_service import ABANDONED, DRAFTS, HOSTED, Limits, TrainingService
from tests.blorples import CAPTION

ME, YOU = "me, by a secret", "you, by another"

pytestmark = pytest.mark.usefixtures("module_accelerator")


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "fast_bfloat16", lambda: False)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs whose process would have been started; the last of them trains."""
    names: list[str] = []

    def start(run: Run) -> None:
        runs.record(run, "training")
        lock = {"run": run.name, "pid": os.getpid(), "born": runs.process_start_time(os.getpid())}
        (run.folder.parent / "lock.json").write_text(json.dumps(lock))
        names.append(run.name)

    monkeypatch.setattr(runs, "start", start)
    return names


def workshop(tmp_path: Path, shared: bool = False, **limits: object) -> TrainingService:
    return TrainingService(tmp_path / "runs", Limits(**{"free_bytes": 1} | limits), shared)


def begin(shop: TrainingService, visitor: str, pictures: Path, base: Path, caption: str = CAPTION) -> Run:
    draft = shop.gather(visitor, pictures)
    return shop.start(visitor, [(name, caption) for name, _ in draft.rows], base, "quick")


def ends(shop: TrainingService, run: Run) -> None:
    """A run's process ends."""
    runs.record(run, "done")
    (shop.home / "lock.json").unlink()
    shop.tick()


# --- whose


def test_a_visitor_sees_only_their_own(
    tmp_path: Path, pictures: Path, base: Path, started: list[str]
) -> None:
    """Guards against a shared page where a stranger's pictures are seen, stopped or deleted by name."""
    shop = workshop(tmp_path, shared=True)
    run = begin(shop, ME, pictures, base)
    nobody = runs.create(shop.home, "by-hand")
    runs.record(nobody, "done")
    assert [found.name for found in shop.runs(ME)] == [run.name] and shop.runs(YOU) == []
    for act in (shop.run, shop.delete, shop.resume):
        for name in (run.name, nobody.name, "../runs"):
            with pytest.raises(ValueError, match="there is no run"):
                act(YOU, name)
    assert shop.draft(YOU) is None
    assert ME not in "".join(path.read_text() for path in shop.home.rglob("*.txt"))  # its digest alone
    alone = TrainingService(shop.home)
    assert {found.name for found in alone.runs(YOU)} == {run.name, nobody.name}


def test_a_draft_waits_for_its_start(tmp_path: Path, pictures: Path, base: Path, started: list[str]) -> None:
    """Guards against pictures that a reload loses, and a refused zip that takes the old pictures along."""
    shop = workshop(tmp_path)
    first = shop.gather(ME, pictures)
    assert shop.draft(ME) == first and len(first.items) == 5
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(FolderError, match="damaged"):
        shop.gather(ME, tmp_path / "bad.zip")
    assert TrainingService(shop.home).draft(ME) == first
    shop.forget(ME)
    shop.gather(ME, [pictures / "0.png"])
    draft = shop.gather(ME, [pictures / "1.png"])  # is added
    assert draft == shop.draft(ME) and [item.name for item in draft.items] == ["0.png", "1.png"]
    with pytest.raises(ValueError, match="2 pictures have no caption"):
        shop.start(ME, draft.rows, base, "quick")
    run = shop.start(ME, [("0.png", "my cat"), ("1.png", "my cat")], base, "quick", how="pad")
    assert run.name == "my-cat" and shop.draft(ME) is None
    assert plan.Plan.load(run.folder).how == "pad"
    with pytest.raises(ValueError, match="no pictures to learn from"):
        shop.start(ME, [], base, "quick")
    shop.gather(ME, pictures)
    shop.keep_captions(ME, [(shop.draft(ME).rows[0][0], "a gloop"), ("none.png", "x")])
    assert shop.draft(ME).rows[0][1] == "a gloop" and shop.draft(YOU) is None
    shop.forget(ME)
    assert shop.draft(ME) is None


def test_a_caption_typed_at_the_last_moment_is_typed(
    tmp_path: Path, pictures: Path, base: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a start that reads half of a draft before, and half after, a caption is kept in it."""
    shop = workshop(tmp_path)
    rows = [(name, CAPTION) for name, _ in shop.gather(ME, pictures).rows]
    keeper = threading.Thread(target=shop.keep_captions, args=(ME, rows))
    loads = json.loads

    def interrupted(text: str) -> object:
        if not keeper.ident:  # the draft's report was read, its captions not yet
            keeper.start()
            keeper.join(0.5)
        return loads(text)

    todo = plan.make_plan(base)
    monkeypatch.setattr(plan, "make_plan", lambda *given, **chosen: todo)  # which reads JSON of its own
    monkeypatch.setattr(json, "loads", interrupted)
    run = shop.start(ME, rows, base, "quick")
    keeper.join()
    assert set(loads((run.folder / "data/report.json").read_text())["sources"].values()) == {"typed"}


@pytest.mark.parametrize(
    "error", [OSError("no space left"), ValueError("is done"), runs.RunActive("training")]
)
def test_a_start_that_fails_leaves_the_draft(
    error: Exception, tmp_path: Path, pictures: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a full disk that costs the visitor's pictures, and a folder that no run is seen of."""
    shop = workshop(tmp_path)
    draft = shop.gather(ME, pictures)
    rows = [(name, CAPTION) for name, _ in draft.rows]

    def fail(run: Run) -> None:
        raise error

    monkeypatch.setattr(runs, "enqueue", fail)
    with pytest.raises(type(error), match=str(error)):
        shop.start(ME, rows, base, "quick")
    assert [item.name for item in shop.draft(ME).items] == [item.name for item in draft.items]
    assert [path.name for path in shop.home.iterdir()] == [DRAFTS]


def test_old_drafts_are_thrown_away(tmp_path: Path, pictures: Path) -> None:
    """Guards against a disk full of pictures that nobody comes back for."""
    shop = workshop(tmp_path)
    shop.gather(YOU, pictures)
    (old,) = (shop.home / DRAFTS).iterdir()
    long_ago = time.time() - 2 * ABANDONED
    os.utime(old, (long_ago, long_ago))
    shop.gather(ME, pictures)
    assert shop.draft(YOU) is None and shop.draft(ME)


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "  ", ".", "x" * 500, "苹果", "-"])
def test_any_name_will_do(name: str, tmp_path: Path, pictures: Path, base: Path, started: list[str]) -> None:
    """Guards against a name that leads out of the folder, and two runs of one name."""
    shop = workshop(tmp_path)
    for _ in range(2):
        draft = shop.gather(ME, pictures)
        run = shop.start(ME, [(file, "!") for file, _ in draft.rows], base, "quick", name)
        assert run.folder.parent == shop.home and runs.NAME.fullmatch(run.name)
    assert run.name.endswith("-2")


# --- whose turn


def test_one_at_a_time_in_order(tmp_path: Path, pictures: Path, base: Path, started: list[str]) -> None:
    """Guards against two trainings on two cores, a queue that forgets, and one that a restart loses."""
    shop = workshop(tmp_path, shared=True)
    first, second, third = (
        begin(shop, visitor, pictures, base, caption)
        for visitor, caption in ((ME, "one"), (YOU, "two"), (ME, "three"))
    )
    assert started == ["one"] and [shop.place(run) for run in (first, second, third)] == [0, 1, 2]
    assert second.status().state == "waiting"
    with pytest.raises(runs.RunActive, match="training already"):
        shop.resume(ME, "one")
    third.stop()
    assert third.status().state == "stopped"
    again = TrainingService(shop.home, shop.limits, shared=True)  # the server is started again
    again.tick()
    assert started == ["one"] and again.place(second) == 1
    again.resume(ME, "three")
    ends(again, first)
    assert started == ["one", "two"] and again.place(third) == 1
    ends(again, second)
    assert started == ["one", "two", "three"]
    with pytest.raises(ValueError, match="is done"):
        again.resume(ME, "one")


def test_a_run_that_cannot_start_lets_the_next(
    tmp_path: Path, pictures: Path, base: Path, monkeypatch: pytest.MonkeyPatch, started: list[str]
) -> None:
    """Guards against a queue that stands still behind a broken run."""
    shop, start = workshop(tmp_path), runs.start
    for caption in ("one", "broken", "three"):
        begin(shop, ME, pictures, base, caption)

    def fail(run: Run) -> None:
        if run.name == "broken":
            raise OSError("no such python")
        start(run)

    monkeypatch.setattr(runs, "start", fail)
    ends(shop, shop.run(ME, "one"))
    assert started == ["one", "three"]
    status = shop.run(ME, "broken").status()
    assert (status.state, status.error) == ("failed", "no such python")


# --- how much


def test_limits(tmp_path: Path, pictures: Path, base: Path, started: list[str]) -> None:
    """Guards against a visitor who fills the disk, or trains for ever."""
    shop = workshop(tmp_path, pictures=3, steps=500, hours=1)
    draft = shop.gather(ME, pictures)
    assert len(draft.items) == 3 and {problem.kind for problem in draft.problems} == {"refused"}
    rows = [(name, CAPTION) for name, _ in draft.rows]
    assert shop.limits.presets == ["quick"]
    with pytest.raises(ValueError, match="no preset 'thorough' here; choose quick"):
        shop.start(ME, rows, base, "thorough")
    for limits, words in (({"disk_bytes": 10}, "delete one first"), ({"free_bytes": 2**60}, "make room")):
        full = workshop(tmp_path, **limits)
        with pytest.raises(ValueError, match=words):
            full.gather(ME, pictures)
        with pytest.raises(ValueError, match=words):
            full.start(ME, rows, base, "quick")
    run = shop.start(ME, rows, base, "quick")
    shop.tick()
    assert not (run.folder / "stop").exists()
    long_ago = time.time() - 3601
    os.utime(shop.home / "lock.json", (long_ago, long_ago))
    shop.tick()
    assert (run.folder / "stop").exists()
    assert HOSTED.presets and len(HOSTED.presets) < len(Limits().presets)


def test_the_queue_is_bounded(tmp_path: Path, pictures: Path, base: Path, started: list[str]) -> None:
    """Guards against a visitor who fills the queue for days, and costs the others their turns."""
    shop = workshop(tmp_path, shared=True, waiting=2, waiting_each=1)
    first, second = (begin(shop, ME, pictures, base, caption) for caption in ("one", "two"))
    assert started == ["one"] and second.status().state == "waiting"
    with pytest.raises(ValueError, match=r"as many of your runs wait for their turn as may \(1\)"):
        begin(shop, ME, pictures, base, "three")
    assert shop.draft(ME) and len(shop.runs(ME)) == 2
    begin(shop, YOU, pictures, base, "four")
    with pytest.raises(ValueError, match=r"as many runs wait for their turn as may \(2\)"):
        begin(shop, "somebody else", pictures, base, "five")
    second.stop()
    shop.start(ME, [(name, CAPTION) for name, _ in shop.draft(ME).rows], base, "quick", "three")
    with pytest.raises(ValueError, match="as many runs wait"):
        shop.resume(ME, "two")
    ends(shop, first)
    assert started == ["one", "four"]
    assert HOSTED.waiting_each == 1 < HOSTED.waiting < Limits().waiting


def test_what_is_to_be_expected(
    tmp_path: Path, pictures: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against times of presets that are not offered, and a forecast that uses up the draft."""
    shop = workshop(tmp_path, steps=1000)
    with pytest.raises(ValueError, match="choose some first"):
        shop.outlook(ME, base)
    shop.gather(ME, pictures)
    asked, measure = [], forecast.measure_in_subprocess
    monkeypatch.setattr(forecast, "measure_in_subprocess", lambda of: asked.append(of) or measure(of))
    outlook = shop.outlook(ME, base)
    assert asked == [base]  # in a process of its own, as the run will be
    assert list(outlook.seconds) == ["quick", "good"]
    assert 0 < outlook.seconds["quick"] < outlook.seconds["good"]
    assert outlook.adapts == (outlook.psnr < plan.POOR) and outlook.sheet.width > 5 * 32
    assert len(shop.draft(ME).items) == 5 and shop.outlook(ME, base) is outlook
    shop.gather(ME, pictures)
    assert shop.outlook(ME, base) is not outlook


def test_a_checkpoint_that_is_brought(tmp_path: Path, base: Path) -> None:
    """Guards against a checkpoint that cannot be seen or deleted, and half a run where one is refused."""
    shop = workshop(tmp_path, shared=True)
    path = tmp_path / "mine.zip"
    path.write_bytes(checkpoint_archive.export_zip(base, "mine"))
    run = shop.take_in(ME, [path])
    assert (run.name, run.status().state) == ("mine", "done") and run.checkpoint is not None
    assert shop.runs(YOU) == [] and shop.runs(ME) == [run]
    with pytest.raises(ValueError, match="no part of a checkpoint"):
        shop.take_in(ME, [Path(__file__)])
    shop.delete(ME, "mine")
    assert shop.runs(ME) == [] and {path.name for path in shop.home.iterdir()} == {".guard"}
