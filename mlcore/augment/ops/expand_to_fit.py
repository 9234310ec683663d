"""A canvas that holds all of the turned picture, so that nothing is cut off."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from mlcore.augment.canvas import align_up, fit_under
from mlcore.augment.op import BarrierOp, Outcome, register
from mlcore.augment.scene import Scene
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix, apply, box_corners


@register("expand_to_fit")
class ExpandToFit(BarrierOp):
    """Grows the canvas to what the maps before it need, and rounds it up to a multiple.

    Must be the last op that moves anything. A canvas over `max_pixels` is shrunk, both sides to
    multiples again, and the picture with it.
    """

    type: Literal["expand_to_fit"]
    """which op"""
    multiple: int = Field(default=32, ge=1, le=1024)
    """both sides become multiples of this many pixels"""
    max_pixels: int = Field(default=921600, ge=1)
    """largest area that may come out"""

    def before(self, pending: Matrix, width: int, height: int) -> tuple[Matrix, int, int]:
        corners = apply(pending, box_corners((0, 0, width, height)))
        low, high = corners.min(axis=0), corners.max(axis=0)
        moved = affine.translate(-float(low[0]), -float(low[1])) @ pending
        spans = [math.ceil(float(span) - 1e-6) for span in high - low]
        wide, tall = (align_up(span, self.multiple) for span in spans)
        new_wide, new_tall = fit_under(wide, tall, self.multiple, self.max_pixels)
        if (new_wide, new_tall) != (wide, tall):
            moved = affine.scale(new_wide / wide, new_tall / tall) @ moved
        return moved, new_wide, new_tall

    def apply(self, scene: Scene, rng: np.random.Generator) -> Outcome:
        return Outcome(
            detail={
                "width": scene.width,
                "height": scene.height,
                "padding_ratio": round(scene.padding_ratio, 6),
            }
        )
