"""Several processes, each with the whole model, by torch's DistributedDataParallel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mlcore.train.engine import M, MakeOptimizers, trained
from mlcore.train.group import RankGroup
from mlcore.train.optim import Optimizers, gradient_norm


class DdpEngine(RankGroup):
    """Gradients are summed over the ranks while the last micro-batch goes backward."""

    def spread(self, step: nn.Module, model: nn.Module, make: MakeOptimizers) -> Optimizers:
        self._step = step
        self._wrapped = DistributedDataParallel(step, forward_sync_buffers=False)
        return make()

    @property
    def forward(self) -> nn.Module:
        return self._wrapped

    def accumulate(self, *, last: bool) -> AbstractContextManager[None]:
        if last:
            return nullcontext()
        context: AbstractContextManager[None] = self._wrapped.no_sync()
        return context

    def backward(self, loss: torch.Tensor) -> None:
        # DistributedDataParallel averages; the parts of the loss are to add up.
        torch.autograd.backward(loss * self.world)

    def update(self, optimizers: Optimizers, clip: float | None) -> float:
        norm = gradient_norm(trained(self._step), clip)
        if math.isfinite(norm):
            optimizers.step()
        return norm

    @contextmanager
    def whole(self, model: M) -> Iterator[M]:
        yield model

    def load_weights(self, model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
        model.load_state_dict(weights, strict=False)

    def optimizer_tensors(self, optimizers: Optimizers) -> dict[str, torch.Tensor]:
        return optimizers.tensors() if self.rank == 0 else {}

    def load_optimizer(self, optimizers: Optimizers, tensors: Mapping[str, torch.Tensor]) -> None:
        optimizers.load_tensors(tensors)
