"""Several processes, each with a part of every weight, by torch's fully_shard (FSDP2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import cast

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule, fully_shard

from mlcore.train.config import FsdpEngine as FsdpConfig
from mlcore.train.engine import M, MakeOptimizers, trained
from mlcore.train.group import RankGroup
from mlcore.train.optim import Optimizers
from mlcore.train.sharding import Husk, cut_like, whole


class FsdpEngine(RankGroup):
    """Weights, gradients and optimiser state are cut over the ranks; each entry of a module list
    (a block of the transformer) is gathered while it works. Gradients are summed and cut after
    every micro-batch, so that no rank ever holds all of them."""

    def __init__(self, device: torch.device, config: FsdpConfig) -> None:
        super().__init__(device)
        self._config = config

    def spread(self, step: nn.Module, model: nn.Module, make: MakeOptimizers) -> Optimizers:
        self._step = step
        self._model = model
        self._husk = Husk(model)
        for block in blocks(step):
            fully_shard(block, reshard_after_forward=self._config.reshard_after_forward)
        fully_shard(step)
        for module in step.modules():
            if isinstance(module, FSDPModule):
                # Sums, not means: the parts of the loss add up already.
                module.set_gradient_divide_factor(1.0)
                module.set_force_sum_reduction_for_comms(True)
        return make()

    @property
    def forward(self) -> nn.Module:
        return self._step

    def accumulate(self, *, last: bool) -> AbstractContextManager[None]:
        return nullcontext()

    def backward(self, loss: torch.Tensor) -> None:
        torch.autograd.backward(loss)

    def update(self, optimizers: Optimizers, clip: float | None) -> float:
        parameters = trained(self._step)
        gradients = [p.grad for p in parameters if p.grad is not None]
        total = whole(torch.nn.utils.get_total_norm(gradients))
        norm = float(total)
        if math.isfinite(norm):
            if clip is not None:
                torch.nn.utils.clip_grads_with_norm_(parameters, clip, total)
            optimizers.step()
        return norm

    @contextmanager
    def whole(self, model: M) -> Iterator[M]:
        weights = {name: whole(p.detach()) for name, p in model.named_parameters()}
        with self._husk.filled(weights) as copy:
            yield cast("M", copy)

    def load_weights(self, model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
        now = model.state_dict()
        cut = {name: cut_like(value, now[name]) for name, value in weights.items()}
        model.load_state_dict(cut, strict=False)

    def optimizer_tensors(self, optimizers: Optimizers) -> dict[str, torch.Tensor]:
        return gathered(optimizers.tensors(), self.rank)

    def load_optimizer(self, optimizers: Optimizers, tensors: Mapping[str, torch.Tensor]) -> None:
        weights = dict(self._model.named_parameters())
        optimizers.load_tensors(
            {key: cut_like(value, weights[key.split("/")[1]]) for key, value in tensors.items()}
        )


def blocks(step: nn.Module) -> list[nn.Module]:
    """The entries of the outermost module lists that have weights: what is gathered at a time."""
    found: list[nn.Module] = []
    for child in step.children():
        if isinstance(child, nn.ModuleList):
            found += [entry for entry in child if any(True for _ in entry.parameters())]
        else:
            found += blocks(child)
    return found


def gathered(tensors: Mapping[str, torch.Tensor], rank: int) -> dict[str, torch.Tensor]:
    """Each tensor whole on the CPU of rank 0, nothing elsewhere; every rank must call it."""
    out: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        value = whole(tensor.detach())
        if rank == 0:
            out[name] = value.cpu()
    return out
