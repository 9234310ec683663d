"""The engine seam: what the loop needs from one process or from several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import torch
from torch import nn


class Engine(Protocol):
    """How the work is spread. Every method is called by every rank in the same order."""

    rank: int
    world: int

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module whose backward sums gradients over the ranks."""
        ...

    def accumulate(self, module: nn.Module, *, last: bool) -> AbstractContextManager[None]:
        """A context for one micro-batch: gradients are shared on the last one only."""
        ...

    def gradient_scale(self) -> float:
        """What the loss is multiplied by, so that gradients come out as sums over the ranks."""
        ...

    def all_sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over the ranks, on every rank."""
        ...

    def barrier(self) -> None:
        """Wait for every rank."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class LocalEngine:
    """One process: nothing to share."""

    rank = 0
    world = 1

    def wrap(self, module: nn.Module) -> nn.Module:
        return module

    @contextmanager
    def accumulate(self, module: nn.Module, *, last: bool) -> Iterator[None]:
        yield

    def gradient_scale(self) -> float:
        return 1.0

    def all_sum(self, values: torch.Tensor) -> torch.Tensor:
        return values

    def barrier(self) -> None:
        return

    def close(self) -> None:
        return
