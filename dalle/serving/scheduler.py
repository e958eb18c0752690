"""Scheduler: one thread draws the pictures of all clients in shared batches (continuous batching).

A turn advances up to MAX_BATCH samples by one solver step, or decodes as many. They are chosen anew for each
turn, so that requests join and leave at any time; samples of one batch may be at different steps.

- Priority requests (slider moves) have turns of their own ahead of the others, but each lets the others have
  one turn: it waits for at most one turn, and they never starve.
- The other requests, up to MAX_BATCH of them, share a turn evenly; further ones wait in order, up to a bound.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch

from dalle import runtime
from dalle.pipeline.sampler import MAX_BATCH, Sampler
from dalle.serving.requests import Frame, GenerationRequest, Job, QueueFull


class Scheduler:
    """Owns the drawing thread. At most `max_waiting` requests wait; one more raises QueueFull."""

    def __init__(self, max_waiting: int):
        self.max_waiting = max_waiting
        self._changed = threading.Condition()
        self._priority: list[GenerationRequest] = []
        self._active: list[GenerationRequest] = []
        self._waiting: deque[GenerationRequest] = deque()
        self._turn = 0
        self._is_shared_turn = False  # whether the running turn is of requests without priority
        self._closed = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dalle-studio", daemon=True)
        before = torch.get_num_threads()
        self._thread.start()
        self._ready.wait()
        torch.set_num_threads(before)  # torch starts new threads with the number that was set last

    # --- called by clients, from any thread

    def follow(self, request: GenerationRequest) -> Iterator[Frame]:
        """Draw a request; yields a frame at each change until the request is done.

        Ends early when `request.cancel` is set; closing the iterator cancels as well. Raises QueueFull where
        the queue is full, RuntimeError where the scheduler is closed, and any error of drawing this request.
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
                if request.cancelled and not frame.done:
                    return
                yield frame
                if frame.done:
                    return
        finally:
            request.abandoned = True  # without the lock: garbage collection may close this on any thread

    def close(self) -> None:
        """Stop at the next step; requests that are still running raise RuntimeError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _admit(self, request: GenerationRequest) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("the studio is closed; open another")
            self._update_queues()
            if request.priority:
                if len(self._priority) >= MAX_BATCH + self.max_waiting:
                    raise QueueFull(len(self._priority))
                request.yielded_turn = self._is_shared_turn
                request.started = time.monotonic()
                self._priority.append(request)
            else:
                if len(self._active) >= MAX_BATCH and len(self._waiting) >= self.max_waiting:
                    raise QueueFull(len(self._waiting))
                self._waiting.append(request)
            request.version += 1
            self._update_queues()
            self._changed.notify_all()

    # --- the drawing thread

    def _work(self) -> None:
        runtime.use_all_threads()  # other threads of the process keep to one (runtime.use_one_thread)
        self._ready.set()
        with torch.inference_mode():
            while jobs := self._next_jobs():
                self._run_turn(jobs)

    def _next_jobs(self) -> list[Job]:
        """Wait for work; the jobs of the next turn, or an empty list once the scheduler is closed."""
        with self._changed:
            self._is_shared_turn = False
            while not self._closed:
                self._update_queues()
                if jobs := self._choose_jobs():
                    self._turn += 1
                    self._is_shared_turn = not jobs[0].request.priority
                    for job in jobs:
                        job.request.last_turn = self._turn
                    return jobs
                self._changed.wait()
            for request in (*self._priority, *self._active, *self._waiting):
                self._fail(request, RuntimeError("the studio was closed"))
            return []

    def _update_queues(self) -> None:
        """Drop requests that are cancelled or done, and admit waiting ones."""
        everyone = (*self._priority, *self._active, *self._waiting)
        # Evaluated once: `cancel` may be set at any moment.
        cancelled = [request for request in everyone if request.cancelled]
        gone = {*cancelled, *(request for request in everyone if request.done)}
        self._priority = [request for request in self._priority if request not in gone]
        self._active = [request for request in self._active if request not in gone]
        self._waiting = deque(request for request in self._waiting if request not in gone)
        for request in cancelled:
            request.version += 1
            self._changed.notify_all()
        while self._waiting and len(self._active) < MAX_BATCH:
            request = self._waiting.popleft()
            request.started = time.monotonic()
            self._active.append(request)
            self._set_queue_position(request, 0)
        for position, request in enumerate(self._waiting, 1):
            self._set_queue_position(request, position)

    def _set_queue_position(self, request: GenerationRequest, position: int) -> None:
        if request.queue_position != position:
            request.queue_position = position
            request.version += 1
            self._changed.notify_all()

    def _choose_jobs(self) -> list[Job]:
        """Jobs of the next turn, all of one sampler, all to be decoded or all to be advanced.

        The others have the turn while no waiting priority request has yielded one yet; then those go first.
        """
        priority = _round_robin(self._priority)
        shared = _round_robin(self._active)
        jobs = priority
        if not priority or (shared and not any(request.yielded_turn for request in self._priority)):
            jobs = shared
            for request in self._priority:
                request.yielded_turn = True
        if not jobs:
            return []
        sampler = min(jobs, key=lambda job: job.request.last_turn).request.sampler
        jobs = [job for job in jobs if job.request.sampler is sampler][:MAX_BATCH]
        return [job for job in jobs if job.needs_decoding] or jobs

    def _run_turn(self, jobs: list[Job]) -> None:
        """Run one turn. If it fails, each request is retried alone, so that only the faulty one fails."""
        run = self._decode if jobs[0].needs_decoding else self._step
        try:
            run(jobs)
        except Exception as error:
            requests = list(dict.fromkeys(job.request for job in jobs))
            if len(requests) == 1:
                with self._changed:
                    self._fail(requests[0], error)
                return
            for request in requests:
                self._run_turn([job for job in jobs if job.request is request])

    def _step(self, jobs: list[Job]) -> None:
        sampler = jobs[0].request.sampler
        samples = []
        for job in jobs:
            if job.sample is None:  # from a recipe, which only a Sampler takes
                job.sample = cast(Sampler, sampler).prepare(job.recipe)
            samples.append(job.sample)
        sampler.step(samples)
        self._notify(jobs, Job.on_step)

    def _decode(self, jobs: list[Job]) -> None:
        samples = [job.sample for job in jobs if job.sample is not None]
        decoded = jobs[0].request.sampler.decode(samples)
        images = dict(zip(jobs, decoded, strict=True))
        self._notify(jobs, lambda job: job.on_decoded(images[job]))

    def _notify(self, jobs: list[Job], change: Callable[[Job], None]) -> None:
        with self._changed:
            for job in jobs:
                change(job)
            for request in {job.request for job in jobs}:
                request.version += 1
            self._changed.notify_all()

    def _fail(self, request: GenerationRequest, error: Exception) -> None:
        request.error = error
        request.version += 1
        self._changed.notify_all()


def _round_robin(requests: Sequence[GenerationRequest]) -> list[Job]:
    """Unfinished jobs: the first of each request, then the second of each, and so on."""
    rounds = itertools.zip_longest(*(request.pending() for request in requests))
    return [job for jobs in rounds for job in jobs if job is not None]
