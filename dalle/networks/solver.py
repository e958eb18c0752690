"""Solver of the flow ODE dx/dt = field(x, t), guidance, and interpolation of latents.

    noise (B, N, C) at t = 1  <--trajectories-->  features (B, N, C) at t = 0

B samples, N tokens a sample, C channels a token. With velocity v = field(x, t), x - t * v estimates the
features. Rectified flow, arXiv:2209.03003; flow matching, arXiv:2210.02747.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]  # x (B, N, C), time (B,) -> velocity (B, N, C)
OnStep = Callable[[int, Tensor], None]  # steps taken, estimated features (B, N, C)

TIME_SHIFT = 1.6  # above 1: more of the steps near noise, where the large shapes of a picture are decided


class Cancelled(Exception):
    """Raised from a callback to stop what calls it; its result is dropped."""


def schedule(start: float, end: float, steps: int) -> Tensor:
    """`steps` + 1 times from `start` to `end`, denser near noise by TIME_SHIFT (arXiv:2403.03206, 5.3.2).

    float64. Raises ValueError for less than one step.
    """
    if steps < 1:
        raise ValueError(f"sampling needs at least one step; got {steps}")
    uniform = torch.linspace(unshift_time(start), unshift_time(end), steps + 1, dtype=torch.float64)
    return TIME_SHIFT * uniform / (1 + (TIME_SHIFT - 1) * uniform)


def unshift_time(time: float) -> float:
    """Inverse of the shift of `schedule`: the share of all steps between time 0 and `time`."""
    return time / (TIME_SHIFT - (TIME_SHIFT - 1) * time)


class Trajectory:
    """ODE state of one sample on its way from times[0] to times[-1], by two-step Adams-Bashforth.

    Second order with one evaluation of the field per step. Without a usable previous velocity it takes an
    Euler step: the first step, the one after time 1, where the field jumps (velocity.ConditionedField), and
    the one after the step that reaches `restart_time`, where the field changes as well.

    x (N, C): the current state. estimate (N, C): the features, as estimated at the last step.
    """

    def __init__(self, x: Tensor, times: Tensor, restart_time: float = 1.0):
        """x (N, C), times (S + 1,) of `schedule`. Raises ValueError for less than two times."""
        if len(times) < 2:
            raise ValueError(f"a trajectory needs a start and an end; got times={times.tolist()}")
        self.x, self.times, self.restart_time = x, times.tolist(), restart_time
        self.steps_taken = 0
        self.estimate = x
        self._previous_velocity: Tensor | None = None

    @property
    def steps(self) -> int:
        return len(self.times) - 1

    @property
    def done(self) -> bool:
        return self.steps_taken == self.steps

    @property
    def time(self) -> float:
        return self.times[self.steps_taken]

    @property
    def evaluation_time(self) -> float:
        """The time at which `advance` needs the velocity of the current x."""
        return self.time

    def advance(self, velocity: Tensor) -> None:
        """Take one step; velocity (N, C) is the field's value at x and `evaluation_time`."""
        time = self.time
        step = self.times[self.steps_taken + 1] - time
        slope = velocity
        if self._previous_velocity is not None:
            previous_step = time - self.times[self.steps_taken - 1]
            slope = velocity + (velocity - self._previous_velocity) * (step / previous_step / 2)
        self.estimate = self.x - time * velocity
        self.x = self.x + step * slope
        self.steps_taken += 1
        restarts = time == 1 or self.time <= self.restart_time < time
        self._previous_velocity = None if restarts else velocity


class InversionTrajectory(Trajectory):
    """ODE state from features (t = 0) to noise; a step to t = 1 inverts the first sampling step exactly.

    At time 1 the velocity is x - mean for any x (velocity.ConditionedField). A sampling step from 1 to t is
    x(t) = x(1) - (1 - t) (x(1) - mean), so that x(1) = x(t) + (1 - t) / t (x(t) - mean): backward Euler in
    closed form, with the velocity of x(t) at time 1.
    """

    @property
    def evaluation_time(self) -> float:
        next_time = self.times[self.steps_taken + 1]
        return next_time if next_time == 1 and self.time > 0 else self.time

    def advance(self, velocity: Tensor) -> None:
        if self.evaluation_time == self.time:
            super().advance(velocity)
        else:
            self.x = self.x + (1 - self.time) / self.time * velocity
            self.steps_taken += 1


class InpaintingTrajectory(Trajectory):
    """ODE state from noise with known features, which stay on the straight line from noise to their values.

    The unknown features are sampled together with them, so that they fit: RePaint (arXiv:2201.09865) without
    its repeated steps.
    """

    def __init__(self, noise: Tensor, times: Tensor, known: Tensor, unknown: Tensor):
        """noise and known features (N, C); unknown (N, C) bool: where features are to be sampled."""
        super().__init__(noise, times)
        self._noise, self._known, self._unknown = noise, known, unknown

    def advance(self, velocity: Tensor) -> None:
        super().advance(velocity)
        self.estimate = torch.where(self._unknown, self.estimate, self._known)
        self.x = torch.where(self._unknown, self.x, torch.lerp(self._known, self._noise, self.time))


def step(field: Field, trajectories: Sequence[Trajectory]) -> None:
    """Advance every trajectory by one step with one evaluation of the field; their times may differ."""
    x = torch.stack([trajectory.x for trajectory in trajectories])
    times = torch.tensor([trajectory.evaluation_time for trajectory in trajectories], device=x.device)
    for trajectory, velocity in zip(trajectories, field(x, times).unbind(), strict=True):
        trajectory.advance(velocity)


def solve(field: Field, trajectories: Sequence[Trajectory], on_step: OnStep | None = None) -> Tensor:
    """Take all steps of trajectories with equal numbers of steps; -> final states (B, N, C).

    `on_step` is called after each step and may raise `Cancelled`.
    """
    while not trajectories[0].done:
        step(field, trajectories)
        if on_step is not None:
            on_step(trajectories[0].steps_taken, torch.stack([each.estimate for each in trajectories]))
    return torch.stack([trajectory.x for trajectory in trajectories])


def integrate(field: Field, x: Tensor, times: Tensor, on_step: OnStep | None = None) -> Tensor:
    """Solve from times[0] to times[-1]; x (B, N, C) -> (B, N, C)."""
    return solve(field, [Trajectory(start, times) for start in x], on_step)


def guided_indices(guidance: Sequence[float]) -> list[int]:
    """Samples that need a second evaluation, under their negative captions: those whose guidance is not 1."""
    return [index for index, strength in enumerate(guidance) if strength != 1]


def combine_guided(values: Tensor, guidance: Sequence[float]) -> Tensor:
    """Classifier-free guidance (arXiv:2207.12598): negative + strength * (positive - negative).

    values (B + G, ...): B rows under the captions, then G rows under the negative captions of
    `guided_indices`; guidance: B strengths; -> (B, ...).
    """
    guided = guided_indices(guidance)
    if not guided:
        return values
    positive, negative = values[: len(guidance)], values[len(guidance) :]
    rows = torch.tensor(guided, device=values.device)
    strength = torch.tensor([guidance[index] for index in guided], device=values.device)
    strength = strength.view(-1, *[1] * (values.dim() - 1))
    return positive.index_copy(0, rows, negative + strength * (positive[rows] - negative))


def apply_guidance(field: Field, guidance: Sequence[float]) -> Field:
    """The guided field of B samples, from a field of B + G rows in the order of `combine_guided`."""
    guided = guided_indices(guidance)
    if not guided:
        return field

    def velocity(x: Tensor, time: Tensor) -> Tensor:
        return combine_guided(field(torch.cat([x, x[guided]]), torch.cat([time, time[guided]])), guidance)

    return velocity


def slerp(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """Spherical interpolation of each row of two batches (B, ...); standard normals stay standard normal."""
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    cosine = torch.nn.functional.cosine_similarity(flat_a, flat_b).clamp(-1, 1)
    angle = cosine.acos().view(-1, *[1] * (a.dim() - 1))
    circle = (((1 - weight) * angle).sin() * a + (weight * angle).sin() * b) / angle.sin()
    # Equal or opposite directions have no unique great circle.
    return torch.where(angle.sin() < 1e-4, torch.lerp(a, b, weight), circle)
