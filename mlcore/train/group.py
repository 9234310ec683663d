"""What every engine of several processes shares: where ranks meet, and sums over them.

They meet by the environment that torchrun sets. A rank that dies breaks the connections of the
others; the launcher ends them.
"""

from __future__ import annotations

from datetime import timedelta

import torch
import torch.distributed as dist

TIMEOUT = timedelta(minutes=30)
"""longest wait for another rank: an evaluation on rank 0 must fit"""


class RankGroup:
    """One rank of a group. Making it waits for the others, unless they have met already."""

    def __init__(self, device: torch.device) -> None:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        if not dist.is_initialized():
            backend = "nccl" if device.type == "cuda" else "gloo"
            dist.init_process_group(backend, timeout=TIMEOUT)
        self.device = device
        self.rank = dist.get_rank()
        self.world = dist.get_world_size()

    def all_sum(self, values: torch.Tensor) -> torch.Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    def barrier(self) -> None:
        dist.barrier()

    def close(self) -> None:
        dist.destroy_process_group()
