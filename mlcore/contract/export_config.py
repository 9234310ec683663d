"""The config of `data_export`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from mlcore.config.base import DatasetRef, JobConfig

EXPORT_FORMATS = ("voc", "coco", "lvis", "label_studio", "cvat", "yolo")
NO_PLATFORM = (
    "the labelling platform's export is only read: its answers belong to its own forms;"
    " use cvat or label_studio to label on"
)


class DataExportConfig(JobConfig):
    """Write a dataset in a foreign format."""

    kind: Literal["data_export"]
    """the job kind"""
    dataset: DatasetRef
    """the dataset to write"""
    format: Literal["voc", "coco", "lvis", "label_studio", "cvat", "yolo"]
    """the foreign format; what it cannot hold is counted in the report"""
    splits: list[str] = Field(default_factory=list)
    """the splits or subsets to write; empty takes every split"""

    @field_validator("format", mode="before")
    @classmethod
    def _no_platform(cls, value: Any) -> Any:
        if value == "platform":
            raise ValueError(NO_PLATFORM)
        return value
