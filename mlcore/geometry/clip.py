"""Geometries cut to an image: 0..width by 0..height pixels.

What lies inside keeps its very numbers. Nothing is dropped and nothing becomes another kind of
geometry: what is left without an extent, or lies outside altogether, stays and is flagged, and the
caller decides. `kept` says how much of the area or length is left in the result.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlcore.contract.records import Kind
from mlcore.geometry.measure import Box, bounds, extent, path_length, signed_area
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


def clip(
    kind: Kind, points: Sequence[float], width: float, height: float, around: Box | None = None
) -> Clipped:
    """A geometry cut to an image of width x height pixels; `points` is flat, `around` the upright
    box around it where that is known."""
    x1, y1, x2, y2 = around or bounds(points)
    if x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height:
        return Clipped(tuple(points), "inside", 1.0)
    if x1 >= -SLACK and y1 >= -SLACK and x2 <= width + SLACK and y2 <= height + SLACK:
        return Clipped(_squeezed(points, width, height), "inside", 1.0)
    if kind == "bbox_2d":
        parts = [_squeezed(points, width, height)]
    elif kind == "line":
        parts = _line_parts(points, width, height)
    else:
        parts = _polygon_parts(points, width, height, (x1, y1, x2, y2))
    sized = [(size, part) for part in parts if (size := extent(kind, part)) > 0]
    if not sized:
        squeezed = _squeezed(points, width, height)
        return Clipped(squeezed, "outside", 0.0, pieces=0, degenerate=True)
    size, best = sized[0] if len(sized) == 1 else max(sized, key=lambda one: one[0])
    whole = extent(kind, points)
    kept = min(size / whole, 1.0) if whole > 0 else 0.0
    out = pad_triangle(best) if kind == "poly" else best
    ample = kind == "poly" and size > 2 * MIN_EXTENT * max(width, height)
    return Clipped(out, "cut", kept, len(sized), degenerate=not ample and _unseen(kind, out))


def _unseen(kind: Kind, points: Flat) -> bool:
    """No polygon whose area is that of a strip two pixels wide along the image is."""
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
    return [part for part in _line_parts(points, width, height) if path_length(part) > 0]


def _line_parts(points: Sequence[float], width: float, height: float) -> list[Flat]:
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
    return [_flat(_unrepeated(piece)) for piece in pieces]


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
    parts = _polygon_parts(points, width, height, bounds(points))
    return [part for part in parts if abs(signed_area(part)) > 0]


def _polygon_parts(
    points: Sequence[float], width: float, height: float, around: Box
) -> list[Flat]:
    """`around` is the upright box around the polygon."""
    x1, y1, x2, y2 = around
    limits: list[_Limit] = []
    if x1 < 0:
        limits.append((0, 0.0, 1.0))
    if x2 > width:
        limits.append((0, float(width), -1.0))
    if y1 < 0:
        limits.append((1, 0.0, 1.0))
    if y2 > height:
        limits.append((1, float(height), -1.0))
    rings = [list(zip(points[0::2], points[1::2], strict=True))]
    for limit in limits:
        rings = [part for ring in rings for part in _cut(ring, limit)]
    flat = [_flat(_unrepeated(ring, closed=1)) for ring in rings]
    return [ring for ring in flat if len(ring) >= 6]


def _cut(ring: list[_Pair], limit: _Limit) -> list[list[_Pair]]:
    """The parts of a ring on the inner side of one border."""
    axis, border, sign = limit
    if sign > 0:
        inside = [pair[axis] >= border for pair in ring]
    else:
        inside = [pair[axis] <= border for pair in ring]
    if all(inside):
        return [ring]
    chains = _chains(ring, inside, limit)
    if len(chains) < 2:
        return chains
    return _joined(chains, 1 - axis) or [[pair for chain in chains for pair in chain]]


def _chains(ring: list[_Pair], inside: list[bool], limit: _Limit) -> list[list[_Pair]]:
    """The stretches of a ring inside a border, each from where it enters to where it leaves."""
    chains: list[list[_Pair]] = []
    outer = inside.index(False)
    here, was_in = ring[outer], False
    for at in (*range(outer + 1, len(ring)), *range(outer + 1)):
        after, is_in = ring[at], inside[at]
        if is_in != was_in:
            crossing = _crossing(here, after, limit)
            if is_in:
                chains.append([crossing])
            else:
                chains[-1].append(crossing)
        if is_in:
            chains[-1].append(after)
        here, was_in = after, is_in
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
    return tuple(itertools.chain.from_iterable(pairs))
