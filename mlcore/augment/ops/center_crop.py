"""The middle of the picture."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from mlcore.augment.crops import do_crop, enough
from mlcore.augment.op import BarrierOp, Outcome, register
from mlcore.augment.scene import Scene


@register("center_crop")
class CenterCrop(BarrierOp):
    """Cuts to the middle of the picture."""

    type: Literal["center_crop"]
    """which op"""
    share: float = Field(default=0.75, gt=0.0, le=1.0)
    """the window's sides relative to the picture's"""
    min_coverage: float = Field(default=0.3, ge=0.0, le=1.0)
    """least share of an object that must be left for it to stay"""
    completeness_threshold: float = Field(default=0.95, ge=0.0, le=1.0)
    """an object of which less is left is no longer called complete"""

    def apply(self, scene: Scene, rng: np.random.Generator) -> Outcome:
        width, height = (
            max(round(side * self.share), 1) for side in (scene.width, scene.height)
        )
        if (width, height) == (scene.width, scene.height):
            return Outcome("same_size")
        window = ((scene.width - width) // 2, (scene.height - height) // 2, width, height)
        would = scene.cut(window)
        stays = enough(scene, would[1], self.min_coverage)
        return do_crop(scene, window, would, stays, self.completeness_threshold)
