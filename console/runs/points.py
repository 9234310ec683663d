"""Metric points in columns: packing for the database, and decimation that keeps extremes."""
from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

WIDTH = 8
"""bytes of one number in every column"""


def _steps() -> array[int]:
    return array("q")


def _floats() -> array[float]:
    return array("d")


@dataclass(slots=True)
class Points:
    """Steps, values and times (seconds since 1970), index by index."""

    steps: array[int] = field(default_factory=_steps)
    values: array[float] = field(default_factory=_floats)
    times: array[float] = field(default_factory=_floats)

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: int, value: float, time: float) -> None:
        self.steps.append(step)
        self.values.append(value)
        self.times.append(time)

    def extend(self, other: Points) -> None:
        self.steps.extend(other.steps)
        self.values.extend(other.values)
        self.times.extend(other.times)

    def take(self, indices: list[int]) -> Points:
        """The points at these indices, in their order."""
        return Points(
            array("q", [self.steps[i] for i in indices]),
            array("d", [self.values[i] for i in indices]),
            array("d", [self.times[i] for i in indices]),
        )

    def tail(self, start: int) -> Points:
        """The points from index `start` on."""
        return Points(self.steps[start:], self.values[start:], self.times[start:])


def pack(points: Points) -> bytes:
    """n steps (int64), n values and n times (float64), little endian."""
    columns = (points.steps, points.values, points.times)
    if sys.byteorder == "big":
        columns = tuple(column[:] for column in columns)  # type: ignore[assignment]
        for column in columns:
            column.byteswap()
    return b"".join(column.tobytes() for column in columns)


def unpack(data: bytes | memoryview) -> Points:
    """The points of `pack`. Raises ValueError when the length is not a whole number of points."""
    view = memoryview(data)
    size, rest = divmod(len(view), 3 * WIDTH)
    if rest:
        raise ValueError(f"{len(view)} bytes are no whole number of points")
    points = Points()
    end = size * WIDTH
    for place, column in enumerate((points.steps, points.values, points.times)):
        column.frombytes(view[place * end : (place + 1) * end])
        if sys.byteorder == "big":
            column.byteswap()
    return points


def by_step(points: Points) -> Points:
    """The same points sorted by step; equal steps keep their order."""
    steps = points.steps.tolist()
    if steps == sorted(steps):
        return points
    return points.take(sorted(range(len(steps)), key=steps.__getitem__))


def decimate(points: Points, buckets: int) -> Points:
    """At most 2 x buckets + 2 points: the least and greatest value of each bucket of equally many
    neighbours, and the first and last point. All of them when that is no fewer."""
    n = len(points)
    if n <= 2 * buckets + 2:
        return points
    return points.take(list(_kept(points.values, n, buckets)))


def _kept(values: array[float], n: int, buckets: int) -> Iterator[int]:
    yield 0
    last = 0
    for bucket in range(buckets):
        start, stop = bucket * n // buckets, (bucket + 1) * n // buckets
        part = values[start:stop]
        low, high = part.index(min(part)) + start, part.index(max(part)) + start
        for index in (low, high) if low <= high else (high, low):
            if index > last:
                yield index
                last = index
    if last < n - 1:
        yield n - 1
