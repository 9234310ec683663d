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


class Husk(Generic[M]):
    """A copy of a model without its weights, made before it is cut, that takes whole ones for a
    while. The cut model itself cannot be run by one rank: its layers would wait for the others.
    """

    def __init__(self, model: M) -> None:
        empty = {
            id(p): nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad)
            for p in model.parameters()
        }
        self._model = copy.deepcopy(model, {**empty})
        self._empty = dict(self._model.named_parameters())
        names = {id(weight): name for name, weight in self._empty.items()}
        self._places = [
            (module, own, names[id(weight)])
            for module in self._model.modules()
            for own, weight in module.named_parameters(recurse=False, remove_duplicate=False)
        ]

    @contextmanager
    def filled(self, weights: Mapping[str, torch.Tensor]) -> Iterator[M]:
        """The copy with these weights, by the name of each; tied ones have one name."""
        full = {
            name: nn.Parameter(weights[name], requires_grad=empty.requires_grad)
            for name, empty in self._empty.items()
        }
        self._hang(full)
        try:
            yield self._model
        finally:
            self._hang(self._empty)

    def _hang(self, weights: Mapping[str, nn.Parameter]) -> None:
        for module, own, name in self._places:
            module.register_parameter(own, weights[name])
