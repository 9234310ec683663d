"""What the three copy-paste ops share: where patches come from, and where they may go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mlcore.augment.op import BarrierOp, Outcome, Range, Share, uniform
from mlcore.augment.patch import (
    Patch,
    PatchObject,
    cut_out,
    draw_mask,
    overlap_share,
    paste,
    scaled,
    shifted,
)
from mlcore.augment.scene import Item, Scene
from mlcore.contract.desc import class_of
from mlcore.geometry.measure import Box, bounds

Count = Annotated[int, Field(ge=1, le=64)]


class PasteOp(BarrierOp):
    """Copies objects to other places: of the same picture, or from the patch bank.

    A subclass says which groups of objects make a patch. Copies come after the originals; they are
    placed so that they neither hide another object nor lie on one.
    """

    prob: Share = 0.2
    """how likely the op is applied"""
    source_mode: Literal["local", "bank", "mixed"] = "local"
    """where patches come from: this picture, the patch bank, or either by chance"""
    bank_prob: Share = 0.5
    """for mixed: how likely a patch comes from the bank"""
    max_targets: Count = 1
    """most patches that are copied in one picture"""
    max_copies_per_target: Count = 1
    """most copies of one patch"""
    max_total_pastes: Count = 4
    """most copies in one picture"""
    max_attempts: Annotated[int, Field(ge=1, le=1000)] = 20
    """places tried for each copy"""
    scale: Range = (1.0, 1.0)
    """size of a copy relative to its original"""
    overlap_threshold: Share = 0.1
    """most that a copy and another object may share, of the smaller of the two"""
    overlap_mode: Literal["aabb", "mask"] = "aabb"
    """whether overlap is that of upright boxes or of what is really covered"""
    line_buffer: Annotated[int, Field(ge=0, le=64)] = 4
    """pixels to either side that belong to a line when overlap is measured"""
    class_whitelist: tuple[str, ...] = ()
    """classes that may be copied; none named means all"""
    placement_mode: Literal["random", "background"] = "random"
    """anywhere, or in cells of a grid that hold little else"""
    grid_rows: Count = 6
    """rows of the grid"""
    grid_cols: Count = 6
    """columns of the grid"""
    background_max_coverage: Share = 0.05
    """most of a cell that objects may cover for it to be background"""

    @model_validator(mode="after")
    def _scale_rises(self) -> Self:
        if not 0.1 <= self.scale[0] <= self.scale[1] <= 10:
            raise ValueError(f"scale {list(self.scale)} must rise within 0.1 to 10")
        return self

    @property
    def needs_bank(self) -> bool:
        """True where patches may come from the bank."""
        return self.source_mode != "local"

    @property
    @abstractmethod
    def margin(self) -> int:
        """Pixels around an object that are copied with it."""

    @abstractmethod
    def groups(self, scene: Scene) -> list[tuple[int, ...]]:
        """The groups of objects, by their place in the scene, that may become a patch."""

    def shapes(
        self, scene: Scene, group: Sequence[int], rng: np.random.Generator
    ) -> list[PatchObject]:
        """The objects of a group as they are copied: whole, unless a subclass says otherwise."""
        return [_whole(scene.items[at]) for at in group]

    def patch(
        self, scene: Scene, group: Sequence[int], rng: np.random.Generator
    ) -> Patch | None:
        """The cut-out of a group. None where a part of something else would be on it."""
        objects = self.shapes(scene, group, rng)
        if not objects:
            return None
        region = _grown(_around(objects), self.margin)
        if any(
            at not in group and _cuts(region, bounds(item.points))
            for at, item in enumerate(scene.items)
        ):
            return None
        return cut_out(scene, objects, self.margin, scene.record)

    def may_copy(self, item: Item) -> bool:
        """Whether an object is of a class that may be copied, and is no copy itself."""
        if item.mark.source is None:
            return False
        return not self.class_whitelist or class_of(item.mark.desc) in self.class_whitelist

    def apply(self, scene: Scene, rng: np.random.Generator) -> Outcome:
        patches = self._patches(scene, rng)
        if not patches:
            return Outcome("no_patch" if self.source_mode == "bank" else "no_target")
        done: list[dict[str, Any]] = []
        for patch in patches:
            for _ in range(int(rng.integers(self.max_copies_per_target)) + 1):
                if len(done) == self.max_total_pastes:
                    break
                factor = uniform(rng, self.scale)
                sized = scaled(patch, factor)
                at = self._place(scene, sized, rng)
                if at is not None:
                    paste(scene, sized, *at, {"op": self.type, "factor": round(factor, 6)})
                    done.append({"record": patch.record, "at": list(at)})
        return Outcome(detail={"pasted": done}) if done else Outcome("no_place")

    def _patches(self, scene: Scene, rng: np.random.Generator) -> list[Patch]:
        """Up to `max_targets` patches; each from the bank or the picture, as the mode says."""
        groups = self.groups(scene) if self.source_mode != "bank" else []
        order = rng.permutation(len(groups)).tolist()
        found: list[Patch] = []
        for _ in range(self.max_targets):
            from_bank = self.source_mode == "bank" or (
                self.source_mode == "mixed" and rng.random() < self.bank_prob
            )
            if from_bank:
                patch = scene.bank.draw(self.type, rng, scene.record) if scene.bank else None
            else:
                patch = None
                while order and patch is None:
                    patch = self.patch(scene, groups[order.pop()], rng)
            if patch is not None:
                found.append(patch)
        return found

    def _place(
        self, scene: Scene, patch: Patch, rng: np.random.Generator
    ) -> tuple[int, int] | None:
        height, width = patch.image.shape[:2]
        room = (scene.width - width, scene.height - height)
        if min(room) < 0:
            return None
        cells = self._background(scene) if self.placement_mode == "background" else []
        if self.placement_mode == "background" and not cells:
            return None
        for _ in range(self.max_attempts):
            if cells:
                cell = cells[int(rng.integers(len(cells)))]
                x, y = rng.uniform(cell[0], cell[2]), rng.uniform(cell[1], cell[3])
                left = min(max(round(x - width / 2), 0), room[0])
                top = min(max(round(y - height / 2), 0), room[1])
            else:
                left, top = int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))
            if self._is_free(scene, patch, left, top):
                return left, top
        return None

    def _is_free(self, scene: Scene, patch: Patch, left: int, top: int) -> bool:
        """Whether the copy and every other object share little enough, of either."""
        height, width = patch.image.shape[:2]
        own = [self._solid(o.kind, bounds(shifted(o.points, left, top))) for o in patch.objects]
        reach = _around_boxes(own)
        for item in scene.items:
            other = self._solid(item.kind, bounds(item.points))
            if overlap_share(reach, other) == 0:
                continue
            if self.overlap_mode == "aabb":
                share = max(overlap_share(one, other) for one in own)
            else:
                mask = np.zeros((height, width), np.uint8)
                margin = self.line_buffer if item.kind == "line" else 0
                draw_mask(mask, item.kind, shifted(item.points, -left, -top), margin)
                both = int(np.count_nonzero(mask & patch.mask))
                whole = np.zeros((scene.height, scene.width), np.uint8)
                draw_mask(whole, item.kind, item.points, margin)
                areas = (int(np.count_nonzero(patch.mask)), int(np.count_nonzero(whole)))
                share = both / max(min(areas), 1)
            if share > self.overlap_threshold:
                return False
        return True

    def _solid(self, kind: str, box: Box) -> Box:
        """A line has no area: it counts with its buffer."""
        return _grown(box, self.line_buffer) if kind == "line" else box

    def _background(self, scene: Scene) -> list[Box]:
        """The cells of the grid that hold little enough."""
        covered = np.zeros((scene.height, scene.width), np.uint8)
        for item in scene.items:
            margin = self.line_buffer if item.kind == "line" else 0
            draw_mask(covered, item.kind, item.points, margin)
        ys = np.linspace(0, scene.height, self.grid_rows + 1)
        xs = np.linspace(0, scene.width, self.grid_cols + 1)
        cells = []
        for y1, y2 in zip(ys[:-1].tolist(), ys[1:].tolist(), strict=True):
            for x1, x2 in zip(xs[:-1].tolist(), xs[1:].tolist(), strict=True):
                part = covered[int(y1) : max(int(y2), int(y1) + 1),
                               int(x1) : max(int(x2), int(x1) + 1)]
                if np.count_nonzero(part) <= self.background_max_coverage * part.size:
                    cells.append((x1, y1, x2, y2))
        return cells


def _whole(item: Item) -> PatchObject:
    assert item.mark.source is not None
    return PatchObject(item.mark.desc, item.kind, item.points, item.mark.source, item.partial)


def _around(objects: Sequence[PatchObject]) -> Box:
    return _around_boxes([bounds(o.points) for o in objects])


def _around_boxes(boxes: Sequence[Box]) -> Box:
    return (
        min(b[0] for b in boxes), min(b[1] for b in boxes),
        max(b[2] for b in boxes), max(b[3] for b in boxes),
    )


def _grown(box: Box, by: int) -> Box:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _cuts(region: Box, other: Box) -> bool:
    """True where `other` is partly in the region. One that surrounds it is its background."""
    surrounds = (
        other[0] <= region[0] and other[1] <= region[1]
        and other[2] >= region[2] and other[3] >= region[3]
    )
    apart = (
        other[2] <= region[0] or other[0] >= region[2]
        or other[3] <= region[1] or other[1] >= region[3]
    )
    return not surrounds and not apart
