"""COCO's run-length masks, and the outlines that stand for them.

A mask is given as counts of pixels that are alternately 0 and 1, column by column from the
top-left corner; compressed, the counts are written in base 32 with a sign, each after the second
as the difference to the one two before (the format of the COCO API).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.contract.importers.shapes import polygon
from mlcore.contract.pictures import MAX_PIXELS
from mlcore.contract.transform import Points


def decode_rle(rle: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The mask as 0 and 1, [height, width]. Raises ValueError when it is not one."""
    size = rle.get("size")
    if not (
        isinstance(size, list) and len(size) == 2 and all(type(v) is int and v > 0 for v in size)
    ):
        raise ValueError(f"size is {size!r}, not height and width")
    height, width = size
    if height * width > MAX_PIXELS:
        raise ValueError(f"has more than {MAX_PIXELS} pixels")
    counts = rle.get("counts")
    numbers = _uncompressed(counts) if isinstance(counts, str) else counts
    if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError("counts are not whole numbers of pixels")
    if sum(numbers) != height * width:
        raise ValueError(f"counts cover {sum(numbers)} of {height * width} pixels")
    runs = np.arange(len(numbers), dtype=np.uint8) % 2
    flat = np.repeat(runs, numbers)
    return np.ascontiguousarray(flat.reshape(width, height).T)


def encode_rle(mask: NDArray[np.uint8]) -> list[int]:
    """The uncompressed counts of a mask [height, width] of 0 and 1."""
    flat = mask.T.reshape(-1)
    edges = np.flatnonzero(np.diff(flat)) + 1
    bounds = np.concatenate(([0], edges, [flat.size]))
    counts = np.diff(bounds).tolist()
    return [0, *counts] if flat.size and flat[0] else counts


def outline(mask: NDArray[np.uint8], changed: Counter[str]) -> Points | None:
    """The outline of a mask in one piece, along the outer edges of its pixels.

    Holes are filled and counted as `mask_holes_filled`. None for an empty mask and for one of
    several pieces.
    """
    if not mask.any():
        return None
    left, top, width, height = cv2.boundingRect(mask)
    cut = mask[top : top + height, left : left + width]
    padded = np.pad(np.repeat(np.repeat(cut, 2, axis=0), 2, axis=1), 1)
    found, tree = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outer = [i for i in range(len(found)) if tree[0][i][3] < 0]
    if len(outer) != 1:
        return None
    if len(found) > 1:
        changed["mask_holes_filled"] += 1
    # pixel p became 2p + 1 and 2p + 2, so halving gives its left and right edge
    corners = (found[outer[0]].reshape(-1, 2) // 2 + (left, top)).tolist()
    kept = [c for c, before in zip(corners, [corners[-1], *corners], strict=False) if c != before]
    return polygon([float(value) for corner in kept for value in corner], changed)


def _uncompressed(text: str) -> list[int]:
    numbers: list[int] = []
    value, shift = 0, 0
    for char in text:
        code = ord(char) - 48
        if not 0 <= code < 64 or shift > 60:
            raise ValueError(f"counts hold {char!r}")
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value |= -1 << shift
        numbers.append(value + numbers[-2] if len(numbers) > 2 else value)
        value, shift = 0, 0
    if shift:
        raise ValueError("counts end within a number")
    return numbers
