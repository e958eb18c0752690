"""Laws of drawing for many visitors at once, counted in turns, on a painter that only counts."""

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from dalle.recipe import Recipe
from dalle.serving import scheduler
from dalle.serving.requests import Frame, GenerationRequest, QueueFull
from dalle.serving.scheduler import Scheduler

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20  # seconds until a test that hangs fails


class CountingPainter:
    """Draws nothing, keeps what each turn was for, and stops before a turn until the test lets it go on."""

    def __init__(self) -> None:
        self.turns: list[tuple[str, list[Recipe]]] = []
        self.gate = threading.Semaphore(0)

    def prepare(self, recipe: Recipe) -> SimpleNamespace:
        if recipe.prompt == "cannot begin":
            raise ValueError("cannot begin")
        return SimpleNamespace(recipe=recipe, steps_taken=0)

    def step(self, drawings: list[SimpleNamespace]) -> None:
        self._turn("step", drawings)
        if any(drawing.recipe.prompt == "breaks" and drawing.steps_taken == 2 for drawing in drawings):
            raise ArithmeticError("breaks")
        for drawing in drawings:
            drawing.steps_taken += 1

    def decode(self, drawings: list[SimpleNamespace]) -> list[str]:
        self._turn("paint", drawings)
        return [f"{drawing.recipe.prompt} at {drawing.steps_taken}" for drawing in drawings]

    def _turn(self, what: str, drawings: list[SimpleNamespace]) -> None:
        assert len(drawings) <= scheduler.MAX_BATCH
        self.turns.append((what, [drawing.recipe for drawing in drawings]))
        assert self.gate.acquire(timeout=PATIENCE)

    def go_on(self, turns: int = 5000) -> None:
        self.gate.release(turns)

    def turns_for(self, prompt: str) -> list[int]:
        """The numbers of the turns in which a recipe of this prompt had a part."""
        return [n for n, (_, recipes) in enumerate(self.turns) if any(r.prompt == prompt for r in recipes)]

    def wait_for_turn(self, count: int) -> None:
        """Until turn number `count`, from 1, has begun."""
        until(lambda: len(self.turns) >= count)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


@pytest.fixture
def painter() -> CountingPainter:
    return CountingPainter()


@pytest.fixture
def work(painter: CountingPainter) -> Iterator[Scheduler]:
    work = Scheduler(max_waiting=2)
    yield work
    painter.go_on()
    work.close()


@pytest.fixture
def visitors(painter: CountingPainter) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as pool:
        yield pool
        painter.go_on()


def ask(
    visitors: ThreadPoolExecutor,
    work: Scheduler,
    painter: CountingPainter,
    prompt: str,
    count: int = 1,
    steps: int = 12,
    **how: object,
) -> Future[list[Frame]]:
    """A visitor who watches a request to its end; returns once there was a frame, or will be none."""
    recipes = [Recipe(prompt, seed=seed, steps=steps) for seed in range(count)]
    request = GenerationRequest(painter, recipes, **how)
    seen: list[Frame] = []

    def watch() -> list[Frame]:
        for frame in work.follow(request):
            seen.append(frame)
        return seen

    future = visitors.submit(watch)
    until(lambda: seen or future.done())
    return future


def test_a_slider_waits_for_one_turn_of_a_gallery_at_most(painter, work, visitors) -> None:
    """Guards against sliders that crawl, or stand in line, while somebody draws sixteen pictures."""
    gallery = ask(visitors, work, painter, "gallery", count=16)
    painter.wait_for_turn(1)  # a turn of the gallery runs: it is the one that the slider waits for
    first = ask(visitors, work, painter, "first", priority=True)
    painter.go_on(4)
    painter.wait_for_turn(5)  # the fourth turn of the first slider: the second one waits for none so far
    second = ask(visitors, work, painter, "second", priority=True)
    painter.go_on()
    for future in (gallery, first, second):
        assert future.result(PATIENCE)[-1].done
    ours = painter.turns_for("first")
    assert ours == list(range(1, 14))  # twelve steps and the painting, without a break
    ours = painter.turns_for("second")
    between = [n for n in painter.turns_for("gallery") if 5 <= n < ours[-1]]
    assert ours[0] == 5 and len(between) <= 1


def test_sliders_that_never_rest_do_not_starve_a_gallery(painter, work, visitors) -> None:
    """Guards against a strict priority: three people dragging would stop everybody else's pictures."""
    sliders = [ask(visitors, work, painter, "slider", steps=6, priority=True)]
    painter.wait_for_turn(1)
    gallery = ask(visitors, work, painter, "gallery")
    while not gallery.done() and len(painter.turns) < 200:
        if len(painter.turns) % 3 == 0:  # each takes seven turns: there are always some
            sliders.append(ask(visitors, work, painter, "slider", steps=6, priority=True))
        before = len(painter.turns)
        painter.go_on(1)
        painter.wait_for_turn(before + 1)
    ours = painter.turns_for("gallery")
    assert len(ours) == 13
    assert max(later - n for n, later in itertools.pairwise(ours)) <= 12  # a slider's, and others' paintings
    painter.go_on()
    assert all(slider.result(PATIENCE)[-1].done for slider in sliders)


def test_a_small_request_does_not_wait_for_a_large_one(painter, work, visitors) -> None:
    """Guards against galleries drawn one after the other: one picture would wait for forty."""
    large = ask(visitors, work, painter, "large", count=40)
    painter.wait_for_turn(1)
    small = ask(visitors, work, painter, "small")
    painter.go_on()
    assert small.result(PATIENCE)[-1].done and large.result(PATIENCE)[-1].done
    ours = painter.turns_for("small")
    assert ours[0] == 1 and ours[-1] <= 14  # its twelve steps and painting, and the painting of the large one


def test_batches_are_shared_and_full(painter, work, visitors) -> None:
    """Guards against a turn for every request, which would take twice as long."""
    requests = [ask(visitors, work, painter, prompt, count=8) for prompt in ("one", "other")]
    painter.go_on()
    for request in requests:
        assert len(request.result(PATIENCE)[-1].pictures) == 8
    assert len(painter.turns) <= 13 + 2  # the first turn may have begun before the second request came
    assert max(len(recipes) for _, recipes in painter.turns) == 16


def test_models_do_not_mix_and_take_turns(painter, work, visitors) -> None:
    """Guards against a batch for two checkpoints, and against one that waits for the other."""
    other = CountingPainter()
    requests = [ask(visitors, work, who, "picture", count=20) for who in (painter, other)]
    painter.go_on(3)
    other.go_on()
    painter.wait_for_turn(4)
    assert 2 <= len(other.turns) <= 4
    painter.go_on()
    for request in requests:
        assert len(request.result(PATIENCE)[-1].pictures) == 20


@pytest.mark.parametrize("way", ["event", "close"])
def test_stop_within_one_step(way: str, painter, work, visitors) -> None:
    """Guards against a Stop that is looked at when all is done, and against drawing for a closed page."""
    cancel = threading.Event()
    request = GenerationRequest(painter, [Recipe("stopped")], cancel)
    frames = work.follow(request)
    next(frames)
    other = ask(visitors, work, painter, "other")
    painter.wait_for_turn(1)
    painter.go_on(4)
    painter.wait_for_turn(5)
    if way == "event":
        cancel.set()
    else:
        frames.close()
    painter.go_on()
    assert other.result(PATIENCE)[-1].done
    assert len(painter.turns_for("stopped")) <= 5  # the one that ran when it was stopped is the last
    assert not any(frame.done for frame in frames)


def test_a_stop_at_any_instant_ends_the_frames(painter, work, visitors) -> None:
    """Guards against a visitor who waits for ever, because Stop came between two looks at it."""
    painter.go_on()
    for looks in range(12):
        answers = itertools.chain([False] * looks, itertools.repeat(True))
        cancel = SimpleNamespace(is_set=lambda answers=answers: next(answers))
        frames = ask(visitors, work, painter, "stopped", cancel=cancel).result(PATIENCE)
        assert not any(frame.done for frame in frames)


def test_one_who_waits_can_leave(painter, work, visitors, monkeypatch) -> None:
    """Guards against a place in the queue that is held for nobody."""
    monkeypatch.setattr(scheduler, "MAX_BATCH", 1)
    drawn = ask(visitors, work, painter, "drawn")
    leaving = work.follow(GenerationRequest(painter, [Recipe("leaving")]))
    assert next(leaving).waiting == 1
    behind = ask(visitors, work, painter, "behind")
    with pytest.raises(QueueFull):
        ask(visitors, work, painter, "too many").result(PATIENCE)
    leaving.close()
    last = ask(visitors, work, painter, "last")
    painter.go_on()
    assert all(request.result(PATIENCE)[-1].done for request in (drawn, behind, last))
    assert painter.turns_for("leaving") == []
    assert painter.turns_for("behind")[0] < painter.turns_for("last")[0]


def test_a_full_queue_says_so_and_places_move_up(painter, work, visitors, monkeypatch) -> None:
    """Guards against a queue without end, and a place that never changes."""
    monkeypatch.setattr(scheduler, "MAX_BATCH", 2)
    drawn = [ask(visitors, work, painter, f"drawn {n}") for n in range(2)]
    waiting = [ask(visitors, work, painter, f"waiting {n}") for n in range(2)]
    refused = ask(visitors, work, painter, "refused")
    with pytest.raises(QueueFull, match="2 requests are waiting") as raised:
        refused.result(PATIENCE)
    assert raised.value.waiting == 2
    painter.go_on()
    frames = [request.result(PATIENCE) for request in (*drawn, *waiting)]
    assert [frames[n][0].waiting for n in range(4)] == [0, 0, 1, 2]
    assert all(request[-1].done and request[-1].waiting == 0 for request in frames)
    places = [frame.waiting for frame in frames[3]]
    assert places == sorted(places, reverse=True)


@pytest.mark.parametrize(("prompt", "error"), [("cannot begin", ValueError), ("breaks", ArithmeticError)])
def test_a_faulty_request_harms_nobody(prompt: str, error: type, painter, work, visitors) -> None:
    """Guards against a batch that fails as a whole, and a thread that dies with it."""
    before = ask(visitors, work, painter, "before", count=3)
    faulty = ask(visitors, work, painter, prompt, count=2)
    slider = ask(visitors, work, painter, "slider", priority=True)
    painter.go_on()
    with pytest.raises(error, match=prompt):
        faulty.result(PATIENCE)
    for future in (before, slider, ask(visitors, work, painter, "after")):
        last = future.result(PATIENCE)[-1]
        assert last.done and all(picture.image.endswith("at 12") for picture in last.pictures)


def test_frames_tell_the_truth(painter, work) -> None:
    """Guards against a progress that jumps back, previews called finished, and a final frame without all."""
    recipes = [Recipe("short", steps=2), Recipe("long", steps=12), Recipe("middle", steps=7)]
    running = work.follow(GenerationRequest(painter, recipes, previews=True))
    frames = [next(running)]
    painter.go_on()
    frames += running
    assert [frame.step for frame in frames] == sorted(frame.step for frame in frames)
    assert all(frame.steps == 12 and frame.waiting == 0 for frame in frames)
    assert [frame.done for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert frames[0].pictures == [] and frames[0].seconds_left is None
    for frame in frames:
        ended = [p for p in frame.pictures if p.image.endswith(f"at {p.recipe.steps}")]
        assert frame.finished == ended
    assert [picture.recipe for picture in frames[-1].pictures] == recipes
    assert frames[-1].seconds_left == 0


def test_previews_only_where_wanted_and_few(painter, work) -> None:
    """Guards against painting every step, which costs as much as drawing, and for a slider, who sees none."""
    painter.go_on()
    for previews, marks in ((True, [3, 6, 9, 12]), (False, [12])):
        painter.turns.clear()
        list(work.follow(GenerationRequest(painter, [Recipe("picture", steps=12)], previews=previews)))
        steps = [sum(what == "step" for what, _ in painter.turns[:n]) for n in range(len(painter.turns))]
        assert [steps[n] for n, (what, _) in enumerate(painter.turns) if what == "paint"] == marks


def test_a_slow_reader_delays_nobody_and_sees_the_newest(painter, work, visitors) -> None:
    """Guards against frames that pile up, or a drawing that waits until they are read."""
    slow = work.follow(GenerationRequest(painter, [Recipe("slow", steps=12)]))
    next(slow)
    painter.go_on()
    for _ in range(2):
        assert ask(visitors, work, painter, "other").result(PATIENCE)[-1].done
    until(lambda: len(painter.turns_for("slow")) == 13)
    other = ask(visitors, work, painter, "other")
    assert other.result(PATIENCE)[-1].done
    assert [frame.done for frame in slow] == [True]


def test_close_ends_what_runs_and_leaves_no_thread(painter, work, visitors) -> None:
    """Guards against a server that cannot be stopped while it draws, and threads that outlive it."""
    running = [ask(visitors, work, painter, "running", priority=priority) for priority in (False, True)]
    painter.wait_for_turn(1)
    closing = visitors.submit(work.close)
    until(lambda: work._closed)
    painter.go_on(1)
    closing.result(PATIENCE)
    for future in running:
        with pytest.raises(RuntimeError, match="closed"):
            future.result(PATIENCE)
    assert not any(thread.name == "dalle-studio" and thread.is_alive() for thread in threading.enumerate())
    with pytest.raises(RuntimeError, match="closed; open another"):
        next(work.follow(GenerationRequest(painter, [Recipe("late")])))


ALONE = """
import torch
from dalle import runtime
from dalle.recipe import Recipe
from dalle.serving.requests import GenerationRequest
from dalle.serving.scheduler import Scheduler
from tests.serving.test_scheduler import CountingPainter
runtime.available_cores = lambda: 3
runtime.use_one_thread()
painter, prepare, seen = CountingPainter(), CountingPainter.prepare, []
painter.prepare = lambda recipe: seen.append(torch.get_num_threads()) or prepare(painter, recipe)
painter.gate.release(10)
drawing = Scheduler(max_waiting=1)
list(drawing.follow(GenerationRequest(painter, [Recipe("a", steps=1)])))
drawing.close()
print(seen, torch.get_num_threads())
"""


def test_the_drawing_thread_alone_has_all_cores() -> None:
    """Guards against two pools of threads in one process, beside which a picture takes twice as long."""
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[3] 1\n", done.stderr
