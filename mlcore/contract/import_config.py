"""The config of `import`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mlcore.config.base import RUNTIME, JobConfig, SourceRef, StrictModel
from mlcore.contract.domains import Domain
from mlcore.geometry.order import ORDER, Policy


class Resize(StrictModel):
    """Every picture gets sides that are multiples, and an area within limits, its geometry too."""

    max_pixels: int = Field(default=512 * 512, ge=1024, le=100_000_000)
    """pictures with more pixels are made smaller"""
    min_pixels: int = Field(default=64 * 64, ge=1, le=100_000_000)
    """pictures with fewer pixels are made larger"""
    multiple: int = Field(default=32, ge=1, le=512)
    """both sides of a picture become multiples of this"""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_pixels > self.max_pixels:
            raise ValueError(f"min_pixels {self.min_pixels} is above max_pixels {self.max_pixels}")
        return self


class VocFormat(StrictModel):
    """Pascal VOC folders: Annotations, JPEGImages, ImageSets."""

    type: Literal["voc"]
    """Pascal VOC folders: Annotations, JPEGImages, ImageSets"""
    first_pixel: Literal[0, 1] = 0
    """what the source calls the first pixel; with 1, one is taken off xmin and ymin"""


class _Masks(StrictModel):
    """What becomes of outlines and masks."""

    geometry: Literal["bbox_2d", "poly"] = "bbox_2d"
    """`poly` takes the outline where there is one; `bbox_2d` always takes the box"""
    max_polygon_points: int = Field(default=0, ge=0, le=10_000)
    """an outline with more points becomes its box, counted in the report; 0 means no cap"""
    images: str = ""
    """the folder of the pictures inside the source; empty looks where they usually lie"""
    annotations: dict[str, str] = Field(default_factory=dict)
    """split to annotation file inside the source; empty takes every JSON file found"""


class CocoFormat(_Masks):
    """COCO instances: boxes, polygons and RLE masks in JSON."""

    type: Literal["coco"]
    """COCO instances: boxes, polygons and RLE masks in JSON"""
    crowds: Literal["leave_out", "reject"] = "leave_out"
    """regions marked iscrowd stand for many objects: left out and counted, or rejected"""


class YoloFormat(StrictModel):
    """YOLO detect and segment: data.yaml or classes.txt, images, labels."""

    type: Literal["yolo"]
    """YOLO detect and segment: data.yaml or classes.txt, images, labels"""
    data: str = ""
    """the data.yaml or classes.txt inside the source; empty takes the only one there"""


class LvisFormat(_Masks):
    """LVIS: COCO's layout with classes known to be absent or not fully annotated."""

    type: Literal["lvis"]
    """LVIS: COCO's layout with classes known to be absent or not fully annotated"""
    geometry: Literal["bbox_2d", "poly"] = "poly"
    """`poly` takes the outline where there is one; `bbox_2d` always takes the box"""
    max_polygon_points: int = Field(default=12, ge=0, le=10_000)
    """an outline with more points becomes its box, counted in the report; 0 means no cap"""


class CvatFormat(StrictModel):
    """CVAT for images, XML 1.1: boxes, polygons, polylines, masks."""

    type: Literal["cvat"]
    """CVAT for images, XML 1.1: boxes, polygons, polylines, masks"""
    images: str = ""
    """the folder of the pictures inside the source; empty looks where they usually lie"""


class LabelStudioFormat(StrictModel):
    """Label Studio's JSON export: rectangles, polygons, vectors."""

    type: Literal["label_studio"]
    """Label Studio's JSON export: rectangles, polygons, vectors"""
    file: str = ""
    """the export inside the source; empty takes the only JSON file there"""
    images: str = ""
    """the folder of the pictures inside the source; empty looks where they usually lie"""
    key: str = ""
    """the key of a task's data that names its picture; empty takes `image`, else the first text"""
    several: Literal["reject", "first", "last"] = "reject"
    """what becomes of a task that several people annotated"""


class PlatformFormat(StrictModel):
    """The labelling platform's export: one JSON per picture with answers to questions."""

    type: Literal["platform"]
    """the labelling platform's export: one JSON per picture with answers to questions"""
    family: Domain
    """the equipment family, which decides the types of objects and their attributes"""
    summary: Literal["json", "text"] = "json"
    """the form of summaries: one line of JSON statistics, or desc×N"""
    taxonomy: str = ""
    """a mapping of raw answers inside the source; empty takes the shipped one"""


SourceFormat = Annotated[
    VocFormat
    | CocoFormat
    | LvisFormat
    | LabelStudioFormat
    | CvatFormat
    | YoloFormat
    | PlatformFormat,
    Field(discriminator="type"),
]
FORMATS = ("voc", "coco", "lvis", "label_studio", "cvat", "yolo", "platform")


class ImportConfig(JobConfig):
    """Turn foreign annotations into a dataset."""

    kind: Literal["import"]
    """the job kind"""
    format: SourceFormat
    """the foreign format and what is special to it"""
    source: SourceRef = Field(json_schema_extra=RUNTIME)
    """the folder to import, or a zip of it, relative to the config file; or `upload:NAME@DIGEST`, a
    zip that was uploaded to the console"""
    dataset_name: str = Field(default="imported", min_length=1, max_length=80, pattern=r"^[\w.-]+$")
    """the name in dataset.json"""
    limit: int = Field(default=0, ge=0, json_schema_extra=RUNTIME)
    """import only the first pictures, for a first try; 0 takes all"""
    splits: Literal["source", "drawn"] = "source"
    """keep the splits that the source names, where it does; or draw train and val anew"""
    val_share: float = Field(default=0.2, gt=0, lt=1)
    """share of images in val where splits are drawn; whole tickets are drawn, with `seed`"""
    ticket_pattern: str = Field(default="", max_length=500)
    r"""a regular expression over picture paths: its first group, or all it matches, names the
    ticket, as `^(.*)/` for folders; empty makes each picture a ticket of its own"""
    tiny_train: int = Field(default=0, ge=0, le=10_000)
    """records of train listed as the subset tiny_train, drawn with `seed`; 20 is usual"""
    tiny_val: int = Field(default=0, ge=0, le=10_000)
    """records of val listed as the subset tiny_val, drawn with `seed`; 8 is usual"""
    exif_boxes: Literal["auto", "stored", "upright"] = "auto"
    """geometry of EXIF-rotated pictures: as stored, upright, or told by the stated size"""
    stated_size: Literal["must_match", "rescale"] = "must_match"
    """a picture of another size than stated is rejected; or its geometry is rescaled where the
    aspect agrees within 1 %, counted in the report"""
    outside: Literal["reject", "clip"] = "reject"
    """geometry that reaches outside its picture is rejected, or clipped and counted"""
    object_order: Policy = ORDER
    """the order in which a record lists its objects"""
    points: Literal["canonical", "as_drawn"] = "canonical"
    """polygons clockwise from their topmost vertex and lines from their left end, or as drawn"""
    resize: Resize | None = None
    """limits and multiples of picture sizes; without it every picture keeps its own"""
    max_reject_share: float = Field(default=0.01, ge=0, le=1)
    """the import fails when more than this share of objects, or of images, is rejected"""

    @field_validator("format", mode="before")
    @classmethod
    def _format(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"write it as a group: `format: {{type: {value}}}`")
        return value

    @field_validator("ticket_pattern")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value
