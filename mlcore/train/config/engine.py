"""How the work is spread over processes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import StrictModel


class LocalEngine(StrictModel):
    """One process."""

    type: Literal["local"]
    """how the work is spread"""


class RanksEngine(StrictModel):
    """Several processes of this host, each with a share of every batch (gloo or nccl)."""

    processes: int = Field(default=2, ge=2, le=64)
    """ranks; batch_size must be a multiple"""


class DdpEngine(RanksEngine):
    """Every process holds the whole model (torch's DistributedDataParallel)."""

    type: Literal["ddp"]
    """how the work is spread"""


class FsdpEngine(RanksEngine):
    """Weights, gradients and optimiser state are cut over the processes (torch's fully_shard)."""

    type: Literal["fsdp"]
    """how the work is spread"""
    reshard_after_forward: bool = True
    """give a block's weights back after its forward pass; false keeps them until its backward
    pass, which is faster and takes more memory"""
