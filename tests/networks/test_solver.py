"""Laws of following a field through time."""

import math

import pytest
import torch

from dalle.networks.solver import (
    Cancelled,
    InversionTrajectory,
    Trajectory,
    follow,
    guided,
    integrate,
    schedule,
    slerp,
    step,
)

NOISE = torch.linspace(-2, 2, 24).reshape(2, 3, 4)


def growth(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    return x


def swirl(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """A field that depends on place and time."""
    return torch.sin(3 * x) + time[:, None, None].cos()


def test_the_error_is_of_second_order() -> None:
    """Guards against a step that forgets its past, which would be Euler's: first order."""
    x = torch.ones(1, 1, 1, dtype=torch.float64)
    errors = [abs(integrate(growth, x, schedule(0, 1, n)).item() - math.e) for n in (16, 32, 64)]
    assert errors[0] / errors[1] > 3.5 and errors[1] / errors[2] > 3.5


def test_there_and_back() -> None:
    """Guards against a sign that is wrong in one direction: encode and decode would part."""
    there = integrate(swirl, NOISE, schedule(1, 0, 200))
    assert not torch.allclose(there, NOISE, atol=0.1)
    assert torch.allclose(integrate(swirl, there, schedule(0, 1, 200)), NOISE, atol=1e-3)


def test_the_last_step_to_noise_is_the_first_one_back_undone() -> None:
    """Guards against latents that lead elsewhere, where a field is another at time 1 than just before it."""

    def field(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return torch.where(time[:, None, None] == 1, x - 3.0, swirl(x, time))

    times = schedule(0, 1, 200)
    noise = follow(field, [InversionTrajectory(x, times) for x in NOISE])
    assert torch.allclose(integrate(field, noise, schedule(1, 0, 200)), NOISE, atol=1e-3)
    walk = InversionTrajectory(NOISE[0], schedule(0, 0.5, 3))
    assert torch.equal(follow(field, [walk])[0], integrate(field, NOISE[:1], schedule(0, 0.5, 3))[0])


def test_on_a_straight_way_every_estimate_is_the_end() -> None:
    """Guards against previews of something else than what is being drawn."""
    features, seen = torch.flip(NOISE, (0,)), []
    end = integrate(
        lambda x, time: NOISE - features, NOISE, schedule(1, 0, 5), lambda n, x: seen.append((n, x))
    )
    assert [n for n, _ in seen] == [1, 2, 3, 4, 5]
    assert all(torch.allclose(estimate, features, atol=1e-6) for _, estimate in seen)
    assert torch.allclose(end, features, atol=1e-6)


def test_walks_at_different_times_share_a_batch() -> None:
    """Guards against a batch in which one picture's time or past leaks into another's."""
    plans = [(NOISE[0], schedule(1, 0, 4)), (NOISE[1], schedule(1, 0, 7))]
    alone = [integrate(swirl, x[None], times)[0] for x, times in plans]
    first, second = (Trajectory(x, times) for x, times in plans)
    step(swirl, [first])
    while not (first.done and second.done):
        step(swirl, [walk for walk in (second, first) if not walk.done])
    assert torch.equal(first.x, alone[0]) and torch.equal(second.x, alone[1])


def test_no_step_looks_back_across_a_turn() -> None:
    """Guards against a field that is extrapolated from what it was before it became another."""
    times = schedule(1, 0, 8)
    turn = float(times[4]) + 1e-3
    walk = Trajectory(NOISE[0], times, turn)
    follow(lambda x, time: torch.where(time > turn, 5.0, -1.0)[:, None, None].expand_as(x), [walk])
    before, after = 1 - float(times[4]), float(times[4])
    assert torch.allclose(walk.x, NOISE[0] - 5 * before + after, atol=1e-5)


def test_cancelling_stops_at_once() -> None:
    """Guards against a sampler that finishes its work although nobody wants it."""
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


def test_a_walk_needs_somewhere_to_go() -> None:
    """Guards against zero steps that silently return the noise."""
    with pytest.raises(ValueError, match="at least one step; got 0"):
        schedule(1, 0, 0)
    with pytest.raises(ValueError, match=r"times=\[1.0\]"):
        integrate(growth, NOISE, torch.tensor([1.0]))


def test_guidance_by_its_definition_and_only_where_asked() -> None:
    """Guards against pictures that pay for, or are changed by, the guidance of others in their batch."""
    rows = []
    x, time = torch.randn(3, 2, 4), torch.rand(3)
    captions = torch.tensor([1.0, 2.0, 3.0, 10.0, 30.0])[:, None, None]  # then the negatives of 0 and 2

    def field(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        rows.append(len(x))
        return captions * x + time[:, None, None]

    plain = captions[:3] * x + time[:, None, None]
    away = captions[3:] * x[[0, 2]] + time[[0, 2], None, None]
    velocity = guided(field, [2.0, 1.0, 5.0])(x, time)
    assert rows == [5]
    assert torch.allclose(velocity[0], away[0] + 2 * (plain[0] - away[0]))
    assert torch.equal(velocity[1], plain[1])
    assert torch.allclose(velocity[2], away[1] + 5 * (plain[2] - away[1]))
    assert guided(field, [1.0, 1.0]) is field


def test_slerp_keeps_ends_and_norm() -> None:
    """Guards against an interpolation through the middle, where no picture lies."""
    a, b = torch.randn(2, 16, 64), torch.randn(2, 16, 64)
    assert torch.allclose(slerp(a, b, 0), a, atol=1e-5)
    assert torch.allclose(slerp(a, b, 1), b, atol=1e-5)
    assert slerp(a, b, 0.5).norm() == pytest.approx(a.norm().item(), rel=0.05)
    assert torch.allclose(slerp(a, a, 0.5), a)
    both = slerp(torch.cat([a[:1], a[:1]]), torch.cat([b[:1], a[:1]]), 0.3)
    assert torch.equal(both[:1], slerp(a[:1], b[:1], 0.3))  # whatever stands beside it in the batch
    assert slerp(a, -a, 0.5).isfinite().all()
