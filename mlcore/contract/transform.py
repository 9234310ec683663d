"""Geometry that follows its picture: EXIF orientation, resizing. Units: pixels, edges 0..size."""

from __future__ import annotations

import io
import math

from PIL import Image

from mlcore.contract.import_config import Resize

Corners = tuple[float, float, float, float]
JPEG_QUALITY = 95


def upright_box(corners: Corners, orientation: int, width: int, height: int) -> Corners:
    """A box of the stored picture (width x height) as it lies in the upright one.

    The eight EXIF orientations: 2 mirrored, 3 turned by 180, 4 flipped, 5 transposed, 6 to be
    turned clockwise, 7 transversed, 8 to be turned counter-clockwise.
    """
    x0, y0, x1, y1 = corners
    if orientation in (2, 3):
        x0, x1 = width - x1, width - x0
    if orientation in (3, 4):
        y0, y1 = height - y1, height - y0
    if orientation == 5:
        return y0, x0, y1, x1
    if orientation == 6:
        return height - y1, x0, height - y0, x1
    if orientation == 7:
        return height - y1, width - x1, height - y0, width - x0
    if orientation == 8:
        return y0, width - x1, y1, width - x0
    return x0, y0, x1, y1


def target_size(width: int, height: int, limits: Resize | None) -> tuple[int, int]:
    """The size a picture is resized to: its own within the limits.

    Else both sides are multiples of `limits.multiple` next to the ideal ones, the area lies
    within the limits where such sides exist, and the aspect is the nearest then possible.
    """
    area = width * height
    if limits is None or limits.min_pixels <= area <= limits.max_pixels:
        return width, height
    low, high = limits.min_pixels, limits.max_pixels
    scale = math.sqrt((high if area > high else low) / area)
    sizes = [
        (w, h)
        for w in _neighbours(width * scale, limits.multiple)
        for h in _neighbours(height * scale, limits.multiple)
    ]
    fitting = [size for size in sizes if low <= size[0] * size[1] <= high]
    if not fitting:
        return sizes[0] if area > high else sizes[-1]
    return min(fitting, key=lambda size: abs(math.log(size[0] / size[1] * height / width)))


def _neighbours(side: float, unit: int) -> tuple[int, int]:
    """The multiples of `unit` below and above a side, at least one unit."""
    return (
        max(unit, math.floor(side / unit) * unit),
        max(unit, math.ceil(side / unit) * unit),
    )


def scale_box(corners: Corners, old: tuple[int, int], new: tuple[int, int]) -> Corners:
    """A box of an `old` sized picture in the `new` sized one, to a hundredth of a pixel."""
    if old == new:
        return corners
    sx, sy = new[0] / old[0], new[1] / old[1]
    x0, y0, x1, y1 = corners
    return round(x0 * sx, 2), round(y0 * sy, 2), round(x1 * sx, 2), round(y1 * sy, 2)


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
