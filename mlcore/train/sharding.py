"""Tensors that are cut over the ranks (torch's DTensor), and whole ones made of them and back."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor

M = TypeVar("M", bound=nn.Module)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """The whole of a tensor, on every rank; every rank must call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def cut_like(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """This rank's part of a whole tensor that every rank has, cut as `like` is.

    What has another shape, as a step counter has, stays whole.
    """
    if not isinstance(like, DTensor) or tensor.shape != like.shape:
        return tensor
    return distribute_tensor(
        tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None
    )


class Replica(Generic[M]):
    """A copy of a model, made before it is cut, that rank 0 fills with what it has learned.

    The cut model itself cannot be run on one rank alone: its layers would wait for the others.
    """

    def __init__(self, model: M, rank: int) -> None:
        self._model = copy.deepcopy(model).to("cpu") if rank == 0 else None

    @contextmanager
    def filled(self, weights: Mapping[str, torch.Tensor], device: torch.device) -> Iterator[M]:
        """The copy with these whole weights, by name. Only while inside it lies on the device."""
        assert self._model is not None
        own = dict(self._model.named_parameters())
        with torch.no_grad():
            for name, value in weights.items():
                own[name].copy_(value)
        self._model.to(device)
        yield self._model
        self._model.to("cpu")
