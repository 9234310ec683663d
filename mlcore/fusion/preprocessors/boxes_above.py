"""Polygons of many points become boxes."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from mlcore.contract.records import Record, SceneObject
from mlcore.fusion.preprocessor import Counter, Length, Preprocessor, register


@register("boxes_above")
class BoxesAbove(Preprocessor):
    """Polygons of more points than this become their bounding boxes."""

    counter: ClassVar[Counter] = "boxed"

    type: Literal["boxes_above"] = "boxes_above"
    """which preprocessor"""
    points: int = Field(ge=0)
    """polygons of more points are changed"""

    def apply(self, record: Record, rng: np.random.Generator) -> tuple[Record, int]:
        return self._boxed(record)

    def longest(self, record: Record, length: Length) -> Record:
        return self._boxed(record)[0]

    def _boxed(self, record: Record) -> tuple[Record, int]:
        many = [o.kind == "poly" and len(o.points) // 2 > self.points for o in record.objects]
        if not any(many):
            return record, 0
        pairs = zip(record.objects, many, strict=True)
        objects = tuple(_box(item) if change else item for item, change in pairs)
        return replace(record, objects=objects), sum(many)


def _box(item: SceneObject) -> SceneObject:
    xs, ys = item.points[0::2], item.points[1::2]
    return SceneObject(item.desc, "bbox_2d", (min(xs), min(ys), max(xs), max(ys)))
