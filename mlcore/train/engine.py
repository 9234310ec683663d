"""The engine seam: what the loop needs from one process or from several."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

import torch
from torch import nn

from mlcore.train.optim import Optimizers, gradient_norm

M = TypeVar("M", bound=nn.Module)
MakeOptimizers = Callable[[], Optimizers]


class Engine(Protocol):
    """How the work is spread. Every method is called by every rank in the same order.

    A `step` is a module whose forward gives a loss; its `model` is what is trained and saved, one
    of its children. Both must hold all their weights, as a checkpoint has them, before `spread`.
    """

    rank: int
    world: int

    def spread(self, step: nn.Module, model: nn.Module, make: MakeOptimizers) -> Optimizers:
        """Spread the step over the ranks. `make` builds the optimisers of `model` as it then is.

        Raises ConfigError when the engine cannot train with them.
        """
        ...

    @property
    def forward(self) -> nn.Module:
        """The spread step: what is called instead of it."""
        ...

    def accumulate(self, *, last: bool) -> AbstractContextManager[None]:
        """A context for one micro-batch, forward and backward; all ranks have as many."""
        ...

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradient of this rank's part of the loss; the parts add up over the ranks."""
        ...

    def update(self, optimizers: Optimizers, clip: float | None) -> float:
        """Clip the gradient, summed over all, to a joint norm and let the optimisers step.

        Returns the norm before clipping. When it is no finite number, nothing has changed.
        """
        ...

    def whole(self, model: M) -> AbstractContextManager[M]:
        """On every rank a model like `model` whose weights are all there, to be read, saved, or
        run by itself, without the other ranks. It is as good as the current weights until the
        context ends, and nothing is learned by changing it."""
        ...

    def load_weights(self, model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
        """Set the weights that are named here; every rank has them whole."""
        ...

    def optimizer_tensors(self, optimizers: Optimizers) -> dict[str, torch.Tensor]:
        """The whole state as `optimizer/parameter/what` -> tensor on rank 0, nothing elsewhere.

        It is the same for every engine.
        """
        ...

    def load_optimizer(self, optimizers: Optimizers, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back on every rank what `optimizer_tensors` gave."""
        ...

    def all_sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over the ranks, on every rank."""
        ...

    def all_texts(self, text: str) -> list[str]:
        """What every rank says, in the order of the ranks, on every rank."""
        ...

    def barrier(self) -> None:
        """Wait for every rank."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class WholeModel:
    """What engines share in which every process holds the whole model."""

    _step: nn.Module

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

    def load_optimizer(self, optimizers: Optimizers, tensors: Mapping[str, torch.Tensor]) -> None:
        optimizers.load_tensors(tensors)


class LocalEngine(WholeModel):
    """One process: nothing to share."""

    rank = 0
    world = 1

    def spread(self, step: nn.Module, model: nn.Module, make: MakeOptimizers) -> Optimizers:
        self._step = step
        return make()

    @property
    def forward(self) -> nn.Module:
        return self._step

    @contextmanager
    def accumulate(self, *, last: bool) -> Iterator[None]:
        yield

    def backward(self, loss: torch.Tensor) -> None:
        torch.autograd.backward(loss)

    def optimizer_tensors(self, optimizers: Optimizers) -> dict[str, torch.Tensor]:
        return optimizers.tensors()

    def all_sum(self, values: torch.Tensor) -> torch.Tensor:
        return values

    def all_texts(self, text: str) -> list[str]:
        return [text]

    def barrier(self) -> None:
        return

    def close(self) -> None:
        return


def trained(module: nn.Module) -> list[nn.Parameter]:
    """The weights that learn."""
    return [p for p in module.parameters() if p.requires_grad]
