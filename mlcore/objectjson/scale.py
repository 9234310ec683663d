"""What the whole numbers of an answer mean, and the ways to bins and pixels.

`none` counts pixels, 0..width and 0..height. `norm1000` are the bins of `mlcore.geometry.spaces`:
k of 0..999 is k/999 of the way from the first pixel to the last. `norm100` is the same with
0..99 and k/99.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from mlcore.coordjson.types import CoordObject, Fault, Kind, arity_fault, corner_fault
from mlcore.errors import DataError
from mlcore.geometry.spaces import LAST_BIN, to_bins, to_pixels, to_thousandths

EmitNorm = Literal["none", "norm100", "norm1000"]
EMIT_NORMS: tuple[EmitNorm, ...] = get_args(EmitNorm)
LAST_PERCENT = 99


class PlainObject(NamedTuple):
    """One described thing. `numbers` is flat, x1, y1, x2, y2, ..., in the scale of its answer."""

    desc: str
    kind: Kind
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Scale:
    """The numbers of one answer; width and height are the image's, in pixels.

    Raises DataError when pixels are asked for without the size of the image.
    """

    emit_norm: EmitNorm = "norm1000"
    width: int = 0
    height: int = 0

    def __post_init__(self) -> None:
        if self.emit_norm == "none" and (self.width < 1 or self.height < 1):
            raise DataError(
                "numbers in pixels need the image's width and height",
                hint="Give both, or take emit_norm norm100 or norm1000.",
            )

    @property
    def limits(self) -> tuple[int, int]:
        """The largest x and the largest y."""
        if self.emit_norm == "none":
            return self.width, self.height
        last = LAST_BIN if self.emit_norm == "norm1000" else LAST_PERCENT
        return last, last


def numbers_fault(kind: Kind, numbers: Sequence[int], scale: Scale) -> Fault | None:
    """Count, range and corner order of the numbers of one geometry."""
    fault = arity_fault(kind, len(numbers))
    if fault:
        return fault
    limits = scale.limits
    for index, value in enumerate(numbers):
        if not 0 <= value <= limits[index % 2]:
            side = "xy"[index % 2]
            return Fault("bad_number", f"{side} = {value} lies outside 0..{limits[index % 2]}")
    return corner_fault(kind, numbers)


def from_pixels(desc: str, kind: Kind, points: Sequence[float], scale: Scale) -> PlainObject:
    """An object with the nearest numbers, halves upwards; `points` are pixels of an image of the
    scale's size. Raises DataError for a point outside the image."""
    if scale.emit_norm == "norm1000":
        numbers = to_bins(points, scale.width, scale.height)
    else:
        thousandths = to_thousandths(points, scale.width, scale.height)
        exact = points if scale.emit_norm == "none" else [
            value * LAST_PERCENT / LAST_BIN for value in thousandths
        ]
        numbers = tuple(math.floor(value + 0.5) for value in exact)
    return PlainObject(desc, kind, numbers)


def pixels_of(item: PlainObject, scale: Scale) -> tuple[float, ...]:
    """The pixel coordinates that an object's numbers mean, not rounded.

    Raises DataError when the scale does not know the size of the image.
    """
    if scale.emit_norm == "none":
        return tuple(float(value) for value in item.numbers)
    if scale.emit_norm == "norm1000":
        return to_pixels(item.numbers, scale.width, scale.height)
    if scale.width < 1 or scale.height < 1:
        raise DataError(f"an image of {scale.width} x {scale.height} has no pixels")
    sides = (scale.width - 1, scale.height - 1)
    return tuple(value * sides[i % 2] / LAST_PERCENT for i, value in enumerate(item.numbers))


def to_coord_object(item: PlainObject, scale: Scale) -> CoordObject:
    """The same object on the grid of 0..999: exact for norm1000, else the nearest bin."""
    if scale.emit_norm == "norm1000":
        bins = item.numbers
    elif scale.emit_norm == "none":
        bins = to_bins(item.numbers, scale.width, scale.height)
    else:
        bins = tuple(math.floor(v * LAST_BIN / LAST_PERCENT + 0.5) for v in item.numbers)
    return CoordObject(item.desc, item.kind, bins)
