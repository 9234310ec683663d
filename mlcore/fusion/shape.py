"""What a mixture does to a dense sample: polygons to boxes, and at most so many objects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mlcore.contract.records import Record, SceneObject
from mlcore.fusion.config import SourceConfig, TargetConfig


@dataclass(frozen=True)
class Shaped:
    """A record as its dataset's settings want it, and how much of it they changed."""

    record: Record
    boxed: int
    """polygons that became boxes"""
    capped: int
    """objects that were left out"""


def with_boxes(record: Record, boxes_above: int | None) -> tuple[Record, int]:
    """Polygons of more than `boxes_above` points as their bounding boxes, and how many were.

    None leaves every polygon as it is.
    """
    if boxes_above is None:
        return record, 0
    objects = tuple(
        _box(o) if o.kind == "poly" and len(o.points) // 2 > boxes_above else o
        for o in record.objects
    )
    changed = sum(old is not new for old, new in zip(record.objects, objects, strict=True))
    return (replace(record, objects=objects) if changed else record), changed


def shape(
    record: Record, config: TargetConfig | SourceConfig, rng: np.random.Generator
) -> Shaped:
    """A dense sample's record: boxes first, then a random choice of objects, their order kept."""
    record, boxed = with_boxes(record, config.boxes_above)
    count = len(record.objects)
    if config.max_objects is None or count <= config.max_objects:
        return Shaped(record, boxed, 0)
    kept = np.sort(rng.permutation(count)[: config.max_objects])
    objects = tuple(record.objects[place] for place in kept)
    return Shaped(replace(record, objects=objects), boxed, count - len(objects))


def _box(item: SceneObject) -> SceneObject:
    xs, ys = item.points[0::2], item.points[1::2]
    return SceneObject(item.desc, "bbox_2d", (min(xs), min(ys), max(xs), max(ys)))
