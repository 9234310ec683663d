"""What every engine of several processes shares: where ranks meet, and sums over them.

They meet by the environment that torchrun sets. A rank that dies breaks the connections of the
others; the launcher ends them.
"""

from __future__ import annotations

from datetime import timedelta

import torch
import torch.distributed as dist

TIMEOUT = timedelta(minutes=30)
"""longest wait for another rank: writing a checkpoint must fit, and so must long answers"""


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

    def all_texts(self, text: str) -> list[str]:
        data = torch.tensor(list(text.encode()), dtype=torch.uint8)
        mine = torch.zeros(self.world, dtype=torch.int64, device=self.device)
        mine[self.rank] = len(data)
        lengths: list[int] = self.all_sum(mine).tolist()
        padded = torch.zeros(max(lengths), dtype=torch.uint8, device=self.device)
        padded[: len(data)] = data.to(self.device)
        said = [torch.empty_like(padded) for _ in lengths]
        dist.all_gather(said, padded)
        rows = zip(said, lengths, strict=True)
        return [row[:length].cpu().numpy().tobytes().decode() for row, length in rows]

    def barrier(self) -> None:
        dist.barrier()

    def close(self) -> None:
        dist.destroy_process_group()
