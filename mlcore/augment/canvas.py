"""Sizes of canvases: multiples of a number of pixels, under a largest area."""

from __future__ import annotations

import math


def align_up(side: float, multiple: int) -> int:
    """The next multiple that is not smaller; rounding of the side itself never adds one."""
    return max(multiple, math.ceil(side / multiple - 1e-9) * multiple)


def fit_under(width: int, height: int, multiple: int, max_pixels: int) -> tuple[int, int]:
    """A size of at most `max_pixels` whose sides are multiples, in about the same proportion.

    A size that fits stays. One multiple by one multiple is the least, whatever the limit.
    """
    if width * height <= max_pixels:
        return width, height
    ratio = math.sqrt(max_pixels / (width * height))
    width, height = (
        max(multiple, math.floor(side * ratio / multiple) * multiple) for side in (width, height)
    )
    while width * height > max_pixels and max(width, height) > multiple:
        if width >= height:
            width -= multiple
        else:
            height -= multiple
    return width, height
