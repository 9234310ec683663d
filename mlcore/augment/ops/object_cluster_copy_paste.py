"""Neighbours together."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mlcore.augment.op import register
from mlcore.augment.paste import PasteOp
from mlcore.augment.scene import Item, Scene
from mlcore.geometry.measure import bounds


@register("object_cluster_copy_paste")
class ObjectClusterCopyPaste(PasteOp):
    """Copies an object together with its nearest neighbours, as they stand to each other."""

    type: Literal["object_cluster_copy_paste"]
    """which op"""
    min_objects_in_cluster: int = Field(default=2, ge=2, le=64)
    """fewest objects of a group"""
    max_objects_in_cluster: int = Field(default=5, ge=2, le=64)
    """most objects of a group: the nearest ones"""
    cluster_radius_px: float = Field(default=120.0, gt=0.0)
    """farthest centre of a neighbour from the centre of the first object, in pixels"""
    cluster_context: int = Field(default=8, ge=0, le=64)
    """pixels around the objects that are copied with them"""

    @model_validator(mode="after")
    def _counts_rise(self) -> Self:
        if self.min_objects_in_cluster > self.max_objects_in_cluster:
            raise ValueError("min_objects_in_cluster is larger than max_objects_in_cluster")
        return self

    @property
    def margin(self) -> int:
        return self.cluster_context

    def groups(self, scene: Scene) -> list[tuple[int, ...]]:
        may = [at for at, item in enumerate(scene.items) if self.may_copy(item)]
        centres = {at: _centre(scene.items[at]) for at in may}
        out: set[tuple[int, ...]] = set()
        for first in may:
            x, y = centres[first]
            near = sorted(
                (distance, at)
                for at, (u, v) in centres.items()
                if (distance := ((u - x) ** 2 + (v - y) ** 2) ** 0.5) <= self.cluster_radius_px
            )
            group = tuple(sorted(at for _, at in near[: self.max_objects_in_cluster]))
            if len(group) >= self.min_objects_in_cluster:
                out.add(group)
        return sorted(out)


def _centre(item: Item) -> tuple[float, float]:
    x1, y1, x2, y2 = bounds(item.points)
    return (x1 + x2) / 2, (y1 + y2) / 2
