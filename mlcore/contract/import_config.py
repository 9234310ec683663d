"""The config of `import`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import RUNTIME, JobConfig, StrictModel


class Resize(StrictModel):
    """Pictures with too many or too few pixels are resized, their geometry with them."""

    max_pixels: int = Field(default=512 * 512, ge=1024, le=100_000_000)
    """pictures with more pixels are made smaller"""
    min_pixels: int = Field(default=64 * 64, ge=1, le=100_000_000)
    """pictures with fewer pixels are made larger"""
    multiple: int = Field(default=32, ge=1, le=512)
    """both sides of a resized picture are multiples of this"""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_pixels > self.max_pixels:
            raise ValueError(f"min_pixels {self.min_pixels} is above max_pixels {self.max_pixels}")
        return self


class ImportConfig(JobConfig):
    """Turn foreign annotations into a dataset."""

    kind: Literal["import"]
    format: Literal["voc"] = "voc"
    """the foreign format: Pascal VOC folders (Annotations, JPEGImages, ImageSets)"""
    source: str = Field(min_length=1, json_schema_extra=RUNTIME)
    """the folder to import, relative to the config file"""
    dataset_name: str = Field(default="imported", min_length=1, max_length=80, pattern=r"^[\w.-]+$")
    """the name in dataset.json"""
    val_share: float = Field(default=0.2, gt=0, lt=1)
    """share of images in val where the source names no splits; drawn with `seed`"""
    first_pixel: Literal[0, 1] = 0
    """what the source calls the first pixel; with 1, one is taken off xmin and ymin"""
    exif_boxes: Literal["auto", "stored", "upright"] = "auto"
    """boxes of EXIF-rotated pictures: as stored, upright, or told by the stated size"""
    resize: Resize | None = None
    """limits of picture size; without it every picture keeps its own"""
    max_reject_share: float = Field(default=0.01, ge=0, le=1)
    """the import fails when more than this share of boxes, or of images, is rejected"""
