"""Extents of geometries: area, length, bounds. `points` is flat: x1, y1, x2, y2, ... in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlcore.contract.records import Kind

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 with x1 <= x2 and y1 <= y2"""


def signed_area(points: Sequence[float]) -> float:
    """Area of a polygon by the shoelace formula: positive for clockwise, as y points down."""
    total = 0.0
    x1, y1 = points[-2:]
    numbers = iter(points)
    for x2, y2 in zip(numbers, numbers, strict=True):
        total += x1 * y2 - x2 * y1
        x1 = x2
        y1 = y2
    return total / 2


def path_length(points: Sequence[float]) -> float:
    """Length of a line through its points."""
    return sum(
        math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1])
        for i in range(2, len(points), 2)
    )


def extent(kind: Kind, points: Sequence[float]) -> float:
    """How much there is of a geometry: the area of a box or polygon, the length of a line."""
    if kind == "line":
        return path_length(points)
    if kind == "bbox_2d":
        return max(points[2] - points[0], 0.0) * max(points[3] - points[1], 0.0)
    return abs(signed_area(points))


def bounds(points: Sequence[float]) -> Box:
    """The upright box around points."""
    if len(points) == 4:
        x1, y1, x2, y2 = points
        left, right = (x1, x2) if x1 <= x2 else (x2, x1)
        return (left, y1, right, y2) if y1 <= y2 else (left, y2, right, y1)
    xs, ys = points[0::2], points[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def shared_area(first: Box, second: Box) -> float:
    """Area that two upright boxes have in common."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    return max(across, 0.0) * max(down, 0.0)
