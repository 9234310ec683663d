"""Geometries cut to an image: 0..width by 0..height pixels.

What lies inside keeps its very numbers. Nothing is dropped and nothing becomes another kind of
geometry: what is left without an extent, or lies outside altogether, stays and is flagged, and the
caller decides. `kept` says how much of the area or length is left in the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlcore.contract.records import Kind
from mlcore.geometry.measure import bounds, extent, path_length, signed_area
from mlcore.geometry.simplify import pad_triangle

State = Literal["inside", "cut", "outside"]
SLACK = 1e-6
"""how far outside a point may lie, in pixels, and still count as on the border"""
MIN_EXTENT = 1.0
"""a cut geometry that spans less than this many pixels both ways shows nothing"""
Flat = tuple[float, ...]
_Pair = tuple[float, float]
_Limit = tuple[int, float, float]
"""axis, border and the sign that points inwards"""


@dataclass(frozen=True)
class Clipped:
    """A geometry cut to an image.

    `kept` is the share of its area (a line: of its length) that the result has, 0..1. `pieces` is
    how many parts of it are visible; the result is the largest one, because an object has one
    geometry. `degenerate` is true where what is left is less than a pixel wide and high (a box or
    polygon: either), so that nobody could see it.
    """

    points: Flat
    state: State
    kept: float
    pieces: int = 1
    degenerate: bool = False


def clip(kind: Kind, points: Sequence[float], width: float, height: float) -> Clipped:
    """A geometry cut to an image of width x height pixels; `points` is flat."""
    x1, y1, x2, y2 = bounds(points)
    if x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height:
        return Clipped(tuple(points), "inside", 1.0)
    if x1 >= -SLACK and y1 >= -SLACK and x2 <= width + SLACK and y2 <= height + SLACK:
        return Clipped(_squeezed(points, width, height), "inside", 1.0)
    if kind == "bbox_2d":
        squeezed = _squeezed(points, width, height)
        parts: list[Flat] = [squeezed] if extent(kind, squeezed) > 0 else []
    elif kind == "line":
        parts = line_pieces(points, width, height)
    else:
        parts = polygon_pieces(points, width, height)
    if not parts:
        squeezed = _squeezed(points, width, height)
        return Clipped(squeezed, "outside", 0.0, pieces=0, degenerate=True)
    best = parts[0] if len(parts) == 1 else max(parts, key=lambda part: extent(kind, part))
    whole = extent(kind, points)
    kept = min(extent(kind, best) / whole, 1.0) if whole > 0 else 0.0
    out = pad_triangle(best) if kind == "poly" else best
    return Clipped(out, "cut", kept, len(parts), degenerate=_unseen(kind, out))


def _unseen(kind: Kind, points: Flat) -> bool:
    x1, y1, x2, y2 = bounds(points)
    spans = (x2 - x1, y2 - y1)
    return (max(spans) if kind == "line" else min(spans)) < MIN_EXTENT


def _squeezed(points: Sequence[float], width: float, height: float) -> Flat:
    """Every point moved to the nearest one of the image."""
    sides = (width, height)
    return tuple(min(max(v, 0.0), sides[i % 2]) for i, v in enumerate(points))


def line_pieces(points: Sequence[float], width: float, height: float) -> list[Flat]:
    """The visible parts of a line, in its direction; a part without length is none.

    Each segment is cut by itself (Liang and Barsky, ACM ToG 3(1), 1984); parts that meet at a
    vertex inside the image stay together.
    """
    pieces: list[list[_Pair]] = []
    for i in range(2, len(points), 2):
        start, end = (points[i - 2], points[i - 1]), (points[i], points[i + 1])
        cut = _segment(start, end, width, height)
        if cut is None:
            continue
        if pieces and pieces[-1][-1] == cut[0]:
            pieces[-1].append(cut[1])
        else:
            pieces.append([cut[0], cut[1]])
    flat = [_flat(_unrepeated(piece)) for piece in pieces]
    return [piece for piece in flat if path_length(piece) > 0]


def _segment(
    start: _Pair, end: _Pair, width: float, height: float
) -> tuple[_Pair, _Pair] | None:
    """The visible part of a segment; an end inside the image keeps its numbers."""
    low, high = 0.0, 1.0
    for axis, side in ((0, width), (1, height)):
        delta = end[axis] - start[axis]
        for push, room in ((-delta, start[axis]), (delta, side - start[axis])):
            if push == 0:
                if room < 0:
                    return None
            elif push < 0:
                low = max(low, room / push)
            else:
                high = min(high, room / push)
    if low > high:
        return None
    first = start if low == 0.0 else _between(start, end, low, width, height)
    last = end if high == 1.0 else _between(start, end, high, width, height)
    return first, last


def _between(start: _Pair, end: _Pair, share: float, width: float, height: float) -> _Pair:
    x = start[0] + share * (end[0] - start[0])
    y = start[1] + share * (end[1] - start[1])
    return min(max(x, 0.0), width), min(max(y, 0.0), height)


def polygon_pieces(points: Sequence[float], width: float, height: float) -> list[Flat]:
    """The visible parts of a polygon; a part without area is none.

    Cut by one border after the other, as Sutherland and Hodgman do (CACM 17(1), 1974), but where a
    border cuts a concave polygon into several, they become several rings: their method joins
    them by an edge along the border that no object has. A polygon that crosses itself keeps their
    method's single ring where its crossings of a border cannot be paired.
    """
    rings = [[(points[i], points[i + 1]) for i in range(0, len(points), 2)]]
    x1, y1, x2, y2 = bounds(points)
    limits: list[_Limit] = []
    if x1 < 0:
        limits.append((0, 0.0, 1.0))
    if x2 > width:
        limits.append((0, float(width), -1.0))
    if y1 < 0:
        limits.append((1, 0.0, 1.0))
    if y2 > height:
        limits.append((1, float(height), -1.0))
    for limit in limits:
        rings = [part for ring in rings for part in _cut(ring, limit)]
    flat = [_flat(_unrepeated(ring, closed=1)) for ring in rings]
    return [ring for ring in flat if len(ring) >= 6 and abs(signed_area(ring)) > 0]


def _cut(ring: list[_Pair], limit: _Limit) -> list[list[_Pair]]:
    """The parts of a ring on the inner side of one border."""
    axis, border, sign = limit
    inside = [sign * (pair[axis] - border) >= 0 for pair in ring]
    if all(inside):
        return [ring]
    chains = _chains(ring, inside, limit)
    if len(chains) < 2:
        return chains
    return _joined(chains, 1 - axis) or [[pair for chain in chains for pair in chain]]


def _chains(ring: list[_Pair], inside: list[bool], limit: _Limit) -> list[list[_Pair]]:
    """The stretches of a ring inside a border, each from where it enters to where it leaves."""
    count = len(ring)
    chains: list[list[_Pair]] = []
    outer = inside.index(False)
    for step in range(outer, outer + count):
        here, after = step % count, (step + 1) % count
        if inside[here]:
            chains[-1].append(ring[here])
        if inside[here] != inside[after]:
            crossing = _crossing(ring[here], ring[after], limit)
            if inside[after]:
                chains.append([crossing])
            else:
                chains[-1].append(crossing)
    return chains


def _crossing(start: _Pair, end: _Pair, limit: _Limit) -> _Pair:
    axis, border, _ = limit
    share = (border - start[axis]) / (end[axis] - start[axis])
    other = start[1 - axis] + share * (end[1 - axis] - start[1 - axis])
    return (border, other) if axis == 0 else (other, border)


def _joined(chains: list[list[_Pair]], axis: int) -> list[list[_Pair]] | None:
    """Chains linked into rings along the border: of all crossings in their order on it, the first
    and second bound what lies inside, the third and fourth, and so on. None where an end does not
    meet a start, which only a polygon that crosses or touches itself can do."""
    ends = [(chain[0][axis], index, 0) for index, chain in enumerate(chains)]
    ends += [(chain[-1][axis], index, 1) for index, chain in enumerate(chains)]
    ends.sort()
    follows: dict[int, int] = {}
    for first, second in zip(ends[0::2], ends[1::2], strict=True):
        if first[2] == second[2]:
            return None
        leaving, entering = (first, second) if first[2] else (second, first)
        follows[leaving[1]] = entering[1]
    rings = []
    while follows:
        start = here = next(iter(follows))
        ring: list[_Pair] = []
        while here in follows:
            ring += chains[here]
            here = follows.pop(here)
        if here != start:
            return None
        rings.append(ring)
    return rings


def _unrepeated(pairs: list[_Pair], closed: int = 0) -> list[_Pair]:
    """Without points that repeat the one before; `closed` 1 compares the first with the last."""
    before = pairs[-1:] if closed else [(math.nan, math.nan)]
    return [p for p, q in zip(pairs, [*before, *pairs], strict=False) if p != q]


def _flat(pairs: list[_Pair]) -> Flat:
    return tuple(value for pair in pairs for value in pair)
