"""The config of an evaluation."""
from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from mlcore.config.base import RUNTIME, DatasetRef, JobConfig, PredictionsRef

SystemName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class EvaluateConfig(JobConfig):
    """Score the answers of one or more systems on one split, side by side."""

    kind: Literal["evaluate"]
    """the job kind"""
    dataset: DatasetRef
    """the dataset that holds the truth"""
    split: str = Field(default="val", min_length=1)
    """the split to score; the predictions must be of the same one"""
    predictions: dict[SystemName, PredictionsRef] = Field(min_length=1)
    """answers by the name of the system that gave them"""
    reference: SystemName
    """the system in question; the others are what it is compared with"""
    iou_threshold: float = Field(default=0.5, gt=0, le=1)
    """overlap from which on a predicted object may count as a true one"""
    line_half_width: float = Field(default=8.0, gt=0, le=500)
    """half the width of the tube around a line, in thousandths of the image's side: lines overlap
    by their tubes"""
    confidence: Literal["mean", "least"] = "mean"
    """what orders predictions for average precision: the geometric mean of the probabilities of an
    object's tokens, or the smallest of them"""
    bootstrap: int = Field(default=1000, ge=100, le=100_000)
    """resamplings of the images behind every 95 % interval"""
    overlays: int = Field(default=8, ge=0, le=200, json_schema_extra=RUNTIME)
    """images drawn with truth and prediction: the worst ones and a random rest"""

    @model_validator(mode="after")
    def _reference_is_given(self) -> Self:
        if self.reference not in self.predictions:
            known = ", ".join(self.predictions)
            raise ValueError(f"reference {self.reference!r} is none of the systems: {known}")
        return self
