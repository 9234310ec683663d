"""Several processes of one host by torch's DistributedDataParallel.

The job's own process is rank 0 and writes the events. It starts the other ranks as children in
its process group; they meet through a file in the run folder, so no port is needed. A rank that
dies breaks the connections of the others, who then end by themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import IO

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mlcore.errors import InfrastructureError

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


@contextmanager
def other_ranks(arguments: list[str], meeting: Path, world: int, log: Path) -> Iterator[None]:
    """Run ranks 1.. as children; whatever happens, none is left at the end.

    Each gets `arguments` plus its rank. Their output goes beside the run's log. Raises
    InfrastructureError when one ended badly although this rank was content.
    """
    meeting.unlink(missing_ok=True)
    ranks = [_start(arguments, rank, log) for rank in range(1, world)]
    content = False
    try:
        yield
        content = True
    finally:
        codes = [_end(process, patient=content) for process, _ in ranks]
        for _, file in ranks:
            file.close()
        meeting.unlink(missing_ok=True)
    bad = [f"rank {rank} ended with status {code}" for rank, code in enumerate(codes, 1) if code]
    if bad:
        raise InfrastructureError("; ".join(bad), where=str(log))


def _start(arguments: list[str], rank: int, log: Path) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    file = log.with_name(f"rank-{rank}.txt").open("ab")
    command = [sys.executable, "-m", "mlcore.train.rank", *arguments, str(rank), str(os.getpid())]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
    )
    return process, file


def _end(process: subprocess.Popen[bytes], *, patient: bool) -> int:
    """The exit status of a rank; one that is not wanted any more is killed."""
    if not patient:
        process.kill()
    try:
        return process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
