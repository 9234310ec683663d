"""Brightness, contrast and saturation."""

from __future__ import annotations

from typing import Literal, Self

import cv2
import numpy as np
from pydantic import model_validator

from mlcore.augment.colour import LEVELS, blend, grey_of, mapped
from mlcore.augment.op import ColourOp, Pixels, Range, register, uniform
from mlcore.augment.scene import as_pixels


@register("color_jitter")
class ColorJitter(ColourOp):
    """Multiplies brightness, then contrast about the mean brightness, then saturation."""

    type: Literal["color_jitter"]
    """which op"""
    brightness: Range = (0.7, 1.3)
    """factor of all values"""
    contrast: Range = (0.7, 1.3)
    """factor of the distance from the picture's mean brightness"""
    saturation: Range = (0.7, 1.3)
    """factor of the distance from grey"""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for name, limits in (
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
        ):
            if not 0 <= limits[0] <= limits[1] <= 10:
                raise ValueError(f"{name} {list(limits)} must rise within 0 to 10")
        return self

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        bright = uniform(rng, self.brightness)
        contrast = uniform(rng, self.contrast)
        saturation = uniform(rng, self.saturation)
        levels = np.clip(np.rint(LEVELS * bright), 0, 255)
        mean = float(cv2.mean(grey_of(image))[0]) * bright
        out = mapped(image, mean + (levels - mean) * contrast)
        grey = cv2.cvtColor(grey_of(out), cv2.COLOR_GRAY2RGB)
        return blend(out, as_pixels(grey), saturation)
