"""Several processes of one host by torch's DistributedDataParallel.

The job's own process is rank 0 and writes the events; `group` starts the others. They meet
through a file in the run folder, so no port is needed. A rank that dies breaks the connections
of the others, who then end by themselves.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

TIMEOUT = timedelta(minutes=30)
"""longest wait for another rank: an evaluation on rank 0 must fit"""


class DdpEngine:
    """One rank of a group."""

    def __init__(self, meeting: Path, rank: int, world: int, device: torch.device) -> None:
        self.rank = rank
        self.world = world
        self._device = device
        dist.init_process_group(
            backend="nccl" if device.type == "cuda" else "gloo",
            init_method=f"file://{meeting}",
            rank=rank,
            world_size=world,
            timeout=TIMEOUT,
        )

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
