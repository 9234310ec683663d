"""Fill at the right and the bottom up to a multiple."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from mlcore.augment.canvas import align_up
from mlcore.augment.op import BarrierOp, Outcome, register
from mlcore.augment.scene import Scene


@register("pad_to_multiple")
class PadToMultiple(BarrierOp):
    """Adds fill to the right and at the bottom, so that both sides are multiples."""

    type: Literal["pad_to_multiple"]
    """which op"""
    multiple: int = Field(default=32, ge=1, le=1024)
    """both sides become multiples of this many pixels"""

    def apply(self, scene: Scene, rng: np.random.Generator) -> Outcome:
        width = align_up(scene.width, self.multiple)
        height = align_up(scene.height, self.multiple)
        if (width, height) == (scene.width, scene.height):
            return Outcome("same_size")
        scene.pad(width, height)
        return Outcome(detail={"width": width, "height": height})
