"""What is saved while training."""

from __future__ import annotations

from pydantic import Field

from mlcore.config.base import StrictModel


class CheckpointConfig(StrictModel):
    """Restartable checkpoints."""

    every_steps: int = Field(default=200, ge=1)
    """steps between checkpoints"""
    keep: int = Field(default=2, ge=1)
    """newest checkpoints that stay"""
