"""Bright values turned over."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from mlcore.augment.colour import LEVELS, mapped
from mlcore.augment.op import ColourOp, Pixels, Share, register


@register("solarize")
class Solarize(ColourOp):
    """Inverts every value from a threshold on."""

    type: Literal["solarize"]
    """which op"""
    prob: Share = 0.1
    """how likely the op is applied"""
    threshold: int = Field(default=128, ge=0, le=256)
    """the lowest value that is inverted"""

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        return mapped(image, np.where(self.threshold > LEVELS, LEVELS, 255 - LEVELS))
