"""Overlap (intersection over union) of boxes, filled polygons and lines.

Boxes and polygons are areas and compare with each other. A line has no area, so it is thickened to
a tube of a given half width, and it compares only with lines. All of it in one space: 0..999 on
both axes, where stretching the image changes nothing.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from mlcore.contract.records import Kind

LINE_HALF_WIDTH = 8.0
"""half the width of the tube around a line, in units of the 0..999 space"""
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """What a geometry covers. `repaired` is true where the polygon crossed itself or collapsed."""

    kind: Kind
    shape: Any
    repaired: bool


def region(kind: Kind, points: Sequence[float], half_width: float = LINE_HALF_WIDTH) -> Region:
    """The covered area of a flat list of coordinates.

    A polygon that crosses itself covers what its ring winds around an odd number of times (the
    even-odd rule, as masks are filled), and is flagged. One without area covers nothing.
    """
    pairs = [(points[i], points[i + 1]) for i in range(0, len(points), 2)]
    if kind == "bbox_2d":
        return Region(kind, shapely.box(*points), repaired=False)
    if kind == "line":
        return Region(kind, _tube(pairs, half_width), repaired=False)
    shape = shapely.Polygon(pairs)
    if shapely.is_valid(shape):
        return Region(kind, shape, repaired=False)
    return Region(kind, _even_odd(shape), repaired=True)


def _even_odd(shape: Any) -> Any:
    """The areas of a ring that crosses itself; `make_valid` adds its strokes, which have none."""
    parts = shapely.get_parts(shapely.make_valid(shape, method="linework"))
    return shapely.union_all([part for part in parts if shapely.get_dimensions(part) == 2])


def _tube(pairs: Sequence[tuple[float, float]], half_width: float) -> Any:
    """The points no farther than `half_width` from the line: round ends and joints."""
    core = shapely.LineString(pairs) if len(set(pairs)) > 1 else shapely.Point(pairs[0])
    return shapely.buffer(core, half_width)


def overlap_matrix(first: Sequence[Region], second: Sequence[Region]) -> Matrix:
    """IoU of every pair: shape [len(first), len(second)], values 0..1.

    A line and an area have 0. So has a pair whose union has no area.
    """
    out = np.zeros((len(first), len(second)))
    for kinds in (("bbox_2d", "poly"), ("line",)):
        rows = [i for i, r in enumerate(first) if r.kind in kinds]
        columns = [j for j, r in enumerate(second) if r.kind in kinds]
        if rows and columns:
            out[np.ix_(rows, columns)] = _overlaps(
                [first[i] for i in rows], [second[j] for j in columns]
            )
    return out


def _overlaps(first: Sequence[Region], second: Sequence[Region]) -> Matrix:
    shapes = [np.array([r.shape for r in side], dtype=object) for side in (first, second)]
    if all(r.kind == "bbox_2d" for r in (*first, *second)):
        return box_iou(shapely.bounds(shapes[0]), shapely.bounds(shapes[1]))
    shared = np.zeros((len(first), len(second)))
    rows, columns = np.nonzero(_touching(shapely.bounds(shapes[0]), shapely.bounds(shapes[1])))
    if rows.size:
        meets = shapely.intersection(shapes[0][rows], shapes[1][columns])
        shared[rows, columns] = shapely.area(meets)
    areas = [shapely.area(side) for side in shapes]
    return _ratio(shared, areas[0][:, None] + areas[1][None, :] - shared)


def _touching(first: Matrix, second: Matrix) -> npt.NDArray[np.bool_]:
    """Whether bounds x1, y1, x2, y2 meet: [n, 4] and [m, 4] to [n, m]. Those of nothing are NaN."""
    a, b = first[:, None], second[None, :]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    return np.asarray((low <= high).all(axis=-1), dtype=np.bool_)


def box_iou(first: npt.ArrayLike, second: npt.ArrayLike) -> Matrix:
    """IoU of boxes given as x1, y1, x2, y2: shapes [n, 4] and [m, 4] to [n, m]."""
    a = np.asarray(first, dtype=np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, dtype=np.float64).reshape(1, -1, 4)
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=-1)
    areas = [np.clip(x[..., 2:] - x[..., :2], 0.0, None).prod(axis=-1) for x in (a, b)]
    return _ratio(shared, areas[0] + areas[1] - shared)


def _ratio(shared: Matrix, union: Matrix) -> Matrix:
    """shared / union, 0 where the union has no area; rounding never leaves 0..1."""
    return np.clip(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), 0.0, 1.0)
