"""The config of a gate."""
from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import EvaluationRef, JobConfig


class GateConfig(JobConfig):
    """Hold one evaluation against one policy."""

    kind: Literal["gate"]
    """the job kind"""
    policy: str = Field(min_length=1)
    """the name of a shipped policy, or the path of a policy file (ends in .yaml)"""
    evaluation: EvaluationRef
    """the evaluation that must prove every check of the policy"""
