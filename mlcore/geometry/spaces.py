"""Between pixels and bins. Bin k of 0..999 means k/999 of the way from the first pixel to the last:
x = k / 999 * (width - 1), y = k / 999 * (height - 1). Both ends are reachable.
"""
from __future__ import annotations

import math
from collections.abc import Sequence

from mlcore.errors import DataError

LAST_BIN = 999


def to_bins(points: Sequence[float], width: int, height: int) -> tuple[int, ...]:
    """The nearest bin of each coordinate, halves upwards; `points` is flat: x1, y1, x2, y2, ...

    Pixels lie in 0..width and 0..height; those past the last pixel's centre (width - 1) become
    bin 999. Raises DataError for a point outside the image or an odd count.
    """
    return tuple(math.floor(value + 0.5) for value in to_thousandths(points, width, height))


def to_thousandths(points: Sequence[float], width: int, height: int) -> tuple[float, ...]:
    """As `to_bins`, not rounded: the space 0..999 in which overlaps are measured."""
    sides = _sides(points, width, height)
    out = []
    for index, value in enumerate(points):
        side = sides[index % 2]
        if not 0 <= value <= side:
            raise DataError(f"the coordinate {value} lies outside 0..{side} pixels")
        out.append(min(value / (side - 1), 1.0) * LAST_BIN if side > 1 else 0.0)
    return tuple(out)


def to_pixels(bins: Sequence[int], width: int, height: int) -> tuple[float, ...]:
    """The pixel coordinate that each bin means, not rounded.

    Rounded, it is the pixel that `to_bins` was given, on sides of up to 1000 pixels.
    Raises DataError for a bin outside 0..999 or an odd count.
    """
    sides = _sides(bins, width, height)
    for value in bins:
        if not 0 <= value <= LAST_BIN:
            raise DataError(f"the bin {value} lies outside 0..{LAST_BIN}")
    return tuple(value * (sides[i % 2] - 1) / LAST_BIN for i, value in enumerate(bins))


def _sides(values: Sequence[float], width: int, height: int) -> tuple[int, int]:
    if len(values) % 2:
        raise DataError(f"{len(values)} coordinates do not make points")
    if width < 1 or height < 1:
        raise DataError(f"an image of {width} x {height} has no pixels")
    return width, height
