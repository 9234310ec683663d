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


def box_outward(box: Sequence[float], width: int, height: int) -> tuple[int, ...]:
    """The bins of a box x1, y1, x2, y2 rounded away from its middle, so that they cover all of it.

    Unlike `to_bins`, which gives the nearest bins, it never lets a box collapse: where both edges
    fall on one bin, the far edge moves one on, or at bin 999 the near edge one back. For datasets
    that were made so. Raises DataError for a box outside the image, or whose corners are swapped.
    """
    if len(box) != 4 or box[0] > box[2] or box[1] > box[3]:
        raise DataError(f"{list(box)} is not a box with its top-left corner first")
    exact = to_thousandths(box, width, height)
    low = [math.floor(v) for v in exact[:2]]
    high = [math.ceil(v) for v in exact[2:]]
    for axis in (0, 1):
        if low[axis] == high[axis]:
            if high[axis] < LAST_BIN:
                high[axis] += 1
            else:
                low[axis] -= 1
    return low[0], low[1], high[0], high[1]


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
