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


class ZeroEngine(RanksEngine):
    """What the stages of DeepSpeed's ZeRO have in common. The package is an extra, see
    requirements-deepspeed.txt."""

    bucket: int = Field(default=50_000_000, ge=1)
    """numbers of a gradient that are summed over the processes at a time: more of them are faster
    and take more memory"""


class Zero2Engine(ZeroEngine):
    """Gradients and optimiser state are cut over the processes (DeepSpeed's ZeRO, stage 2)."""

    type: Literal["zero2"]
    """how the work is spread"""


class Zero3Engine(ZeroEngine):
    """Weights, gradients and optimiser state are cut over the processes (DeepSpeed's ZeRO, stage
    3); the weights of the LM head stay whole on each."""

    type: Literal["zero3"]
    """how the work is spread"""
    keep_below: int = Field(default=100_000, ge=0)
    """weights of fewer numbers than this stay whole on every process"""
