"""Several processes of one host by torch's DistributedDataParallel.

They meet by the environment that torchrun sets. A rank that dies breaks the connections of the
others; the launcher ends them.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

TIMEOUT = timedelta(minutes=30)
"""longest wait for another rank: an evaluation on rank 0 must fit"""


class DdpEngine:
    """One rank of a group. Making it waits for the others."""

    def __init__(self, device: torch.device) -> None:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
        self.rank = dist.get_rank()
        self.world = dist.get_world_size()

    def wrap(self, module: nn.Module) -> nn.Module:
        return DistributedDataParallel(module, forward_sync_buffers=False)

    def accumulate(self, module: nn.Module, *, last: bool) -> AbstractContextManager[None]:
        if last:
            return nullcontext()
        assert isinstance(module, DistributedDataParallel)
        context: AbstractContextManager[None] = module.no_sync()
        return context

    def gradient_scale(self) -> float:
        """DistributedDataParallel averages; the loss is normalised over the whole batch already."""
        return float(self.world)

    def all_sum(self, values: torch.Tensor) -> torch.Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    def barrier(self) -> None:
        dist.barrier()

    def close(self) -> None:
        dist.destroy_process_group()
