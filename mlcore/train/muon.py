"""Muon: momentum whose matrices are made nearly orthogonal before each update.

The algorithm and its constants are those of K. Jordan et al., "Muon: An optimizer for hidden
layers in neural networks" (2024); the size of the update is matched to AdamW's as in J. Liu et
al., "Muon is Scalable for LLM Training" (2025). `torch.optim.Muon` computes the same, one matrix
at a time and always in bfloat16, which a CPU without that format emulates several times slower
than float32. Of weights that are cut over ranks the whole update is gathered, turned on every
rank, and each keeps its part: only whole matrices can be made orthogonal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, overload

import torch
from torch import Tensor, nn

from mlcore.train.sharding import cut_like, whole

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""of the quintic iteration: steepest at zero, so five rounds bring all singular values near 1"""
ROUNDS = 5
EPS = 1e-7
STACK_ELEMENTS = 1 << 22
"""most numbers that are stacked for one product: larger matrices gain nothing from it"""


class Muon(torch.optim.Optimizer):
    """For two-dimensional weights. State: `momentum_buffer` of each, as `torch.optim.Muon` has it.

    `lr` is on the scale of AdamW's update size; `weight_decay` is decoupled. Raises ValueError for
    a parameter that is no matrix.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, defaults)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim != 2:
                    raise ValueError(f"Muon is for matrices, not {tuple(parameter.shape)}")

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        waiting = [
            (group, parameter, whole(self._nesterov(parameter, group["momentum"])))
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        turned = orthogonalized([update for _, _, update in waiting])
        for (group, parameter, _), update in zip(waiting, turned, strict=True):
            rate = group["lr"]
            parameter.mul_(1 - rate * group["weight_decay"])
            scale = 0.2 * math.sqrt(max(parameter.shape))
            change = cut_like(update.to(parameter.dtype), parameter)
            parameter.add_(change, alpha=-rate * scale)
        return loss

    def _nesterov(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """Bring the momentum up to date; returns the direction that looks one step ahead."""
        gradient = parameter.grad
        assert gradient is not None
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(gradient, 1 - momentum)
        return gradient.lerp(buffer, momentum)


def orthogonalized(updates: Sequence[Tensor]) -> list[Tensor]:
    """Each matrix with its singular values brought near 1, in the order given.

    Matrices of one shape, or of one shape and its transpose, share a product: a small model is
    mostly the cost of starting products.
    """
    lying = [update if update.shape[0] <= update.shape[1] else update.T for update in updates]
    out: list[Tensor] = [torch.empty(0)] * len(updates)
    order = sorted(range(len(updates)), key=lambda i: (*lying[i].shape, i))
    for shape, group in groupby(order, key=lambda i: lying[i].shape):
        places = list(group)
        size = max(1, STACK_ELEMENTS // shape.numel())
        for start in range(0, len(places), size):
            part = places[start : start + size]
            turned = newton_schulz(torch.stack([lying[i] for i in part]))
            for i, matrix in zip(part, turned, strict=True):
                out[i] = matrix if lying[i] is updates[i] else matrix.T
    return out


def newton_schulz(stack: Tensor) -> Tensor:
    """The quintic iteration over matrices [N, R, C] with R <= C.

    In bfloat16 on a GPU, in the matrices' own format and at least float32 elsewhere.
    """
    a, b, c = COEFFICIENTS
    x = stack.to(working_format(stack))
    # A spectral norm of at most 1 is what the iteration converges from.
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=EPS)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def working_format(values: Tensor) -> torch.dtype:
    """The number format of the iteration."""
    if values.device.type == "cuda":
        return torch.bfloat16
    return torch.promote_types(values.dtype, torch.float32)
