"""Muon: momentum, made orthogonal, for every weight that acts as a matrix; linear layers and convolutions.

Keller Jordan, 2024 (kellerjordan.github.io/posts/muon); the update's size is matched to AdamW's as in
Moonlight (arXiv:2502.16982). Unlike torch.optim.Muon it takes convolutions, and orthogonalises equal shapes
in one batch.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

QUINTICS = (  # a x + b x^3 + c x^5, one after the other
    (8.2987, -24.4306, 18.0904),
    (3.9152, -2.9211, 0.5592),
    (3.1746, -2.3804, 0.4978),
    (2.1895, -1.5672, 0.4079),
)


class Muon(Optimizer):
    """Parameters of two or more dimensions, read as matrices (out, everything else)."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 2e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape[parameter.flatten(1).shape].append(parameter)
            for shape, parameters in by_shape.items():
                self._update(group, shape, parameters)

    def _update(self, group: dict, shape: torch.Size, parameters: list[Tensor]) -> None:
        directions = []
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            average = state["momentum"]
            average.lerp_(parameter.grad, 1 - group["momentum"])
            directions.append(parameter.grad.lerp(average, group["momentum"]).flatten(1))
        updates = orthogonalise(torch.stack(directions))
        # An orthogonal matrix's entries have deviation 1 / sqrt(longer side); AdamW's updates have about 0.2.
        scale = 0.2 * max(shape) ** 0.5
        for parameter, update in zip(parameters, updates, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(update.view_as(parameter), alpha=-group["lr"] * scale)


def orthogonalise(matrices: Tensor) -> Tensor:
    """(M, rows, columns) -> the same shape with all singular values near 1, by Newton and Schulz in bf16.

    Each iteration is the odd quintic that brings the worst singular value nearest to 1 (Polar Express,
    arXiv:2505.16932), found by linear programming for values from 0.005 of the Frobenius norm on: four of
    them do better than five with one set of coefficients.
    """
    x = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    # The first quintic explodes above 1, where bf16 could round a matrix of rank one to.
    x = x / (1.02 * x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for a, b, c in QUINTICS:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)
