"""What is minimised."""

from __future__ import annotations

from pydantic import Field

from mlcore.config.base import StrictModel


class CoordLossConfig(StrictModel):
    """Coordinates are scored against a Gaussian over the bins that narrows while training."""

    sigma_start: float = Field(default=9.0, gt=0)
    """width in bins at the first step"""
    sigma_end: float = Field(default=1.0, gt=0)
    """width in bins at the last step"""
