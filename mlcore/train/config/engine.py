"""How the work is spread over processes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import StrictModel


class LocalEngine(StrictModel):
    """One process."""

    type: Literal["local"]
    """how the work is spread"""


class DdpEngine(StrictModel):
    """Several processes of this host, each with a share of every batch (gloo or nccl)."""

    type: Literal["ddp"]
    """how the work is spread"""
    processes: int = Field(default=2, ge=2, le=64)
    """ranks; batch_size must be a multiple"""
