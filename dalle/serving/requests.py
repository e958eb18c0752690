"""GenerationRequest, Frame, QueueFull: what the scheduler takes and gives."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from dalle.pipeline.dalle import SampleState
from dalle.pipeline.sampler import Sampler
from dalle.recipe import Picture, Recipe

PREVIEWS = 4  # of the steps, every so great a share is followed by a look at the picture


class QueueFull(RuntimeError):
    """The queue is full."""

    def __init__(self, waiting: int):
        super().__init__(f"{waiting} requests are waiting already; try again in a moment")
        self.waiting = waiting


@dataclass(frozen=True)
class Frame:
    """What a running request looks like by now."""

    step: int
    steps: int
    seconds_left: float | None  # None until it can be told
    waiting: int  # place in the queue; 0: being drawn
    pictures: list[Picture]  # in the recipes' order: previews, and those that are finished; none at first
    done: bool
    finished: list[Picture]  # those of the pictures that are no previews any more


class Job:
    """One picture of a request: from a recipe, or a drawing that was begun elsewhere."""

    def __init__(self, task: Recipe | SampleState, request: "Request"):
        self.request = request
        self.drawing = None if isinstance(task, Recipe) else task
        self.recipe = self.drawing.recipe if self.drawing else task
        self.steps = self.drawing.walk.steps if self.drawing else task.steps
        self.picture: Picture | None = None
        self.seen = 0  # steps taken when `stepped` was last told: an Enlarger moves one job of a turn
        self.to_show = False  # to be painted, before its next step if it has one
        self.finished = False

    @property
    def taken(self) -> int:
        return self.drawing.walk.taken if self.drawing else 0

    def stepped(self) -> None:
        marks = [at * PREVIEWS // self.steps for at in (self.seen, self.taken)]
        self.seen = self.taken
        done = self.taken == self.steps
        self.finished = done and not self.request.painted
        self.to_show = self.request.painted and (done or (self.request.previews and marks[0] < marks[1]))

    def painted(self, image: Image.Image) -> None:
        self.picture, self.to_show = Picture(image, self.recipe), False
        self.finished = self.taken == self.steps


class Request:
    """Pictures that one visitor asked for together."""

    def __init__(
        self,
        painter: Sampler,
        tasks: Sequence[Recipe | SampleState],
        cancel: threading.Event | None = None,
        previews: bool = False,
        urgent: bool = False,
        painted: bool = True,
    ):
        """Not `painted`: no pictures are wanted, only that drawings reach their ends."""
        self.painter, self.cancel, self.previews, self.urgent = painter, cancel, previews, urgent
        self.painted = painted
        self.jobs = [Job(task, self) for task in tasks]
        self.place = 0  # in the queue; 0: being drawn
        self.started: float | None = None
        self.served = 0  # the last turn that it had a part in
        self.waited = False  # an urgent one: for a turn of galleries
        self.left = False  # nobody waits for it any more
        self.error: Exception | None = None
        self.version = 0  # one more whenever there is something to tell

    @property
    def over(self) -> bool:
        return self.left or self.error is not None or (self.cancel is not None and self.cancel.is_set())

    @property
    def done(self) -> bool:
        return all(job.finished for job in self.jobs)

    def pending(self) -> list[Job]:
        return [job for job in self.jobs if not job.finished]

    def frame(self) -> Frame:
        taken, total = sum(job.taken for job in self.jobs), sum(job.steps for job in self.jobs)
        steps = max(job.steps for job in self.jobs)
        seconds = (time.monotonic() - self.started) * (total - taken) / taken if taken else None
        pictures = [job.picture for job in self.jobs if job.picture]
        finished = [job.picture for job in self.jobs if job.finished and job.picture]
        return Frame(taken * steps // total, steps, seconds, self.place, pictures, self.done, finished)
