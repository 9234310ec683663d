"""The full range of values."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from mlcore.augment.colour import LEVELS, histograms, mapped
from mlcore.augment.op import ColourOp, Pixels, Share, register


@register("auto_contrast")
class AutoContrast(ColourOp):
    """Stretches each channel so that its values reach from 0 to 255."""

    type: Literal["auto_contrast"]
    """which op"""
    prob: Share = 0.5
    """how likely the op is applied"""
    cutoff: float = Field(default=0.0, ge=0.0, lt=50.0)
    """percent of the pixels to disregard at either end"""

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        tables = []
        for counts in histograms(image):
            below = np.cumsum(counts)
            spare = below[-1] * self.cutoff / 100
            low = int(np.searchsorted(below, spare, side="right"))
            high = int(np.searchsorted(below, below[-1] - spare, side="left"))
            steep = 255 / (high - low) if high > low else 1.0
            tables.append((LEVELS - low) * steep if high > low else LEVELS)
        return mapped(image, np.stack(tables))
