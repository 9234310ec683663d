"""A sample before and after, drawn side by side with its objects."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np

from mlcore.augment.scene import Pixels
from mlcore.contract.desc import class_of
from mlcore.contract.records import Record, SceneObject
from mlcore.geometry.affine import box_corners

SIDE = 640
"""longest side of either picture as drawn; smaller ones are enlarged"""
GAP = 12
PAPER = 245
Colour = tuple[int, int, int]


def side_by_side(
    before: Record, before_image: Pixels, after: Record, after_image: Pixels
) -> Pixels:
    """Both pictures with their objects, RGB, on a light ground; one class has one colour in both.

    The number at an object is its place in its record.
    """
    names = list(dict.fromkeys(class_of(o.desc) for r in (before, after) for o in r.objects))
    scale = SIDE / max(*before_image.shape[:2], *after_image.shape[:2])
    left = drawn(before, before_image, names, scale)
    right = drawn(after, after_image, names, scale)
    height = max(left.shape[0], right.shape[0]) + 2 * GAP
    width = left.shape[1] + right.shape[1] + 3 * GAP
    sheet = np.full((height, width, 3), PAPER, np.uint8)
    sheet[GAP : GAP + left.shape[0], GAP : GAP + left.shape[1]] = left
    start = left.shape[1] + 2 * GAP
    sheet[GAP : GAP + right.shape[0], start : start + right.shape[1]] = right
    return sheet


def drawn(record: Record, image: Pixels, names: Sequence[str], scale: float) -> Pixels:
    """A picture at a scale with its objects. `names` gives the colours of the classes."""
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    flag = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    out = np.array(cv2.resize(image, size, interpolation=flag), dtype=np.uint8)
    for number, item in enumerate(record.objects):
        colour = _colour(names.index(class_of(item.desc)))
        _outline(out, item, scale, colour)
        _number(out, item, scale, colour, str(number))
    return out


def _outline(out: Pixels, item: SceneObject, scale: float, colour: Colour) -> None:
    points = np.array(item.points, dtype=np.float64).reshape(-1, 2)
    if item.kind == "bbox_2d":
        points = box_corners(item.points)
    pixels = np.rint(points * scale - 0.5).astype(np.int32)
    for shade, thickness in (((0, 0, 0), 4), (colour, 2)):
        cv2.polylines(out, [pixels], item.kind != "line", shade, thickness, cv2.LINE_AA)


def _number(out: Pixels, item: SceneObject, scale: float, colour: Colour, text: str) -> None:
    x, y = (round(v * scale) for v in item.points[:2])
    at = (min(max(x + 3, 0), out.shape[1] - 18), min(max(y + 14, 12), out.shape[0] - 4))
    for shade, thickness in (((0, 0, 0), 3), (colour, 1)):
        cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, shade, thickness, cv2.LINE_AA)


def _colour(index: int) -> Colour:
    """Hues a golden-ratio turn apart, so that near numbers look different."""
    red, green, blue = colorsys.hsv_to_rgb((0.02 + index * 0.618034) % 1.0, 0.85, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)
