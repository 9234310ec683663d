"""All values equally often."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from mlcore.augment.op import ColourOp, Pixels, Share, register
from mlcore.augment.scene import as_pixels


@register("equalize")
class Equalize(ColourOp):
    """Equalises the histogram of each channel."""

    type: Literal["equalize"]
    """which op"""
    prob: Share = 0.1
    """how likely the op is applied"""

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        channels = [cv2.equalizeHist(np.ascontiguousarray(image[..., c])) for c in range(3)]
        return as_pixels(cv2.merge(channels))
