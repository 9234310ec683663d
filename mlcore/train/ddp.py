"""Several processes, each with the whole model, by torch's DistributedDataParallel."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mlcore.train.engine import MakeOptimizers, WholeModel
from mlcore.train.group import RankGroup
from mlcore.train.optim import Optimizers


class DdpEngine(WholeModel, RankGroup):
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

    def optimizer_tensors(self, optimizers: Optimizers) -> dict[str, torch.Tensor]:
        return optimizers.tensors() if self.rank == 0 else {}
