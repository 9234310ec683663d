"""A window around one object of interest."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mlcore.augment.crops import do_crop, enough, lines_of
from mlcore.augment.op import BarrierOp, Outcome, Range, Share, register, uniform
from mlcore.augment.scene import Scene, Window
from mlcore.contract.desc import class_of
from mlcore.geometry.measure import bounds


@register("roi_crop")
class RoiCrop(BarrierOp):
    """Cuts to a window around an anchor: an object of a chosen class, drawn at random.

    Boxes and polygons stay by the share that is left of them, a line where any of it is. Polygons
    keep their outline.
    """

    type: Literal["roi_crop"]
    """which op"""
    prob: Share = 0.5
    """how likely the op is applied"""
    anchor_classes: tuple[str, ...] = ("BBU设备", "RRU设备", "机柜")
    """classes of anchors, exactly as in the description; lines are never anchors"""
    scale_range: Range = (1.2, 2.0)
    """the window's sides relative to the anchor's"""
    min_crop_size: int = Field(default=320, ge=1)
    """least side of the window in pixels; a smaller picture limits it"""
    min_coverage: float = Field(default=0.4, ge=0.0, le=1.0)
    """least share of a box or polygon that must be left for it to stay"""
    completeness_threshold: float = Field(default=0.95, ge=0.0, le=1.0)
    """an object of which less is left is no longer called complete"""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if not 1 <= self.scale_range[0] <= self.scale_range[1] <= 20:
            raise ValueError(f"scale_range {list(self.scale_range)} must rise within 1 to 20")
        if not self.anchor_classes:
            raise ValueError("anchor_classes names no class")
        return self

    def apply(self, scene: Scene, rng: np.random.Generator) -> Outcome:
        anchors = [
            item
            for item in scene.items
            if item.kind != "line" and class_of(item.mark.desc) in self.anchor_classes
        ]
        if not anchors:
            return Outcome("no_anchor")
        anchor = anchors[int(rng.integers(len(anchors)))]
        window = self._window(bounds(anchor.points), uniform(rng, self.scale_range), scene)
        would = scene.cut(window)
        stays = enough(scene, would[1], self.min_coverage)
        stays |= lines_of(scene) & ~would[1].degenerate
        if not stays.any():
            return Outcome("no_objects")
        return do_crop(scene, window, would, stays, self.completeness_threshold)

    def _window(
        self, around: tuple[float, float, float, float], factor: float, scene: Scene
    ) -> Window:
        """Centred on the anchor, pushed into the picture where it would stick out."""
        spans = []
        for low, high, side in (
            (around[0], around[2], scene.width),
            (around[1], around[3], scene.height),
        ):
            span = min(max(round((high - low) * factor), self.min_crop_size), side)
            start = min(max(round((low + high - span) / 2), 0), side - span)
            spans.append((start, span))
        (left, width), (top, height) = spans
        return left, top, width, height
