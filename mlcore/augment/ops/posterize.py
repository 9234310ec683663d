"""Fewer values."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from mlcore.augment.colour import LEVELS, mapped
from mlcore.augment.op import ColourOp, Pixels, Share, register


@register("posterize")
class Posterize(ColourOp):
    """Keeps the highest bits of every value."""

    type: Literal["posterize"]
    """which op"""
    prob: Share = 0.1
    """how likely the op is applied"""
    bits: int = Field(default=5, ge=1, le=8)
    """bits that stay"""

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        step = 2 ** (8 - self.bits)
        return mapped(image, np.floor(LEVELS / step) * step)
