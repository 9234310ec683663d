"""The config of a `merge` run. Light: imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import RUNTIME, AdapterRef, JobConfig, ModelRef


class MergeConfig(JobConfig):
    """Put an adapter into the weights of the checkpoint that it was made for."""

    kind: Literal["merge"]
    """the job kind"""
    model: ModelRef
    """the checkpoint that the adapter was trained on"""
    adapter: AdapterRef
    """the adapter"""
    dtype: Literal["base", "float32", "bfloat16", "float16"] = "base"
    """number format of the merged weights on disk; base keeps that of the checkpoint"""
    tolerance: float = Field(default=1e-5, gt=0)
    """largest difference between the logits of adapter and merged weights in float32, as a share
    of the largest logit; more fails the run"""
    threads: int = Field(default=1, ge=1, le=256, json_schema_extra=RUNTIME)
    """CPU threads"""
