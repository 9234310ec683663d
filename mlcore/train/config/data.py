"""What is learned from: one dataset."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from mlcore.augment.config import AugmentConfig
from mlcore.config.base import DatasetRef, StrictModel
from mlcore.contract.limits import DEFAULT_MAX_PIXELS, MaxPixels
from mlcore.fusion.config import FusionConfig, TargetConfig


class DataConfig(StrictModel):
    """One dataset to learn from."""

    removed: ClassVar[dict[str, str]] = {
        "targets": "a mixture of datasets needs `type: fusion`",
        "sources": "a mixture of datasets needs `type: fusion`",
        "fusion": "write `type: fusion` and its `targets` and `sources` under `data`",
    }

    type: Literal["dataset"] = "dataset"
    """where the samples come from"""
    dataset: DatasetRef
    """the dataset"""
    train_split: str = Field(default="train", min_length=1)
    """split to learn from"""
    val_split: str = Field(default="val", min_length=1)
    """split for the evaluations during training; never learned from"""
    summary_share: float = Field(default=0.4, ge=0.0, le=1.0)
    """share of steps whose task is the summary; the others are dense captions with coordinates"""
    max_reject_share: float = Field(default=0.01, ge=0.0, le=1.0)
    """largest share of bad records before the run stops"""
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS
    """most pixels of an image, by its record and in its file; a larger one stops the run"""
    augmentation: AugmentConfig | None = None
    """how training samples are varied; null means not at all"""

    def as_mixture(self) -> FusionConfig:
        """The same as a mixture of one target."""
        target = TargetConfig(
            name="data",
            dataset=self.dataset,
            split=self.train_split,
            val_split=self.val_split,
            summary_share=self.summary_share,
        )
        return FusionConfig(
            type="fusion",
            targets=[target],
            max_reject_share=self.max_reject_share,
            max_pixels=self.max_pixels,
            augmentation=self.augmentation,
        )


def data_type(value: Any) -> str:
    """What chooses the form of `data`: its `type`, and without one it is one dataset."""
    if isinstance(value, DataConfig | FusionConfig):
        return value.type
    return str(value.get("type", "dataset")) if isinstance(value, dict) else "dataset"
