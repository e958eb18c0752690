"""Muon: momentum whose update is orthogonalised, for the weights of linear layers and convolutions.

Keller Jordan, 2024 (kellerjordan.github.io/posts/muon), with the size of updates matched to AdamW's
(Moonlight, arXiv:2502.16982). Unlike torch.optim.Muon it takes convolutions, and orthogonalises all matrices
of one shape in one batch.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

from dalle import runtime

POLYNOMIALS = (  # (a, b, c) of a x + b x^3 + c x^5, applied one after the other
    (8.2987, -24.4306, 18.0904),
    (3.9152, -2.9211, 0.5592),
    (3.1746, -2.3804, 0.4978),
    (2.1895, -1.5672, 0.4079),
)


class Muon(Optimizer):
    """Optimizer of parameters with two or more dimensions, flattened to matrices (out, all else)."""

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
            gradient = parameter.grad
            assert gradient is not None, "step() passes parameters with gradients only"
            average.lerp_(gradient, 1 - group["momentum"])
            directions.append(gradient.lerp(average, group["momentum"]).flatten(1))
        updates = orthogonalize(torch.stack(directions))
        # Entries of an orthogonal matrix have standard deviation 1 / sqrt(longer side); AdamW's updates 0.2.
        scale = 0.2 * max(shape) ** 0.5
        for parameter, update in zip(parameters, updates, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(update.view_as(parameter), alpha=-group["lr"] * scale)


def orthogonalize(matrices: Tensor) -> Tensor:
    """matrices (M, rows, columns) -> the same shape, all singular values near 1; Newton-Schulz.

    In bf16, but in float32 on a CPU whose bf16 products are slow: there it would take most of a step.

    Each iteration is the odd quintic with the smallest worst-case error (Polar Express, arXiv:2505.16932),
    found by linear programming for singular values from 0.005 of the Frobenius norm: four of them do better
    than five with one set of coefficients.
    """
    x = matrices.to(runtime.inference_dtype())
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    # The first quintic diverges above 1, to which bf16 may round the singular value of a rank-one matrix.
    x = x / (1.02 * x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for a, b, c in POLYNOMIALS:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)
