"""Stages: work that comes as batches of drawings, whoever moves them to their ends.

A generator of stages says what is to be drawn and goes on with what came of it. `run` does so here and now;
the studio, in turns with everything else that is being drawn.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from PIL import Image

T = TypeVar("T")


@dataclass(frozen=True)
class SampleBatch:
    """Drawings to be moved to their ends; the answer to it is their pictures, where they are `painted`."""

    painter: Any  # Painter or Enlarger
    drawings: Sequence[Any]
    painted: bool = True


SampleCoroutine = Generator[SampleBatch, list[Image.Image], T]


def run(steps: SampleCoroutine[T], on_step: Callable[[int, int], None] | None = None) -> T:
    """Take all stages here and now; `on_step(taken, of how many)` of a stage may raise to stop."""
    answer: list[Image.Image] | None = None
    try:
        while True:
            stage = steps.send(answer)
            while pending := [d for d in stage.drawings if d.walk.taken < d.walk.steps]:
                stage.painter.step(pending)
                if on_step is not None:
                    on_step(pending[0].walk.taken, pending[0].walk.steps)
            answer = stage.painter.paint(stage.drawings) if stage.painted else []
    except StopIteration as end:
        return end.value
