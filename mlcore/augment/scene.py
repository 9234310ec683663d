"""The picture and its objects while ops work on them. Units: pixels of the current canvas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any, Literal, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from mlcore.augment.shapes import Cut, Flags, Flat, Floats, Shapes
from mlcore.contract.records import Kind, Record
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix
from mlcore.geometry.clip import SLACK, clip
from mlcore.geometry.measure import extent

if TYPE_CHECKING:
    from mlcore.augment.patch import Patch

FILL = (128, 128, 128)
"""what lies outside the picture: the value that the model's normalisation maps next to 0"""
Pixels = npt.NDArray[np.uint8]
"""a picture, RGB, shape [H, W, 3]"""
Interpolation = Literal["linear", "cubic"]
Outside = Literal["drop", "keep"]
TurnedBoxes = Literal["poly", "enclose"]
_FLAGS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}
_MIRRORS = {(False, False): None, (True, False): 1, (False, True): 0, (True, True): -1}
"""OpenCV's code by whether a picture is mirrored across and down"""
Window = tuple[int, int, int, int]
"""left, top, width and height of a crop, whole pixels"""


def as_pixels(value: object) -> Pixels:
    """What OpenCV returns, as the bytes that it is; nothing is copied."""
    return np.asarray(value, dtype=np.uint8)


@dataclass(slots=True)
class Mark:
    """What an object is, whatever becomes of its geometry.

    `source` is its index in the original record; a copy has none and says in `origin` where it was
    taken from.
    """

    desc: str
    source: int | None
    became_poly: bool = False
    origin: Mapping[str, Any] | None = None


@dataclass
class Seen:
    """How much of each object is seen: arrays over the objects, `[n]` each.

    `coverage` is the share of its area (a line: length) that is still there, over everything that
    happened. `partial` is true once that fell below a completeness threshold, `degenerate` where
    what is left has no extent.
    """

    coverage: Floats
    partial: Flags
    degenerate: Flags

    @classmethod
    def whole(cls, count: int) -> Seen:
        """So many objects of which nothing is gone."""
        return cls(np.ones(count), np.zeros(count, np.bool_), np.zeros(count, np.bool_))

    def after(self, cut: Cut, stays: Flags, threshold: float) -> Seen:
        """Of the objects that stay, once a cut has taken its share."""
        coverage = (self.coverage * cut.kept)[stays]
        partial = self.partial[stays] | (coverage < threshold)
        return Seen(coverage, partial, (self.degenerate | cut.degenerate)[stays])


@dataclass(frozen=True)
class Item:
    """An object as it now is; `points` is flat."""

    mark: Mark
    kind: Kind
    points: Flat
    partial: bool


@dataclass(frozen=True)
class Lost:
    """An object that is no longer in the picture: which one, and what took it."""

    source: int | None
    reason: str


@dataclass(frozen=True)
class Settings:
    """What holds for every op of a pipeline; see `AugmentConfig`."""

    interpolation: Interpolation = "cubic"
    outside: Outside = "drop"
    turned_boxes: TurnedBoxes = "poly"
    completeness_threshold: float = 0.95


class Bank(Protocol):
    """Where copy-paste ops get patches of other pictures (`mlcore.augment.bank`)."""

    def draw(self, op: str, rng: np.random.Generator, record: str) -> Patch | None:
        """A patch for an op from any record but this one; None where there is none."""


@dataclass
class Scene:
    """The state. `matrix` maps pixels of the original picture to those of the canvas now, `frame`
    is the outline of what of the original picture is on the canvas, empty while that is all of it.
    `record` is the record's id."""

    image: Pixels
    marks: list[Mark]
    shapes: Shapes
    seen: Seen
    settings: Settings
    record: str = ""
    bank: Bank | None = None
    matrix: Matrix = field(default_factory=affine.identity)
    frame: Flat = ()
    lost: list[Lost] = field(default_factory=list)

    @classmethod
    def of(
        cls, record: Record, image: Pixels, settings: Settings, bank: Bank | None = None
    ) -> Scene:
        """A record and its picture at the start."""
        marks = [Mark(o.desc, i) for i, o in enumerate(record.objects)]
        shapes = Shapes.of([o.kind for o in record.objects], [o.points for o in record.objects])
        return cls(image, marks, shapes, Seen.whole(len(marks)), settings, record.id, bank)

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        return int(self.image.shape[0])

    @property
    def items(self) -> list[Item]:
        """The objects one by one, for ops that look at each."""
        partial = self.seen.partial.tolist()
        rows = zip(self.marks, self.shapes.kinds, self.shapes.flats(), partial, strict=True)
        return [Item(*row) for row in rows]

    @property
    def padding_ratio(self) -> float:
        """Share of the canvas that shows no part of the original picture."""
        if not self.frame:
            return 0.0
        return max(0.0, 1.0 - extent("poly", self.frame) / (self.width * self.height))

    def add(self, items: Sequence[Item]) -> None:
        """More objects, after those that are there."""
        whole, partial = Seen.whole(len(items)), np.array([one.partial for one in items], np.bool_)
        self.marks += [one.mark for one in items]
        self.shapes = self.shapes.with_more(
            [one.kind for one in items], [one.points for one in items]
        )
        self.seen = Seen(
            np.concatenate([self.seen.coverage, whole.coverage]),
            np.concatenate([self.seen.partial, partial]),
            np.concatenate([self.seen.degenerate, whole.degenerate]),
        )

    def warp(self, matrix: Matrix, width: int, height: int) -> None:
        """Carry out an affine map onto a canvas of width x height, objects included."""
        if affine.is_identity(matrix) and (width, height) == (self.width, self.height):
            return
        self._follow(matrix, width, height)
        self.image = warp_image(self.image, matrix, width, height, self.settings.interpolation)

    def resize(self, width: int, height: int) -> None:
        """Stretch the whole picture to a size."""
        shrinks = width * height < self.width * self.height
        flag = cv2.INTER_AREA if shrinks else _FLAGS[self.settings.interpolation]
        self._follow(affine.scale(width / self.width, height / self.height), width, height)
        self.image = as_pixels(cv2.resize(self.image, (width, height), interpolation=flag))

    def pad(self, width: int, height: int) -> None:
        """Add fill to the right and at the bottom up to a size."""
        more = (height - self.height, width - self.width)
        self.frame = self._outline()
        self.image = as_pixels(
            cv2.copyMakeBorder(
                self.image, 0, more[0], 0, more[1], cv2.BORDER_CONSTANT, value=FILL
            )
        )

    def cut(self, window: Window) -> tuple[Shapes, Cut]:
        """The objects in a window's coordinates, and what a crop to it would leave of each."""
        left, top, width, height = window
        moved = self.shapes.shifted(-left, -top)
        return moved, moved.cut(width, height)

    def crop(
        self, window: Window, would: tuple[Shapes, Cut], stays: Flags, threshold: float
    ) -> None:
        """Cut to a window. `would` is what `cut` said; objects that do not stay are lost."""
        left, top, width, height = window
        self._commit(*would, stays, (width, height), threshold, "coverage")
        self._move_frame(affine.translate(-left, -top), width, height)
        self.image = self.image[top : top + height, left : left + width]

    def _outline(self) -> Flat:
        return self.frame or (0, 0, self.width, 0, self.width, self.height, 0, self.height)

    def _move_frame(self, matrix: Matrix, width: int, height: int) -> None:
        """Of the picture as it is before a map onto a canvas of width x height."""
        self.matrix = matrix @ self.matrix
        if not self.frame and _covers(matrix, (self.width, self.height), (width, height)):
            return
        moved = affine.move("poly", self._outline(), matrix).points
        clipped = clip("poly", moved, width, height)
        self.frame = clipped.points if clipped.state != "outside" else (0.0,) * 8

    def _follow(self, matrix: Matrix, width: int, height: int) -> None:
        self._move_frame(matrix, width, height)
        moved = self.shapes.moved(matrix, self.settings.turned_boxes)
        if moved.layout is not self.shapes.layout:
            for mark, old, new in zip(self.marks, self.shapes.kinds, moved.kinds, strict=True):
                mark.became_poly = mark.became_poly or old != new
        cut = moved.cut(width, height)
        drop = self.settings.outside == "drop"
        stays = ~cut.degenerate if drop else np.ones(len(moved), dtype=np.bool_)
        threshold = self.settings.completeness_threshold
        self._commit(moved, cut, stays, (width, height), threshold, "sliver")

    def _commit(
        self,
        moved: Shapes,
        cut: Cut,
        stays: Flags,
        size: tuple[int, int],
        threshold: float,
        reason: str,
    ) -> None:
        """Take over what a cut left. `reason` is why an object that is not outside goes."""
        self.shapes = moved.left(cut, stays, *size)
        everything = bool(stays.all())
        if everything and not cut.degenerate.any() and bool((cut.kept == 1.0).all()):
            return
        self.seen = self.seen.after(cut, stays, threshold)
        if everything:
            return
        for at in (~stays).nonzero()[0].tolist():
            why = "outside" if cut.outside[at] else reason
            self.lost.append(Lost(self.marks[at].source, why))
        self.marks = list(compress(self.marks, stays.tolist()))


def _covers(matrix: Matrix, old: tuple[int, int], new: tuple[int, int]) -> bool:
    """Whether a map that keeps upright boxes upright spreads a canvas over all of a new one."""
    (a, b, dx), (c, d, dy) = matrix[:2].tolist()
    if b or c:
        return False
    across, down = sorted((dx, a * old[0] + dx)), sorted((dy, d * old[1] + dy))
    low, right, bottom = max(across[0], down[0]), across[1], down[1]
    return bool(low <= SLACK and right >= new[0] - SLACK and bottom >= new[1] - SLACK)


def warp_image(
    image: Pixels,
    matrix: Matrix,
    width: int,
    height: int,
    interpolation: Interpolation,
) -> Pixels:
    """The picture under an affine map, [H, W, 3] to [height, width, 3]; FILL where nothing lies.

    Mirroring moves whole pixels and resamples nothing.
    """
    same = (height, width) == image.shape[:2]
    a, b, c, d = matrix[:2, :2].ravel().tolist()
    if same and b == c == 0 and abs(a) == abs(d) == 1:
        mirrored = (width if a < 0 else 0, height if d < 0 else 0)
        if np.abs(matrix[:2, 2] - mirrored).max() < SLACK:
            code = _MIRRORS[a < 0, d < 0]
            return image if code is None else as_pixels(cv2.flip(image, code))
    warped = cv2.warpAffine(
        image,
        affine.index_map(matrix)[:2],
        (width, height),
        flags=_FLAGS[interpolation],
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=FILL,
    )
    return as_pixels(warped)
