"""Patches: a piece of a picture with the objects on it, cut out of one scene and pasted into
another. Coordinates of a patch count from its own top-left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from mlcore.augment.scene import Item, Mark, Pixels, Scene, as_pixels
from mlcore.augment.shapes import Flat
from mlcore.contract.records import Kind
from mlcore.geometry.measure import Box, bounds

FEATHER = 3
"""side of the blur, in pixels, that softens the edge of a pasted patch"""


@dataclass(frozen=True)
class PatchObject:
    """One object of a patch. `source` is its index in the record it comes from."""

    desc: str
    kind: Kind
    points: Flat
    source: int
    partial: bool = False


@dataclass(frozen=True)
class Patch:
    """A cut-out: picture [h, w, 3], mask [h, w] (255 where it shows), objects and their record."""

    image: Pixels
    mask: Pixels
    objects: tuple[PatchObject, ...]
    record: str


def cut_out(
    scene: Scene, objects: Sequence[PatchObject], context: int, record: str
) -> Patch | None:
    """The objects with so many pixels around each, where the picture has them.

    None where an object lies at the very border, so that nothing is left of it.
    """
    around = [bounds(o.points) for o in objects]
    left = max(int(min(b[0] for b in around)) - context, 0)
    top = max(int(min(b[1] for b in around)) - context, 0)
    right = min(int(np.ceil(max(b[2] for b in around))) + context, scene.width)
    bottom = min(int(np.ceil(max(b[3] for b in around))) + context, scene.height)
    if right - left < 2 or bottom - top < 2:
        return None
    moved = tuple(
        PatchObject(o.desc, o.kind, shifted(o.points, -left, -top), o.source, o.partial)
        for o in objects
    )
    image = np.ascontiguousarray(scene.image[top:bottom, left:right])
    mask = np.zeros(image.shape[:2], np.uint8)
    for one in moved:
        draw_mask(mask, one.kind, one.points, context)
    return Patch(image, mask, moved, record)


def draw_mask(mask: Pixels, kind: Kind, points: Flat, margin: int) -> None:
    """Mark what an object covers, and a margin of pixels around it. A line is 1 pixel wide."""
    pairs = np.rint(np.array(points).reshape(-1, 2) - 0.5).astype(np.int32)
    if kind == "bbox_2d":
        x1, y1, x2, y2 = points
        rows = slice(max(int(y1) - margin, 0), max(int(np.ceil(y2)) + margin, 0))
        mask[rows, max(int(x1) - margin, 0) : max(int(np.ceil(x2)) + margin, 0)] = 255
        return
    if kind == "poly":
        cv2.fillPoly(mask, [pairs], 255)
    cv2.polylines(mask, [pairs], kind == "poly", 255, thickness=2 * margin + 1)


def scaled(patch: Patch, factor: float) -> Patch:
    """The patch in another size; at least 2 pixels each way."""
    height, width = patch.image.shape[:2]
    new = (max(round(width * factor), 2), max(round(height * factor), 2))
    if new == (width, height):
        return patch
    flag = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    sx, sy = new[0] / width, new[1] / height
    objects = tuple(
        PatchObject(
            o.desc, o.kind, tuple(v * (sy if i % 2 else sx) for i, v in enumerate(o.points)),
            o.source, o.partial,
        )
        for o in patch.objects
    )
    image = as_pixels(cv2.resize(patch.image, new, interpolation=flag))
    mask = as_pixels(cv2.resize(patch.mask, new, interpolation=cv2.INTER_NEAREST))
    return Patch(image, mask, objects, patch.record)


def paste(scene: Scene, patch: Patch, left: int, top: int, origin: dict[str, Any]) -> None:
    """Put a patch into the scene with its top-left corner at a pixel; its objects come last.

    The scene's picture is replaced, never written to: it may be the caller's.
    """
    height, width = patch.image.shape[:2]
    image = scene.image.copy()
    place = image[top : top + height, left : left + width]
    soft = cv2.blur(patch.mask, (FEATHER, FEATHER)).astype(np.float32)[..., None] / 255
    mixed = patch.image * soft + place * (1 - soft)
    place[...] = np.rint(mixed).astype(np.uint8)
    scene.image = image
    items = []
    for one in patch.objects:
        source = {**origin, "record": patch.record, "index": one.source}
        mark = Mark(one.desc, None, origin=source)
        items.append(Item(mark, one.kind, shifted(one.points, left, top), one.partial))
    scene.add(items)


def shifted(points: Flat, dx: float, dy: float) -> Flat:
    """Points moved by whole or broken pixels."""
    return tuple(v + (dy if i % 2 else dx) for i, v in enumerate(points))


def overlap_share(first: Box, second: Box) -> float:
    """What two upright boxes share, as the larger share of either."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    if across <= 0 or down <= 0:
        return 0.0
    areas = [max((b[2] - b[0]) * (b[3] - b[1]), 1e-9) for b in (first, second)]
    return min(across * down / min(areas), 1.0)
