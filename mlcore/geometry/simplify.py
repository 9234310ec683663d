"""Fewer points for the same shape, within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlcore.contract.records import Kind

FEWEST = {"bbox_2d": 2, "poly": 4, "line": 2}
"""points that a geometry keeps at least: as many as the contract wants on disk"""
_Pair = tuple[float, float]


def simplify(kind: Kind, points: Sequence[float], tolerance: float = 0.0) -> tuple[float, ...]:
    """The geometry without points that lie within `tolerance` pixels of the rest.

    With 0 only repeated and collinear points go, and the shape is exactly the same. Otherwise by
    Douglas and Peucker (Cartographica 10(2), 1973, 112-122); for a polygon the two vertices that
    lie farthest apart stay. The points that are left are points of the input, in its order. Where
    fewer than four corners of a polygon (two points of a line) would be left, it returns unchanged.
    Raises ValueError for a negative tolerance.
    """
    if tolerance < 0:
        raise ValueError(f"a tolerance of {tolerance} pixels is negative")
    given = tuple(float(v) for v in points)
    if kind == "bbox_2d":
        return given
    pairs = _unrepeated([(given[i], given[i + 1]) for i in range(0, len(given), 2)])
    if kind == "poly":
        while len(pairs) > 1 and pairs[0] == pairs[-1]:
            pairs.pop()
        kept = _ring(pairs, tolerance)
    else:
        kept = [pairs[i] for i in _path(pairs, tolerance)]
    if len(kept) < FEWEST[kind]:
        return given
    return tuple(value for pair in kept for value in pair)


def pad_triangle(points: Sequence[float]) -> tuple[float, ...]:
    """A polygon of three points with a fourth one in the middle of its longest edge.

    The contract wants four points; the shape stays. Other polygons return as they are.
    """
    given = tuple(map(float, points))
    if len(given) != 6:
        return given
    pairs = [(given[i], given[i + 1]) for i in (0, 2, 4)]
    at = max(range(3), key=lambda i: math.dist(pairs[i], pairs[(i + 1) % 3]))
    (x1, y1), (x2, y2) = pairs[at], pairs[(at + 1) % 3]
    pairs.insert(at + 1, ((x1 + x2) / 2, (y1 + y2) / 2))
    return tuple(value for pair in pairs for value in pair)


def _unrepeated(pairs: list[_Pair]) -> list[_Pair]:
    return [pair for i, pair in enumerate(pairs) if i == 0 or pair != pairs[i - 1]]


def _ring(pairs: list[_Pair], tolerance: float) -> list[_Pair]:
    """A ring is two paths between the vertex farthest from the first, and the one farthest from
    that: both are corners of the hull, so neither lies within an edge."""
    count = len(pairs)
    if count < 4:
        return pairs
    start = max(range(count), key=lambda i: math.dist(pairs[i], pairs[0]))
    turned = pairs[start:] + pairs[:start]
    middle = max(range(count), key=lambda i: math.dist(turned[i], turned[0]))
    there = _path(turned[: middle + 1], tolerance)
    back = [middle + i for i in _path([*turned[middle:], turned[0]], tolerance)]
    kept = {(start + i) % count for i in (*there, *back)}
    return [pairs[i] for i in sorted(kept)]


def _path(pairs: list[_Pair], tolerance: float) -> list[int]:
    """Indices of the points that stay, both ends among them."""
    keep = {0, len(pairs) - 1}
    spans = [(0, len(pairs) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        inner = range(first + 1, last)
        far = max(inner, key=lambda i: _distance(pairs[i], pairs[first], pairs[last]))
        if _distance(pairs[far], pairs[first], pairs[last]) > tolerance:
            keep.add(far)
            spans += [(first, far), (far, last)]
    return sorted(keep)


def _distance(point: _Pair, start: _Pair, end: _Pair) -> float:
    """From a point to a segment; exactly 0 for a point on the segment of whole coordinates."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    px, py = point[0] - start[0], point[1] - start[1]
    along, square = px * dx + py * dy, dx * dx + dy * dy
    if along <= 0 or square == 0:
        return math.hypot(px, py)
    if along >= square:
        return math.dist(point, end)
    return abs(px * dy - py * dx) / math.sqrt(square)
