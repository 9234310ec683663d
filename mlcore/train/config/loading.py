"""How samples are made ahead of the steps that learn from them."""

from __future__ import annotations

from pydantic import Field

from mlcore.config.base import RUNTIME, StrictModel


class LoadingConfig(StrictModel):
    """How samples are made: read, augmented and rendered. Nothing here changes a result."""

    workers: int = Field(default=0, ge=0, le=64, json_schema_extra=RUNTIME)
    """processes of each rank that make samples ahead; 0 makes them when a step needs them"""
    prefetch: int = Field(default=2, ge=1, le=64, json_schema_extra=RUNTIME)
    """steps whose samples are made ahead with workers; so many steps' samples stay in memory"""
    pin_memory: bool = Field(default=True, json_schema_extra=RUNTIME)
    """whether batches for a GPU are copied from page-locked memory, while it computes"""
