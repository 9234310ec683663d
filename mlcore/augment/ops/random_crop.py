"""A window anywhere."""

from __future__ import annotations

import math
from itertools import compress
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mlcore.augment.crops import do_crop, enough, place
from mlcore.augment.op import BarrierOp, Outcome, Range, register, uniform
from mlcore.augment.scene import Scene


@register("random_crop")
class RandomCrop(BarrierOp):
    """Cuts to a window of random size and place.

    Objects of which too little is left are dropped. The crop is not done where too few would stay,
    or where a line would and `skip_if_line` is set.
    """

    type: Literal["random_crop"]
    """which op"""
    scale: Range = (0.6, 1.0)
    """share of the picture's area that the window has"""
    aspect: Range = (0.8, 1.2)
    """the window's width to height, relative to the picture's"""
    min_coverage: float = Field(default=0.3, ge=0.0, le=1.0)
    """least share of an object that must be left for it to stay"""
    completeness_threshold: float = Field(default=0.95, ge=0.0, le=1.0)
    """an object of which less is left is no longer called complete"""
    min_objects: int = Field(default=4, ge=0)
    """fewest objects that must stay"""
    skip_if_line: bool = True
    """no crop where a line would stay: what is cut off changes its meaning"""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"scale {list(self.scale)} must rise within 0 to 1")
        if not 0.1 <= self.aspect[0] <= self.aspect[1] <= 10:
            raise ValueError(f"aspect {list(self.aspect)} must rise within 0.1 to 10")
        return self

    def apply(self, scene: Scene, rng: np.random.Generator) -> Outcome:
        area, aspect = uniform(rng, self.scale), uniform(rng, self.aspect)
        width = min(max(round(scene.width * math.sqrt(area * aspect)), 1), scene.width)
        height = min(max(round(scene.height * math.sqrt(area / aspect)), 1), scene.height)
        window = place(rng, scene, width, height)
        would = scene.cut(window)
        stays = enough(scene, would[1], self.min_coverage)
        kept = int(np.count_nonzero(stays))
        if kept < self.min_objects:
            return Outcome("min_objects", {"kept": kept})
        if self.skip_if_line and "line" in compress(scene.shapes.kinds, stays.tolist()):
            return Outcome("line")
        return do_crop(scene, window, would, stays, self.completeness_threshold)
