"""Turn about the middle."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from mlcore.augment.op import AffineOp, Share, register
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix


@register("rotate")
class Rotate(AffineOp):
    """Turns about the middle of the picture by an angle from -max_deg to max_deg."""

    type: Literal["rotate"]
    """which op"""
    prob: Share = 0.5
    """how likely the op is applied"""
    max_deg: float = Field(default=10.0, ge=0.0, le=180.0)
    """largest angle in degrees, either way"""

    def matrix(self, rng: np.random.Generator, width: int, height: int) -> Matrix:
        angle = float(rng.uniform(-self.max_deg, self.max_deg))
        return affine.rotate_about(angle, width / 2, height / 2)
