"""What the scheduler takes and gives: GenerationRequest, its Jobs (one per picture), Frame, QueueFull."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from dalle.pipeline.sampler import BatchSampler, SampleState
from dalle.recipe import Picture, Recipe

PREVIEWS_PER_PICTURE = 4  # a preview is decoded each time another quarter of the steps is done


class QueueFull(RuntimeError):
    """The queue holds as many requests as it may; `waiting` is their number."""

    def __init__(self, waiting: int):
        super().__init__(f"{waiting} requests are waiting already; try again in a moment")
        self.waiting = waiting


@dataclass(frozen=True)
class Frame:
    """State of a running request, for display."""

    step: int  # solver steps done, averaged over the pictures
    steps: int
    seconds_left: float | None  # None before the first step
    waiting: int  # position in the queue; 0: being drawn
    pictures: list[Picture]  # previews and finished pictures in the recipes' order; empty at first
    done: bool
    finished: list[Picture]  # the finished ones among `pictures`


class Job:
    """One picture of a request, made from a recipe or from a sample that was prepared elsewhere."""

    def __init__(self, task: Recipe | SampleState, request: "GenerationRequest"):
        self.request = request
        if isinstance(task, Recipe):
            self.sample: SampleState | None = None  # prepared in the first turn
            self.recipe, self.steps = task, task.steps
        else:
            self.sample = task
            self.recipe, self.steps = task.recipe, task.steps
        self.picture: Picture | None = None
        # Steps taken at the last `on_step`: a turn may advance only one of its jobs (upscaling does).
        self.reported_steps = 0
        self.needs_decoding = False  # decoded before its next step, if it has one
        self.finished = False

    @property
    def steps_taken(self) -> int:
        return self.sample.steps_taken if self.sample else 0

    def on_step(self) -> None:
        """Called after each turn: decides whether the sample is to be decoded, and whether it is finished."""
        marks = [at * PREVIEWS_PER_PICTURE // self.steps for at in (self.reported_steps, self.steps_taken)]
        self.reported_steps = self.steps_taken
        done = self.steps_taken == self.steps
        self.finished = done and not self.request.decode
        self.needs_decoding = self.request.decode and (
            done or (self.request.previews and marks[0] < marks[1])
        )

    def on_decoded(self, image: Image.Image) -> None:
        """Take the decoded sample: a preview, or the final picture after the last step."""
        self.picture, self.needs_decoding = Picture(image, self.recipe), False
        self.finished = self.steps_taken == self.steps


class GenerationRequest:
    """Pictures that one client asked for together, and their state in the queue."""

    def __init__(
        self,
        sampler: BatchSampler[Any],
        tasks: Sequence[Recipe | SampleState],
        cancel: threading.Event | None = None,
        previews: bool = False,
        priority: bool = False,
        decode: bool = True,
    ):
        """`tasks` are recipes, or samples that are prepared already; setting `cancel` stops the request.

        `priority` requests (slider moves) go ahead of the others. Without `decode` the samples are only
        advanced to their last step, and no pictures are made.
        """
        self.sampler, self.cancel, self.previews, self.priority = sampler, cancel, previews, priority
        self.decode = decode
        self.jobs = [Job(task, self) for task in tasks]
        self.queue_position = 0  # 0: being drawn
        self.started: float | None = None
        self.last_turn = 0  # number of the last turn that advanced it
        self.yielded_turn = False  # a priority request that let the others have one turn
        self.abandoned = False  # nobody reads its frames any more
        self.error: Exception | None = None
        self.version = 0  # incremented at each change that a new frame shows

    @property
    def cancelled(self) -> bool:
        return self.abandoned or self.error is not None or (self.cancel is not None and self.cancel.is_set())

    @property
    def done(self) -> bool:
        return all(job.finished for job in self.jobs)

    def pending(self) -> list[Job]:
        """Jobs that are not finished."""
        return [job for job in self.jobs if not job.finished]

    def frame(self) -> Frame:
        """The current state."""
        taken, total = sum(job.steps_taken for job in self.jobs), sum(job.steps for job in self.jobs)
        steps = max(job.steps for job in self.jobs)
        begun = self.started if taken else None
        seconds = None if begun is None else (time.monotonic() - begun) * (total - taken) / taken
        pictures = [job.picture for job in self.jobs if job.picture]
        finished = [job.picture for job in self.jobs if job.finished and job.picture]
        return Frame(
            taken * steps // total, steps, seconds, self.queue_position, pictures, self.done, finished
        )
