"""Small objects again, larger."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.augment.op import Range, register
from mlcore.augment.paste import PasteOp
from mlcore.augment.scene import Scene
from mlcore.geometry.measure import bounds, path_length


@register("small_object_zoom_paste")
class SmallObjectZoomPaste(PasteOp):
    """Copies small objects, enlarged, to free places: more and clearer examples of what is rare in
    pixels."""

    type: Literal["small_object_zoom_paste"]
    """which op"""
    scale: Range = (1.4, 1.8)
    """size of a copy relative to its original"""
    max_size: int = Field(default=96, ge=1)
    """largest side in pixels of a box or polygon that counts as small"""
    max_line_length: int = Field(default=128, ge=1)
    """largest length in pixels of a line that counts as small"""
    context: int = Field(default=4, ge=0, le=64)
    """pixels around the object that are copied with it"""

    @property
    def margin(self) -> int:
        return self.context

    def groups(self, scene: Scene) -> list[tuple[int, ...]]:
        out: list[tuple[int, ...]] = []
        for at, item in enumerate(scene.items):
            x1, y1, x2, y2 = bounds(item.points)
            if item.kind == "line":
                small = path_length(item.points) <= self.max_line_length
            else:
                small = max(x2 - x1, y2 - y1) <= self.max_size
            if small and self.may_copy(item):
                out.append((at,))
        return out
