"""Hue, saturation and value."""

from __future__ import annotations

from typing import Literal, Self

import cv2
import numpy as np
from pydantic import model_validator

from mlcore.augment.colour import LEVELS, mapped
from mlcore.augment.op import ColourOp, Pixels, Range, register, uniform
from mlcore.augment.scene import as_pixels

HUES = 180
"""OpenCV's hue of a byte picture counts in steps of two degrees"""


@register("hsv")
class Hsv(ColourOp):
    """Turns the hue and multiplies saturation and value."""

    type: Literal["hsv"]
    """which op"""
    hue_delta_deg: Range = (-20.0, 20.0)
    """turn of the hue in degrees; OpenCV rounds to two"""
    sat: Range = (0.7, 1.4)
    """factor of the saturation"""
    val: Range = (0.7, 1.4)
    """factor of the value"""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if not -180 <= self.hue_delta_deg[0] <= self.hue_delta_deg[1] <= 180:
            raise ValueError(f"hue_delta_deg {list(self.hue_delta_deg)} must rise within +-180")
        for name, limits in (("sat", self.sat), ("val", self.val)):
            if not 0 <= limits[0] <= limits[1] <= 10:
                raise ValueError(f"{name} {list(limits)} must rise within 0 to 10")
        return self

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        turn = round(uniform(rng, self.hue_delta_deg) / 2)
        tables = np.stack(
            [
                (LEVELS + turn) % HUES,
                LEVELS * uniform(rng, self.sat),
                LEVELS * uniform(rng, self.val),
            ]
        )
        hsv = as_pixels(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
        return as_pixels(cv2.cvtColor(mapped(hsv, tables), cv2.COLOR_HSV2RGB))
