"""Geometry that follows its picture: EXIF orientation, resizing. Units: pixels, edges 0..size."""

from __future__ import annotations

import io
import math

from PIL import Image

from mlcore.contract.import_config import Resize
from mlcore.contract.records import Kind

Points = tuple[float, ...]
"""flat x1, y1, x2, y2, ..."""
JPEG_QUALITY = 95
MAX_ASPECT = 200
"""longer side over shorter side that a resized picture may have, as in Qwen's smart resize"""


def upright_points(kind: Kind, points: Points, orientation: int, size: tuple[int, int]) -> Points:
    """A geometry of the stored picture (width, height) as it lies in the upright one.

    The eight EXIF orientations: 2 mirrored, 3 turned by 180, 4 flipped, 5 transposed, 6 to be
    turned clockwise, 7 transversed, 8 to be turned counter-clockwise. A box keeps its top-left
    corner first.
    """
    width, height = size
    xs, ys = points[0::2], points[1::2]
    if orientation in (2, 3):
        xs = tuple(width - x for x in xs)
    if orientation in (3, 4):
        ys = tuple(height - y for y in ys)
    if orientation in (6, 7):
        ys = tuple(height - y for y in ys)
    if orientation in (7, 8):
        xs = tuple(width - x for x in xs)
    if orientation >= 5:
        xs, ys = ys, xs
    if kind == "bbox_2d":
        return min(xs), min(ys), max(xs), max(ys)
    return tuple(v for point in zip(xs, ys, strict=True) for v in point)


def target_size(width: int, height: int, limits: Resize | None) -> tuple[int, int]:
    """The size a picture is resized to; its own without limits.

    Both sides are multiples of `limits.multiple` next to the ideal ones: the picture's own within
    the limits, else those of the nearest allowed area with the same aspect. The area lies within
    the limits where such sides exist, and the aspect is the nearest then possible: that is what
    keeps shapes, where rounding each side by itself would not.
    """
    if limits is None:
        return width, height
    low, high, area = limits.min_pixels, limits.max_pixels, width * height
    scale = math.sqrt(min(max(area, low), high) / area)
    sizes = [
        (w, h)
        for w in _neighbours(width * scale, limits.multiple)
        for h in _neighbours(height * scale, limits.multiple)
    ]
    fitting = [size for size in sizes if low <= size[0] * size[1] <= high]
    if not fitting:
        return sizes[0] if area > high else sizes[-1]
    return min(
        fitting,
        key=lambda size: (
            abs(math.log(size[0] / size[1] * height / width)),
            abs(math.log(size[0] * size[1] / (area * scale * scale))),
        ),
    )


def _neighbours(side: float, unit: int) -> tuple[int, int]:
    """The multiples of `unit` below and above a side, at least one unit."""
    return (
        max(unit, math.floor(side / unit) * unit),
        max(unit, math.ceil(side / unit) * unit),
    )


def scale_points(points: Points, old: tuple[int, int], new: tuple[int, int]) -> Points:
    """A geometry of an `old` sized picture in the `new` sized one, to a hundredth of a pixel."""
    if old == new:
        return points
    factors = new[0] / old[0], new[1] / old[1]
    return tuple(round(value * factors[i % 2], 2) for i, value in enumerate(points))


def upright_rgb(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as 8-bit RGB, turned upright; transparency falls on white.

    16-bit grey is divided by 256.
    """
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    turned = image.transpose(turns[orientation]) if orientation in turns else image
    if turned.mode.startswith("I"):
        turned = turned.point(lambda value: value / 256).convert("L")
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        seen = turned.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        turned = Image.alpha_composite(white, seen)
    return turned.convert("RGB")


def encode(image: Image.Image, format_: str) -> bytes:
    """The picture's bytes as JPEG or PNG, without any metadata."""
    out = io.BytesIO()
    if format_ == "JPEG":
        image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        image.save(out, "PNG")
    return out.getvalue()
