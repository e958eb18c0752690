"""Tests of the ODE solver, guidance and interpolation."""

import math

import pytest
import torch

from dalle.networks.solver import (
    Cancelled,
    InversionTrajectory,
    Trajectory,
    apply_guidance,
    integrate,
    schedule,
    slerp,
    solve,
    step,
)

NOISE = torch.linspace(-2, 2, 24).reshape(2, 3, 4)


def growth(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    return x


def swirl(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """A field that depends on x and time."""
    return torch.sin(3 * x) + time[:, None, None].cos()


def test_the_error_is_of_second_order() -> None:
    """Guards against a step that ignores the previous velocity, which would be Euler's: first order."""
    x = torch.ones(1, 1, 1, dtype=torch.float64)
    errors = [abs(integrate(growth, x, schedule(0, 1, n)).item() - math.e) for n in (16, 32, 64)]
    assert errors[0] / errors[1] > 3.5 and errors[1] / errors[2] > 3.5


def test_both_directions_are_inverse() -> None:
    """Guards against a wrong sign in one direction: decoding would not invert encoding."""
    features = integrate(swirl, NOISE, schedule(1, 0, 200))
    assert not torch.allclose(features, NOISE, atol=0.1)
    assert torch.allclose(integrate(swirl, features, schedule(0, 1, 200)), NOISE, atol=1e-3)


def test_the_last_inversion_step_inverts_the_first_sampling_step() -> None:
    """Guards against latents that give another picture, where the field jumps at time 1."""

    def field(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return torch.where(time[:, None, None] == 1, x - 3.0, swirl(x, time))

    times = schedule(0, 1, 200)
    noise = solve(field, [InversionTrajectory(x, times) for x in NOISE])
    assert torch.allclose(integrate(field, noise, schedule(1, 0, 200)), NOISE, atol=1e-3)
    partial = InversionTrajectory(NOISE[0], schedule(0, 0.5, 3))
    assert torch.equal(solve(field, [partial])[0], integrate(field, NOISE[:1], schedule(0, 0.5, 3))[0])


def test_on_a_straight_path_every_estimate_is_the_end() -> None:
    """Guards against previews of another picture than the one that is drawn."""
    features, estimates = torch.flip(NOISE, (0,)), []
    end = integrate(
        lambda x, time: NOISE - features, NOISE, schedule(1, 0, 5), lambda n, x: estimates.append((n, x))
    )
    assert [n for n, _ in estimates] == [1, 2, 3, 4, 5]
    assert all(torch.allclose(estimate, features, atol=1e-6) for _, estimate in estimates)
    assert torch.allclose(end, features, atol=1e-6)


def test_trajectories_at_different_times_share_a_batch() -> None:
    """Guards against a batch in which one sample's time or previous velocity is used for another."""
    starts = [(NOISE[0], schedule(1, 0, 4)), (NOISE[1], schedule(1, 0, 7))]
    alone = [integrate(swirl, x[None], times)[0] for x, times in starts]
    first, second = (Trajectory(x, times) for x, times in starts)
    step(swirl, [first])
    while not (first.done and second.done):
        step(swirl, [each for each in (second, first) if not each.done])
    assert torch.equal(first.x, alone[0]) and torch.equal(second.x, alone[1])


def test_no_step_uses_a_velocity_from_before_the_restart() -> None:
    """Guards against extrapolation from the field as it was before it changed."""
    times = schedule(1, 0, 8)
    restart = float(times[4]) + 1e-3
    trajectory = Trajectory(NOISE[0], times, restart)
    solve(lambda x, time: torch.where(time > restart, 5.0, -1.0)[:, None, None].expand_as(x), [trajectory])
    before, after = 1 - float(times[4]), float(times[4])
    assert torch.allclose(trajectory.x, NOISE[0] - 5 * before + after, atol=1e-5)


def test_cancelling_stops_immediately() -> None:
    """Guards against a solver that finishes although its result is not wanted."""
    evaluated = []

    def field(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        evaluated.append(time)
        return x

    def on_step(done: int, estimate: torch.Tensor) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        integrate(field, NOISE, schedule(1, 0, 9), on_step)
    assert len(evaluated) == 2


def test_no_steps_are_refused() -> None:
    """Guards against zero steps that silently return the noise."""
    with pytest.raises(ValueError, match="at least one step; got 0"):
        schedule(1, 0, 0)
    with pytest.raises(ValueError, match=r"times=\[1.0\]"):
        integrate(growth, NOISE, torch.tensor([1.0]))


def test_guidance_equals_its_definition_where_it_is_not_1() -> None:
    """Guards against samples that are evaluated twice for, or changed by, the guidance of others."""
    evaluated_rows = []
    x, time = torch.randn(3, 2, 4), torch.rand(3)
    captions = torch.tensor([1.0, 2.0, 3.0, 10.0, 30.0])[:, None, None]  # then the negatives of 0 and 2

    def field(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        evaluated_rows.append(len(x))
        return captions * x + time[:, None, None]

    positive = captions[:3] * x + time[:, None, None]
    negative = captions[3:] * x[[0, 2]] + time[[0, 2], None, None]
    velocity = apply_guidance(field, [2.0, 1.0, 5.0])(x, time)
    assert evaluated_rows == [5]
    assert torch.allclose(velocity[0], negative[0] + 2 * (positive[0] - negative[0]))
    assert torch.equal(velocity[1], positive[1])
    assert torch.allclose(velocity[2], negative[1] + 5 * (positive[2] - negative[1]))
    assert apply_guidance(field, [1.0, 1.0]) is field


def test_slerp_keeps_ends_and_norm() -> None:
    """Guards against linear interpolation, whose middle has too small a norm for noise."""
    a, b = torch.randn(2, 16, 64), torch.randn(2, 16, 64)
    assert torch.allclose(slerp(a, b, 0), a, atol=1e-5)
    assert torch.allclose(slerp(a, b, 1), b, atol=1e-5)
    assert slerp(a, b, 0.5).norm() == pytest.approx(a.norm().item(), rel=0.05)
    assert torch.allclose(slerp(a, a, 0.5), a)
    both = slerp(torch.cat([a[:1], a[:1]]), torch.cat([b[:1], a[:1]]), 0.3)
    assert torch.equal(both[:1], slerp(a[:1], b[:1], 0.3))  # independent of the rest of the batch
    assert slerp(a, -a, 0.5).isfinite().all()
