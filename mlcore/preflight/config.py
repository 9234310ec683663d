"""The names of the checks, and which of their warnings a run goes on with. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import StrictModel

CheckId = Literal[
    "data",
    "images",
    "coordinates",
    "lengths",
    "samples",
    "round_trip",
    "splits",
    "classes",
    "leakage",
    "checkpoint",
    "coord_tokens",
    "learning_rate",
    "memory",
    "disk",
]
"""every check, in the order in which it is told"""


class PreflightConfig(StrictModel):
    """What is looked at before the first step."""

    accept: list[CheckId] = Field(default_factory=list)
    """checks whose WARN does not stop the run, by name; a BLOCK always does"""
