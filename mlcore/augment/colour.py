"""What the colour ops share. Pictures are RGB, uint8, [H, W, 3]."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mlcore.augment.scene import Pixels, as_pixels

LEVELS = np.arange(256, dtype=np.float64)
"""every value that a channel can have"""


def table(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """A look-up table of 256 values, rounded and limited to 0..255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def mapped(image: Pixels, values: npt.NDArray[np.float64]) -> Pixels:
    """Every channel through one table, or through one each: `values` is [256] or [3, 256]."""
    if values.ndim == 1:
        return as_pixels(cv2.LUT(image, table(values)))
    per_channel = np.ascontiguousarray(table(values).T).reshape(256, 1, 3)
    return as_pixels(cv2.LUT(image, per_channel))


def grey_of(image: Pixels) -> Pixels:
    """Brightness by the weights of ITU-R BT.601, [H, W]."""
    return as_pixels(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def blend(image: Pixels, other: Pixels, factor: float) -> Pixels:
    """`other` at factor 0, `image` at 1, beyond it at more."""
    return as_pixels(cv2.addWeighted(image, factor, other, 1.0 - factor, 0.0))


def histograms(image: Pixels) -> npt.NDArray[np.float64]:
    """How many pixels have each value, by channel: [3, 256]."""
    rows = [cv2.calcHist([image], [c], None, [256], [0, 256]).ravel() for c in range(3)]
    return np.array(rows, dtype=np.float64)
