"""Local contrast."""

from __future__ import annotations

from typing import Literal, Self

import cv2
import numpy as np
from pydantic import Field, model_validator

from mlcore.augment.op import ColourOp, Pixels, Share, register
from mlcore.augment.scene import as_pixels


@register("clahe")
class Clahe(ColourOp):
    """Contrast-limited adaptive histogram equalisation of the lightness (Zuiderveld, 1994)."""

    type: Literal["clahe"]
    """which op"""
    prob: Share = 0.5
    """how likely the op is applied"""
    clip_limit: float = Field(default=3.0, gt=0.0, le=100.0)
    """limit of the contrast; larger is stronger"""
    tile_grid_size: tuple[int, int] = (8, 8)
    """tiles across and down"""

    @model_validator(mode="after")
    def _tiles(self) -> Self:
        if not all(1 <= count <= 64 for count in self.tile_grid_size):
            raise ValueError(f"tile_grid_size {list(self.tile_grid_size)} must lie within 1 to 64")
        return self

    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        lab = as_pixels(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))
        equalizer = cv2.createCLAHE(self.clip_limit, self.tile_grid_size)
        lab[..., 0] = equalizer.apply(np.ascontiguousarray(lab[..., 0]))
        return as_pixels(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))
