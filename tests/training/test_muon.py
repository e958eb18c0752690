"""Laws of the optimizer."""

import pytest
import torch
from torch import nn

from dalle.training.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(1, 64, 16), (3, 16, 64), (2, 8, 36), (1, 96, 128)])
def test_singular_values_end_near_one(shape: tuple[int, ...]) -> None:
    """Guards against an iteration that diverges for tall, wide or batched matrices, whatever their scale."""
    matrices = torch.randn(shape)
    for scale in (1e-4, 1.0, 1e4):
        values = torch.linalg.svdvals(orthogonalize(scale * matrices))
        assert values.min() > 0.6 and values.max() < 1.3


def test_directions_are_kept() -> None:
    """Guards against an orthogonal matrix that has nothing to do with the gradient."""
    matrices = torch.randn(2, 12, 40)
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    nearest = left @ right
    cosine = torch.nn.functional.cosine_similarity(orthogonalize(matrices).flatten(1), nearest.flatten(1))
    assert cosine.min() > 0.97


def updated(parameters: list[nn.Parameter], steps: int = 3) -> list[torch.Tensor]:
    """Values after a few steps of gradients that depend on the number of elements alone."""
    optimizer = Muon(parameters, lr=0.1)
    for step in range(steps):
        for parameter in parameters:
            noise = torch.Generator().manual_seed(step)
            parameter.grad = torch.randn(parameter.numel(), generator=noise).view_as(parameter)
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


def test_a_convolution_is_a_matrix() -> None:
    """Guards against convolutions that are orthogonalised over the wrong axes, or in memory order."""
    weights = torch.randn(16, 4, 3, 3)
    plain, matrix = nn.Parameter(weights.clone()), nn.Parameter(weights.flatten(1).clone())
    last = nn.Parameter(weights.clone().to(memory_format=torch.channels_last))
    assert torch.equal(updated([plain])[0].flatten(1), updated([matrix])[0])
    assert torch.equal(updated([last])[0], plain)


def test_equal_shapes_share_a_batch_and_nothing_else() -> None:
    """Guards against updates that reach another parameter of the same shape."""
    start = [torch.randn(16, 24), torch.randn(24, 16), torch.randn(16, 24)]
    together = updated([nn.Parameter(value.clone()) for value in start])
    alone = [updated([nn.Parameter(value.clone())])[0] for value in start]
    assert all(torch.allclose(a, b, atol=2e-3) for a, b in zip(together, alone, strict=True))


def test_it_solves_least_squares() -> None:
    """Guards against steps in the wrong direction."""
    x, solution = torch.randn(256, 32), torch.randn(32, 16)
    layer = nn.Linear(32, 16, bias=False)
    optimizer = Muon(layer.parameters(), lr=0.3, weight_decay=0)
    losses = []
    for step in range(150):
        optimizer.param_groups[0]["lr"] = 0.3 * (1 - step / 150)
        loss = (layer(x) - x @ solution).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 1e-3 * losses[0]


def test_what_has_no_gradient_stays() -> None:
    """Guards against weights that decay although nothing trains them."""
    parameter = nn.Parameter(torch.randn(16, 16))
    before = parameter.detach().clone()
    Muon([parameter]).step()
    assert torch.equal(parameter, before)
