"""Following a velocity field through time: plain functions over any `field(x, time)`.

Time runs from 0 (features) to 1 (noise); a field is d x / d time, so x - time * velocity estimates the
features. Rectified flow, arXiv:2209.03003; flow matching, arXiv:2210.02747.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]  # x (B, N, C), time (B,) -> velocity (B, N, C)
OnStep = Callable[[int, Tensor], None]  # steps done, estimate of the features (B, N, C)

SHIFT = 1.6  # above 1: more of the steps where a picture's large shapes are decided


class Cancelled(Exception):
    """Raised from an `on_step` to stop; what was drawn so far is dropped."""


def schedule(start: float, end: float, steps: int) -> Tensor:
    """steps + 1 times from `start` to `end`, denser towards noise by SHIFT (arXiv:2403.03206, 5.3.2)."""
    if steps < 1:
        raise ValueError(f"sampling needs at least one step; got {steps}")
    spaced = torch.linspace(unshift_time(start), unshift_time(end), steps + 1, dtype=torch.float64)
    return SHIFT * spaced / (1 + (SHIFT - 1) * spaced)


def unshift_time(time: float) -> float:
    """The share of all steps that a time is away from 0."""
    return time / (SHIFT - (SHIFT - 1) * time)


class Trajectory:
    """One picture's way from times[0] to times[-1]: `x` (N, C) is where it stands.

    Adams and Bashforth's two-step method: second order for one evaluation a step. The first step has no past
    and is Euler's; so is the one after time 1, where a field is a mean's (flow.Given) and need not pass into
    what it is elsewhere, and the first one from time `turn` on, where there is one.
    """

    def __init__(self, x: Tensor, times: Tensor, turn: float = 1.0):
        if len(times) < 2:
            raise ValueError(f"a walk needs a start and an end; got times={times.tolist()}")
        self.x, self.times, self.turn = x, times.tolist(), turn
        self.taken = 0  # steps
        self.estimate = x  # of the features, at the last step
        self._before: Tensor | None = None  # the velocity one step ago

    @property
    def steps(self) -> int:
        return len(self.times) - 1

    @property
    def done(self) -> bool:
        return self.taken == self.steps

    @property
    def now(self) -> float:
        return self.times[self.taken]

    @property
    def asked(self) -> float:
        """The time at which the field is wanted, with x as it is."""
        return self.now

    def move(self, velocity: Tensor) -> None:
        """Take the next step, given the field's value here at the time `asked`: (N, C)."""
        now, step = self.now, self.times[self.taken + 1] - self.now
        slope = velocity
        if self._before is not None:
            step_before = now - self.times[self.taken - 1]
            slope = velocity + (velocity - self._before) * (step / step_before / 2)
        self.estimate = self.x - now * velocity
        self.x = self.x + step * slope
        self.taken += 1
        turned = now == 1 or self.now <= self.turn < now
        self._before = None if turned else velocity


class InversionTrajectory(Trajectory):
    """A walk from features; where it ends in noise, its last step is the first one back, undone.

    At time 1 the velocity is x less a mean, whatever x is (flow.Given). From t on, x(1) = x + (1 - t) (x(1) -
    mean) gives x(1) = x + (1 - t) / t (x - mean): backward Euler, solved.
    """

    @property
    def asked(self) -> float:
        ahead = self.times[self.taken + 1]
        return ahead if ahead == 1 and self.now > 0 else self.now

    def move(self, velocity: Tensor) -> None:
        if self.asked == self.now:
            super().move(velocity)
        else:
            self.x = self.x + (1 - self.now) / self.now * velocity
            self.taken += 1


class InpaintingTrajectory(Trajectory):
    """A walk from noise on which some features are known: they stay on their own straight way to the noise.

    So what is new grows beside them and fits them, as in RePaint (arXiv:2201.09865) without its repetitions.
    """

    def __init__(self, noise: Tensor, times: Tensor, known: Tensor, free: Tensor):
        """noise and known (N, C); free (N, C) bool: where the features are not known. Ends in `known`."""
        super().__init__(noise, times)
        self._noise, self._known, self._free = noise, known, free

    def move(self, velocity: Tensor) -> None:
        super().move(velocity)
        self.estimate = torch.where(self._free, self.estimate, self._known)
        self.x = torch.where(self._free, self.x, torch.lerp(self._known, self._noise, self.now))


def step(field: Field, walks: Sequence[Trajectory]) -> None:
    """Take one step of every walk, in one batch; they may stand at different times."""
    x = torch.stack([walk.x for walk in walks])
    times = torch.tensor([walk.asked for walk in walks], device=x.device)
    for walk, velocity in zip(walks, field(x, times).unbind(), strict=True):
        walk.move(velocity)


def follow(field: Field, walks: Sequence[Trajectory], on_step: OnStep | None = None) -> Tensor:
    """Take all steps of walks that have equally many; -> where they end (B, N, C).

    `on_step` sees the estimate of the features after each step and may raise `Cancelled`.
    """
    while not walks[0].done:
        step(field, walks)
        if on_step is not None:
            on_step(walks[0].taken, torch.stack([walk.estimate for walk in walks]))
    return torch.stack([walk.x for walk in walks])


def integrate(field: Field, x: Tensor, times: Tensor, on_step: OnStep | None = None) -> Tensor:
    """Follow `field` from times[0] to times[-1]; x (B, N, C) -> (B, N, C)."""
    return follow(field, [Trajectory(start, times) for start in x], on_step)


def guided_indices(guidance: Sequence[float]) -> list[int]:
    """Which pictures need a second evaluation, with their negatives: those whose guidance is not 1."""
    return [index for index, strength in enumerate(guidance) if strength != 1]


def guided(field: Field, guidance: Sequence[float]) -> Field:
    """Classifier-free guidance (arXiv:2207.12598), one strength a picture.

    `field` was given B captions and then the negatives of those that are `steered`: one batch holds all.
    """
    twice = guided_indices(guidance)
    if not twice:
        return field

    def velocity(x: Tensor, time: Tensor) -> Tensor:
        at = torch.tensor(twice, device=x.device)
        strength = torch.tensor([guidance[index] for index in twice], device=x.device)[:, None, None]
        both = field(torch.cat([x, x[at]]), torch.cat([time, time[at]]))
        towards, away = both[: len(x)], both[len(x) :]
        return towards.index_copy(0, at, away + strength * (towards[at] - away))

    return velocity


def slerp(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """Spherical interpolation of each (N, C) of two batches (B, N, C): a standard normal stays one."""
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    cosine = torch.nn.functional.cosine_similarity(flat_a, flat_b).clamp(-1, 1)
    angle = cosine.acos().view(-1, *[1] * (a.dim() - 1))
    circle = (((1 - weight) * angle).sin() * a + (weight * angle).sin() * b) / angle.sin()
    # No one great circle leads through equal or opposite directions.
    return torch.where(angle.sin() < 1e-4, torch.lerp(a, b, weight), circle)
