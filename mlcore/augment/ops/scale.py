"""Zoom about the middle."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mlcore.augment.op import AffineOp, Share, register
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix


@register("scale")
class Scale(AffineOp):
    """Zooms about the middle by a factor from lo to hi; the canvas keeps its size."""

    type: Literal["scale"]
    """which op"""
    prob: Share = 0.5
    """how likely the op is applied"""
    lo: float = Field(default=0.9, gt=0.0, le=10.0)
    """smallest factor"""
    hi: float = Field(default=1.1, gt=0.0, le=10.0)
    """largest factor"""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lo > self.hi:
            raise ValueError(f"lo {self.lo} is larger than hi {self.hi}")
        return self

    def matrix(self, rng: np.random.Generator, width: int, height: int) -> Matrix:
        factor = float(rng.uniform(self.lo, self.hi))
        return affine.scale_about(factor, factor, width / 2, height / 2)
