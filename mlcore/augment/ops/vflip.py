"""Mirror top and bottom."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mlcore.augment.op import AffineOp, Share, register
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix


@register("vflip")
class VFlip(AffineOp):
    """Mirrors top and bottom. Rarely right: cabinets do not hang upside down."""

    type: Literal["vflip"]
    """which op"""
    prob: Share = 0.1
    """how likely the op is applied"""

    def matrix(self, rng: np.random.Generator, width: int, height: int) -> Matrix:
        return affine.vflip(height)
