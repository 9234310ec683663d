"""Stretches of lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mlcore.augment.op import Range, register, uniform
from mlcore.augment.paste import PasteOp
from mlcore.augment.patch import PatchObject
from mlcore.augment.scene import Scene
from mlcore.augment.shapes import Flat
from mlcore.geometry.measure import path_length


@register("line_segment_copy_paste")
class LineSegmentCopyPaste(PasteOp):
    """Copies a stretch of a line, such as a fibre, to a free place. A copy shows only a part, and
    its description says so where it spoke of completeness."""

    type: Literal["line_segment_copy_paste"]
    """which op"""
    scale: Range = (0.9, 1.1)
    """size of a copy relative to its original"""
    min_line_length: float = Field(default=60.0, gt=0.0)
    """shortest line, in pixels, that is copied from"""
    max_line_length: float = Field(default=2000.0, gt=0.0)
    """longest line, in pixels, that is copied from"""
    min_segment_length: float = Field(default=40.0, gt=0.0)
    """shortest stretch in pixels"""
    max_segment_length: float = Field(default=200.0, gt=0.0)
    """longest stretch in pixels"""
    line_context: int = Field(default=6, ge=0, le=64)
    """pixels to either side that are copied with the line"""

    @model_validator(mode="after")
    def _lengths_rise(self) -> Self:
        if self.min_line_length > self.max_line_length:
            raise ValueError("min_line_length is larger than max_line_length")
        if self.min_segment_length > self.max_segment_length:
            raise ValueError("min_segment_length is larger than max_segment_length")
        return self

    @property
    def margin(self) -> int:
        return self.line_context

    def groups(self, scene: Scene) -> list[tuple[int, ...]]:
        least = max(self.min_line_length, self.min_segment_length)
        return [
            (at,)
            for at, item in enumerate(scene.items)
            if item.kind == "line"
            and self.may_copy(item)
            and least <= path_length(item.points) <= self.max_line_length
        ]

    def shapes(
        self, scene: Scene, group: Sequence[int], rng: np.random.Generator
    ) -> list[PatchObject]:
        (at,) = group
        item = scene.items[at]
        assert item.mark.source is not None
        whole = path_length(item.points)
        length = uniform(rng, (self.min_segment_length, min(self.max_segment_length, whole)))
        start = uniform(rng, (0.0, whole - length))
        stretch = along(item.points, start, start + length)
        return [PatchObject(item.mark.desc, "line", stretch, item.mark.source, partial=True)]


def along(points: Flat, start: float, end: float) -> Flat:
    """The stretch of a line between two distances from its beginning, in pixels."""
    out: list[tuple[float, float]] = []
    done = 0.0
    for i in range(2, len(points), 2):
        a, b = (points[i - 2], points[i - 1]), (points[i], points[i + 1])
        span = math.dist(a, b)
        low, high = max(start - done, 0.0), min(end - done, span)
        if span > 0 and low < high:
            for share in (low / span, high / span):
                point = (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
                if not out or math.dist(out[-1], point) > 1e-9:
                    out.append(point)
        done += span
    return tuple(value for point in out for value in point)
