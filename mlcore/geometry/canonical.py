"""One way to write each geometry, so that equal shapes are equal numbers.

Nothing here changes a shape: a polygon keeps the order of its edges and a line its path.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from mlcore.contract.records import Kind
from mlcore.geometry.measure import signed_area

Flat = tuple[float, ...]
_Pair = tuple[float, float]


def canonical(kind: Kind, points: Sequence[float]) -> Flat:
    """The canonical form of a geometry; applying it again changes nothing.

    A box gives its top-left corner first. A polygon does not repeat its first point at the end,
    runs clockwise on the screen (y points down) and starts at its topmost, then leftmost vertex.
    A line starts at the end with the smaller x, then the smaller y.
    """
    if kind == "bbox_2d":
        x1, y1, x2, y2 = points
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
    if kind == "poly":
        plain = _plain(tuple(points))
        if plain:
            return plain
    pairs = list(zip(points[0::2], points[1::2], strict=True))
    placed = _line(pairs) if kind == "line" else _poly(pairs, signed_area(points))
    return tuple(chain.from_iterable(placed))


def _plain(points: Flat) -> Flat:
    """What `_poly` makes of nearly every polygon: one vertex on top, an area, not closed by a
    repeated point. Empty for any other."""
    ys = points[1::2]
    top = min(ys)
    if ys.count(top) > 1 or points[:2] == points[-2:]:
        return ()
    area = signed_area(points)
    at = ys.index(top)
    if area > 0:
        return points[2 * at :] + points[: 2 * at]
    if area == 0:
        return ()
    xs, ys = points[0::2][::-1], ys[::-1]
    at = len(ys) - 1 - at
    backwards = zip(xs[at:] + xs[:at], ys[at:] + ys[:at], strict=True)
    return tuple(chain.from_iterable(backwards))


def _poly(pairs: list[_Pair], area: float) -> list[_Pair]:
    """A vertex may occur twice and a polygon may have no area: the smaller list then decides."""
    while len(pairs) > 1 and pairs[0] == pairs[-1]:
        pairs = pairs[:-1]
    if area > 0:
        return _first_start(pairs)
    back = pairs[::-1]
    if area < 0:
        return _first_start(back)
    return min(_first_start(pairs), _first_start(back))


def _first_start(pairs: list[_Pair]) -> list[_Pair]:
    """Of a vertex that is repeated right away the first starts: the last would close the ring."""
    y, x = min([(y, x) for x, y in pairs])
    start = (x, y)
    if pairs.count(start) == 1:
        at = pairs.index(start)
        return pairs[at:] + pairs[:at]
    starts = [i for i, pair in enumerate(pairs) if pair == start and pairs[i - 1] != start]
    return min((pairs[i:] + pairs[:i] for i in starts), default=pairs)


def _line(pairs: list[_Pair]) -> list[_Pair]:
    """Of the two directions. A closed line has one end only: its smaller path decides."""
    return min(pairs, pairs[::-1])
