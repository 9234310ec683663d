"""Brightness curve."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mlcore.augment.colour import LEVELS, mapped
from mlcore.augment.op import ColourOp, Pixels, Range, register, uniform


@register("gamma")
class Gamma(ColourOp):
    """gain * 255 * (value / 255) ** gamma: below 1 lifts the shadows, above 1 deepens them."""

    type: Literal["gamma"]
    """which op"""
    gamma: Range = (0.7, 1.4)
    """the exponent"""
    gain: float = Field(default=1.0, gt=0.0, le=10.0)
    """factor after the curve"""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if not 0 < self.gamma[0] <= self.gamma[1] <= 10:
            raise ValueError(f"gamma {list(self.gamma)} must rise within 0 to 10")
        return self

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        return mapped(image, self.gain * 255 * (LEVELS / 255) ** uniform(rng, self.gamma))
