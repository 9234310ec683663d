"""Softer or sharper."""

from __future__ import annotations

from typing import Literal, Self

import cv2
import numpy as np
from pydantic import model_validator

from mlcore.augment.colour import blend
from mlcore.augment.op import ColourOp, Pixels, Range, Share, register, uniform
from mlcore.augment.scene import as_pixels

SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], dtype=np.float32) / 13
"""a mild blur; beyond the picture itself its opposite sharpens"""


@register("sharpness")
class Sharpness(ColourOp):
    """Blends with a mildly blurred copy: below 1 softens, above 1 sharpens."""

    type: Literal["sharpness"]
    """which op"""
    prob: Share = 0.4
    """how likely the op is applied"""
    factor: Range = (0.5, 1.8)
    """0 is the blurred copy, 1 the picture"""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if not 0 <= self.factor[0] <= self.factor[1] <= 10:
            raise ValueError(f"factor {list(self.factor)} must rise within 0 to 10")
        return self

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        return blend(image, as_pixels(cv2.filter2D(image, -1, SMOOTH)), uniform(rng, self.factor))
