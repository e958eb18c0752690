"""Many requests, one model: a thread draws the pictures of all visitors in shared batches, step by step.

A turn moves up to MAX_BATCH pictures by one step, or paints as many. Which ones is chosen anew before each
turn, so that requests come and go at any time; the pictures of a batch may stand at different steps.

- An urgent picture, a slider's, has turns of its own ahead of all galleries, but lets them have one turn: it
  waits for at most one, and they never starve.
- The other requests, up to MAX_BATCH, share a turn evenly; further ones wait in order, up to a bound.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch

from dalle import runtime
from dalle.pipeline.dalle import MAX_BATCH
from dalle.serving.requests import Frame, Job, QueueFull, Request


class Scheduler:
    """Owns the thread that draws; `max_waiting` requests may wait before it says that it is busy."""

    def __init__(self, max_waiting: int):
        self.max_waiting = max_waiting
        self._changed = threading.Condition()
        self._urgent: list[Request] = []
        self._active: list[Request] = []
        self._waiting: deque[Request] = deque()
        self._turn = 0
        self._among_galleries = False  # whose turn it is
        self._closed = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dalle-studio", daemon=True)
        before = torch.get_num_threads()
        self._thread.start()
        self._ready.wait()
        torch.set_num_threads(before)  # how many threads begin with is one number for the whole process

    # --- for those who ask

    def follow(self, request: Request) -> Iterator[Frame]:
        """Draw a request: its newest state, whenever there is a new one, until it is done.

        Ends early when its `cancel` is set; closing the iterator cancels it too. Raises Busy where the queue
        is full, and whatever went wrong with this request.
        """
        self._admit(request)
        try:
            seen = 0
            while True:
                with self._changed:
                    while request.version == seen:
                        self._changed.wait()
                    seen, frame = request.version, request.frame()
                if request.error is not None:
                    raise request.error
                if request.over and not frame.done:
                    return
                yield frame
                if frame.done:
                    return
        finally:
            request.left = True  # no lock: a garbage collector may be closing this, anywhere

    def close(self) -> None:
        """Stop at the next step; requests that are still running raise RuntimeError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _admit(self, request: Request) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("the studio is closed; open another")
            self._tidy()
            if request.urgent:
                if len(self._urgent) >= MAX_BATCH + self.max_waiting:
                    raise QueueFull(len(self._urgent))
                request.waited = self._among_galleries
                request.started = time.monotonic()
                self._urgent.append(request)
            else:
                if len(self._active) >= MAX_BATCH and len(self._waiting) >= self.max_waiting:
                    raise QueueFull(len(self._waiting))
                self._waiting.append(request)
            request.version += 1
            self._tidy()
            self._changed.notify_all()

    # --- the thread that draws

    def _work(self) -> None:
        runtime.use_all_threads()  # the process leaves them to this thread: runtime.one_core
        self._ready.set()
        with torch.inference_mode():
            while jobs := self._next():
                self._do(jobs)

    def _next(self) -> list[Job]:
        """The jobs of the next turn, once there are some; none: closed."""
        with self._changed:
            self._among_galleries = False
            while not self._closed:
                self._tidy()
                if jobs := self._choose():
                    self._turn += 1
                    self._among_galleries = not jobs[0].request.urgent
                    for job in jobs:
                        job.request.served = self._turn
                    return jobs
                self._changed.wait()
            for request in (*self._urgent, *self._active, *self._waiting):
                self._fail(request, RuntimeError("the studio was closed"))
            return []

    def _tidy(self) -> None:
        """Let go of requests that are over or done, and let waiting ones in."""
        everyone = (*self._urgent, *self._active, *self._waiting)
        over = [request for request in everyone if request.over]  # a `cancel` may come later: asked once
        gone = {*over, *(request for request in everyone if request.done)}
        self._urgent = [request for request in self._urgent if request not in gone]
        self._active = [request for request in self._active if request not in gone]
        self._waiting = deque(request for request in self._waiting if request not in gone)
        for request in over:
            request.version += 1
            self._changed.notify_all()
        while self._waiting and len(self._active) < MAX_BATCH:
            request = self._waiting.popleft()
            request.started = time.monotonic()
            self._active.append(request)
            self._place(request, 0)
        for place, request in enumerate(self._waiting, 1):
            self._place(request, place)

    def _place(self, request: Request, place: int) -> None:
        if request.place != place:
            request.place = place
            request.version += 1
            self._changed.notify_all()

    def _choose(self) -> list[Job]:
        """Urgent jobs if each of them may still go ahead, else one of each gallery in turn; of one kind."""
        urgent = _dealt(self._urgent)
        galleries = _dealt(self._active)
        jobs = urgent
        if not urgent or (galleries and not any(request.waited for request in self._urgent)):
            jobs = galleries
            for request in self._urgent:
                request.waited = True
        if not jobs:
            return []
        painter = min(jobs, key=lambda job: job.request.served).request.painter
        jobs = [job for job in jobs if job.request.painter is painter][:MAX_BATCH]
        return [job for job in jobs if job.to_show] or jobs

    def _do(self, jobs: list[Job]) -> None:
        """Take a turn. Where it fails, each request is tried alone, so that only the faulty one does."""
        act = self._paint if jobs[0].to_show else self._step
        try:
            act(jobs)
        except Exception as error:
            requests = list(dict.fromkeys(job.request for job in jobs))
            if len(requests) == 1:
                with self._changed:
                    self._fail(requests[0], error)
                return
            for request in requests:
                self._do([job for job in jobs if job.request is request])

    def _step(self, jobs: list[Job]) -> None:
        painter = jobs[0].request.painter
        for job in jobs:
            if job.drawing is None:
                job.drawing = painter.begin(job.recipe)
        painter.step([job.drawing for job in jobs])
        self._tell(jobs, Job.stepped)

    def _paint(self, jobs: list[Job]) -> None:
        painted = jobs[0].request.painter.paint([job.drawing for job in jobs])
        images = dict(zip(jobs, painted, strict=True))
        self._tell(jobs, lambda job: job.painted(images[job]))

    def _tell(self, jobs: list[Job], change: Callable[[Job], None]) -> None:
        with self._changed:
            for job in jobs:
                change(job)
            for request in {job.request for job in jobs}:
                request.version += 1
            self._changed.notify_all()

    def _fail(self, request: Request, error: Exception) -> None:
        request.error = error
        request.version += 1
        self._changed.notify_all()


def _dealt(requests: Sequence[Request]) -> list[Job]:
    """Unfinished jobs, first one of each request, then another of each, and so on."""
    rounds = itertools.zip_longest(*(request.pending() for request in requests))
    return [job for jobs in rounds for job in jobs if job is not None]
