"""Mirror left and right."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mlcore.augment.op import AffineOp, Share, register
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix


@register("hflip")
class HFlip(AffineOp):
    """Mirrors left and right."""

    type: Literal["hflip"]
    """which op"""
    prob: Share = 0.5
    """how likely the op is applied"""

    def matrix(self, rng: np.random.Generator, width: int, height: int) -> Matrix:
        return affine.hflip(width)
