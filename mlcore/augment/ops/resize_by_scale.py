"""Another size of the whole picture, both sides multiples of what the model wants."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mlcore.augment.canvas import align_up, fit_under
from mlcore.augment.op import BarrierOp, Outcome, register
from mlcore.augment.scene import Scene


@register("resize_by_scale")
class ResizeByScale(BarrierOp):
    """Resizes the picture by a factor; each side is then rounded up to a multiple by itself."""

    type: Literal["resize_by_scale"]
    """which op"""
    lo: float = Field(default=0.8, gt=0.0, le=10.0)
    """smallest factor"""
    hi: float = Field(default=1.2, gt=0.0, le=10.0)
    """largest factor"""
    scales: tuple[float, ...] = ()
    """the only factors to choose from, instead of lo to hi"""
    align_multiple: int = Field(default=32, ge=1, le=1024)
    """both sides become multiples of this many pixels"""
    max_pixels: int | None = Field(default=None, ge=1)
    """largest area that may come out; null means no limit"""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lo > self.hi:
            raise ValueError(f"lo {self.lo} is larger than hi {self.hi}")
        if any(not 0 < factor <= 10 for factor in self.scales):
            raise ValueError("scales must be larger than 0 and at most 10")
        return self

    def apply(self, scene: Scene, rng: np.random.Generator) -> Outcome:
        if self.scales:
            factor = self.scales[int(rng.integers(len(self.scales)))]
        else:
            factor = float(rng.uniform(self.lo, self.hi))
        width = align_up(scene.width * factor, self.align_multiple)
        height = align_up(scene.height * factor, self.align_multiple)
        if self.max_pixels is not None:
            width, height = fit_under(width, height, self.align_multiple, self.max_pixels)
        if (width, height) == (scene.width, scene.height):
            return Outcome("same_size")
        scene.resize(width, height)
        return Outcome(detail={"factor": factor, "width": width, "height": height})
