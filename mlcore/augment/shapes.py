"""The geometries of all objects of a scene in one array, so that a map is one product."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress

import numpy as np
import numpy.typing as npt

from mlcore.contract.records import Kind
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix
from mlcore.geometry.clip import MIN_EXTENT, SLACK, clip
from mlcore.geometry.measure import Box

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
class Layout:
    """What stays of shapes that move: their kinds, and how many rows of coordinates each has."""

    kinds: list[Kind]
    counts: npt.NDArray[np.intp]

    @cached_property
    def starts(self) -> npt.NDArray[np.intp]:
        """The first row of each, [n]."""
        starts: npt.NDArray[np.intp] = self.counts.cumsum() - self.counts
        return starts

    @cached_property
    def is_box(self) -> Flags:
        """Which are boxes, [n]."""
        return np.array([kind == "bbox_2d" for kind in self.kinds], dtype=np.bool_)


@dataclass
class Shapes:
    """Geometries one after another: `coords` is [N, 2], `layout` says which rows are whose."""

    layout: Layout
    coords: Floats

    @classmethod
    def of(cls, kinds: Sequence[Kind], points: Sequence[Flat]) -> Shapes:
        """From flat tuples of coordinates."""
        counts = np.array([len(row) // 2 for row in points], dtype=np.intp)
        flat = np.frombuffer(array("d", list(chain.from_iterable(points))), dtype=np.float64)
        return cls(Layout(list(kinds), counts), flat.reshape(-1, 2))

    def __len__(self) -> int:
        return len(self.layout.kinds)

    @property
    def kinds(self) -> list[Kind]:
        """The kind of each shape."""
        return self.layout.kinds

    def rounded(self, digits: int) -> Shapes:
        """With coordinates of so many digits."""
        return Shapes(self.layout, self.coords.round(digits))

    def flats(self) -> list[Flat]:
        """Every shape as a flat tuple."""
        numbers = self.coords.ravel().tolist()
        ends = (2 * self.layout.counts.cumsum()).tolist()
        return [tuple(numbers[at:end]) for at, end in zip([0, *ends], ends, strict=False)]

    def bounds(self) -> tuple[Floats, Floats]:
        """The lowest and the highest x and y of each shape: [n, 2] and [n, 2], n at least 1."""
        starts = self.layout.starts
        return (
            np.minimum.reduceat(self.coords, starts, axis=0),
            np.maximum.reduceat(self.coords, starts, axis=0),
        )

    def moved(self, matrix: Matrix, turned_boxes: str) -> Shapes:
        """Under a map. Boxes that turn become polygons, or with `enclose` the boxes around them."""
        if not len(self):
            return self
        boxes, starts, counts = self.layout.is_box, self.layout.starts, self.layout.counts
        if not boxes.any():
            return Shapes(self.layout, affine.apply(matrix, self.coords))
        if affine.is_axis_aligned(matrix):
            coords = affine.apply(matrix, self.coords)
            return Shapes(self.layout, _ordered(coords, starts[boxes]))
        spread = self._with_corners(boxes)
        spread.coords = affine.apply(matrix, spread.coords)
        if turned_boxes == "poly":
            return spread
        low, high = spread.bounds()
        coords = np.zeros_like(self.coords)
        rows = np.repeat(~boxes, counts)
        coords[rows] = spread.coords[np.repeat(~boxes, spread.layout.counts)]
        coords[starts[boxes]] = low[boxes]
        coords[starts[boxes] + 1] = high[boxes]
        return Shapes(self.layout, coords)

    def shifted(self, dx: float, dy: float) -> Shapes:
        """Moved by whole pixels."""
        return Shapes(self.layout, self.coords + np.array([dx, dy]))

    def _with_corners(self, boxes: Flags) -> Shapes:
        """The same with each box as the polygon of its four corners."""
        counts = np.where(boxes, 4, self.layout.counts)
        ends = np.cumsum(counts)
        local = np.arange(int(ends[-1])) - np.repeat(ends - counts, counts)
        base = np.repeat(self.layout.starts, counts)
        in_box = np.repeat(boxes, counts)
        corner = np.minimum(local, 3)
        x = self.coords[base + np.where(in_box, _CORNER_X[corner], local), 0]
        y = self.coords[base + np.where(in_box, _CORNER_Y[corner], local), 1]
        kinds: list[Kind] = ["poly" if kind == "bbox_2d" else kind for kind in self.kinds]
        return Shapes(Layout(kinds, counts), np.stack([x, y], axis=-1))

    def cut(self, width: int, height: int) -> Cut:
        """What an image of width x height leaves of each, as `mlcore.geometry.clip` cuts it."""
        count, points = len(self), dict[int, Flat]()
        outside, kept = np.zeros(count, dtype=np.bool_), np.ones(count)
        degenerate = np.zeros(count, dtype=np.bool_)
        if not count:
            return Cut(outside, kept, degenerate, points)
        low, high = self.bounds()
        beyond = (low < -SLACK) | (high > np.array([width + SLACK, height + SLACK]))
        for at in (beyond[:, 0] | beyond[:, 1]).nonzero()[0].tolist():
            around: Box = (*low[at].tolist(), *high[at].tolist())
            across = min(around[2], width) - max(around[0], 0.0)
            down = min(around[3], height) - max(around[1], 0.0)
            if across < 0 or down < 0:
                outside[at], kept[at], degenerate[at] = True, 0.0, True
            elif self.kinds[at] == "bbox_2d":
                whole = (around[2] - around[0]) * (around[3] - around[1])
                kept[at] = share = across * down / max(whole, SLACK**2)
                outside[at] = share == 0
                degenerate[at] = share == 0 or min(across, down) < MIN_EXTENT
            else:
                start = self.layout.starts[at]
                row = tuple(self.coords[start : start + self.layout.counts[at]].ravel().tolist())
                found = clip(self.kinds[at], row, width, height, around)
                outside[at] = found.state == "outside"
                kept[at], degenerate[at] = found.kept, found.degenerate
                points[at] = found.points
        return Cut(outside, kept, degenerate, points)

    def left(self, cut: Cut, stays: Flags, width: int, height: int) -> Shapes:
        """The shapes that stay, as a cut left them."""
        if not len(self):
            return self
        side = np.array([width, height], dtype=np.float64)
        if not cut.points and stays.all():
            return Shapes(self.layout, _squeezed(self.coords, side))
        rows, counts = stays.repeat(self.layout.counts), self.layout.counts.copy()
        parts, done = [], 0
        for at in sorted(at for at in cut.points if stays[at]):
            start = self.layout.starts[at]
            parts.append(self.coords[done:start][rows[done:start]])
            parts.append(np.array(cut.points[at]).reshape(-1, 2))
            done = start + counts[at]
            counts[at] = len(parts[-1])
        parts.append(self.coords[done:][rows[done:]])
        layout = Layout(list(compress(self.kinds, stays.tolist())), counts[stays])
        return Shapes(layout, _squeezed(np.concatenate(parts), side))

    def with_more(self, kinds: Sequence[Kind], points: Sequence[Flat]) -> Shapes:
        """And some more at the end."""
        more = Shapes.of(kinds, points)
        counts = np.concatenate([self.layout.counts, more.layout.counts])
        layout = Layout([*self.kinds, *more.kinds], counts)
        return Shapes(layout, np.concatenate([self.coords, more.coords]))


def _ordered(coords: Floats, first: npt.NDArray[np.intp]) -> Floats:
    """With the corners of boxes in order; `first` are the rows of their first corners."""
    low = np.minimum(coords[first], coords[first + 1])
    coords[first + 1] = np.maximum(coords[first], coords[first + 1])
    coords[first] = low
    return coords


def _squeezed(coords: Floats, side: Floats) -> Floats:
    squeezed: Floats = np.minimum(np.maximum(coords, 0.0), side)
    return squeezed
