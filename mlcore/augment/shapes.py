"""The geometries of all objects of a scene in one array, so that a map is one product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress

import numpy as np
import numpy.typing as npt

from mlcore.contract.records import Kind
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix
from mlcore.geometry.clip import MIN_EXTENT, SLACK, clip

Flat = tuple[float, ...]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_CORNER_X, _CORNER_Y = np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])
"""which of its two points gives x and which y of a box's corners, clockwise"""


@dataclass(frozen=True)
class Cut:
    """What an image's borders leave of each shape: arrays over the shapes, `[n]` each.

    `outside` where nothing is left; `kept` is the share of the area or length that is,
    `degenerate` where nobody could see it. `points` holds those that changed, by their place.
    """

    outside: Flags
    kept: Floats
    degenerate: Flags
    points: Mapping[int, Flat]


@dataclass
class Shapes:
    """Geometries one after another: `coords` is [N, 2], `counts` how many rows each has."""

    kinds: list[Kind]
    coords: Floats
    counts: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        self.starts = np.cumsum(self.counts) - self.counts

    @classmethod
    def of(cls, kinds: Sequence[Kind], points: Sequence[Flat]) -> Shapes:
        """From flat tuples of coordinates."""
        counts = np.array([len(row) // 2 for row in points], dtype=np.intp)
        total = int(counts.sum())
        flat = np.fromiter(chain.from_iterable(points), dtype=np.float64, count=2 * total)
        return cls(list(kinds), flat.reshape(total, 2), counts)

    def __len__(self) -> int:
        return len(self.kinds)

    def flats(self, digits: int | None = None) -> list[Flat]:
        """Every shape as a flat tuple, rounded to so many digits."""
        coords = self.coords if digits is None else np.round(self.coords, digits)
        numbers = coords.ravel().tolist()
        starts, counts = (2 * self.starts).tolist(), (2 * self.counts).tolist()
        return [
            tuple(numbers[at : at + count]) for at, count in zip(starts, counts, strict=True)
        ]

    def bounds(self) -> tuple[Floats, Floats]:
        """The lowest and the highest x and y of each shape: [n, 2] and [n, 2]."""
        return (
            np.minimum.reduceat(self.coords, self.starts, axis=0),
            np.maximum.reduceat(self.coords, self.starts, axis=0),
        )

    @property
    def is_box(self) -> Flags:
        """Which shapes are boxes, [n]."""
        return np.array([kind == "bbox_2d" for kind in self.kinds], dtype=np.bool_)

    def moved(self, matrix: Matrix, turned_boxes: str) -> Shapes:
        """Under a map. Boxes that turn become polygons, or with `enclose` the boxes around them."""
        if not len(self):
            return self
        boxes = self.is_box
        if not boxes.any():
            return Shapes(self.kinds, affine.apply(matrix, self.coords), self.counts)
        if affine.is_axis_aligned(matrix):
            coords = affine.apply(matrix, self.coords)
            return Shapes(self.kinds, self._ordered(coords, boxes), self.counts)
        spread = self._with_corners(boxes)
        spread.coords = affine.apply(matrix, spread.coords)
        if turned_boxes == "poly":
            return spread
        low, high = spread.bounds()
        coords = np.zeros_like(self.coords)
        rows = np.repeat(~boxes, self.counts)
        coords[rows] = spread.coords[np.repeat(~boxes, spread.counts)]
        coords[self.starts[boxes]] = low[boxes]
        coords[self.starts[boxes] + 1] = high[boxes]
        return Shapes(self.kinds, coords, self.counts)

    def shifted(self, dx: float, dy: float) -> Shapes:
        """Moved by whole pixels."""
        return Shapes(self.kinds, self.coords + np.array([dx, dy]), self.counts)

    def _ordered(self, coords: Floats, boxes: Flags) -> Floats:
        first, second = self.starts[boxes], self.starts[boxes] + 1
        low = np.minimum(coords[first], coords[second])
        coords[second] = np.maximum(coords[first], coords[second])
        coords[first] = low
        return coords

    def _with_corners(self, boxes: Flags) -> Shapes:
        """The same with each box as the polygon of its four corners."""
        counts = np.where(boxes, 4, self.counts)
        ends = np.cumsum(counts)
        local = np.arange(int(ends[-1])) - np.repeat(ends - counts, counts)
        base = np.repeat(self.starts, counts)
        in_box = np.repeat(boxes, counts)
        corner = np.minimum(local, 3)
        x = self.coords[base + np.where(in_box, _CORNER_X[corner], local), 0]
        y = self.coords[base + np.where(in_box, _CORNER_Y[corner], local), 1]
        kinds: list[Kind] = ["poly" if kind == "bbox_2d" else kind for kind in self.kinds]
        return Shapes(kinds, np.stack([x, y], axis=-1), counts)

    def cut(self, width: int, height: int) -> Cut:
        """What an image of width x height leaves of each, as `mlcore.geometry.clip` cuts it."""
        count, points = len(self), dict[int, Flat]()
        nothing = np.zeros(count, dtype=np.bool_)
        if not count:
            return Cut(nothing, np.ones(count), nothing, points)
        low, high = self.bounds()
        side = np.array([width, height], dtype=np.float64)
        beyond = (low < -SLACK) | (high > side + SLACK)
        crossing = beyond[:, 0] | beyond[:, 1]
        if not np.count_nonzero(crossing):
            return Cut(nothing, np.ones(count), nothing, points)
        whole, spans = high - low, np.minimum(high, side) - np.maximum(low, 0)
        narrow = np.minimum(spans[:, 0], spans[:, 1])
        outside = crossing & (narrow < 0)
        crossing &= ~outside
        boxes = crossing & self.is_box
        shares = spans[:, 0] * spans[:, 1] / np.maximum(whole[:, 0] * whole[:, 1], SLACK**2)
        kept = np.where(boxes, shares, 1.0)
        outside |= kept == 0
        kept[outside] = 0.0
        degenerate = outside | (boxes & (narrow < MIN_EXTENT))
        for at in np.flatnonzero(crossing & ~boxes).tolist():
            start = int(self.starts[at])
            row = tuple(self.coords[start : start + int(self.counts[at])].ravel().tolist())
            found = clip(self.kinds[at], row, width, height)
            outside[at] = found.state == "outside"
            kept[at], degenerate[at] = found.kept, found.degenerate
            points[at] = found.points
        return Cut(outside, kept, degenerate, points)

    def left(self, cut: Cut, stays: Flags, width: int, height: int) -> Shapes:
        """The shapes that stay, as a cut left them."""
        if not len(self):
            return self
        side = np.array([width, height], dtype=np.float64)
        if stays.all() and not cut.points:
            return Shapes(self.kinds, _squeezed(self.coords, side), self.counts)
        kinds = list(compress(self.kinds, stays.tolist()))
        changed = [at for at in cut.points if stays[at]]
        if not changed:
            rows = np.repeat(stays, self.counts)
            return Shapes(kinds, _squeezed(self.coords[rows], side), self.counts[stays])
        is_new, counts = np.zeros(len(self), dtype=np.bool_), self.counts.copy()
        is_new[changed] = True
        counts[changed] = [len(cut.points[at]) // 2 for at in changed]
        counts = counts[stays]
        new = np.repeat(is_new[stays], counts)
        coords = np.empty((len(new), 2))
        coords[~new] = self.coords[np.repeat(stays & ~is_new, self.counts)]
        numbers = chain.from_iterable(cut.points[at] for at in changed)
        coords[new] = np.fromiter(numbers, dtype=np.float64).reshape(-1, 2)
        return Shapes(kinds, _squeezed(coords, side), counts)

    def with_more(self, kinds: Sequence[Kind], points: Sequence[Flat]) -> Shapes:
        """And some more at the end."""
        more = Shapes.of(kinds, points)
        return Shapes(
            [*self.kinds, *more.kinds],
            np.concatenate([self.coords, more.coords]),
            np.concatenate([self.counts, more.counts]),
        )


def _squeezed(coords: Floats, side: Floats) -> Floats:
    squeezed: Floats = np.minimum(np.maximum(coords, 0.0), side)
    return squeezed
