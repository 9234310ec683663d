"""The picture and its objects while ops work on them. Units: pixels of the current canvas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Literal, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from mlcore.contract.records import Kind, Record
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix
from mlcore.geometry.clip import SLACK, Clipped, clip
from mlcore.geometry.measure import bounds, extent

if TYPE_CHECKING:
    from mlcore.augment.patch import Patch

FILL = (128, 128, 128)
"""what lies outside the picture: the value that the model's normalisation maps next to 0"""
Flat = tuple[float, ...]
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


@dataclass(frozen=True)
class Item:
    """An object on its way.

    `source` is its index in the original record; a copy has none and says in `origin` where it was
    taken from. `coverage` is the share of its area (a line: length) that is still there, over
    everything that happened. `partial` is true once that fell below a completeness threshold.
    """

    desc: str
    kind: Kind
    points: Flat
    source: int | None
    coverage: float = 1.0
    partial: bool = False
    degenerate: bool = False
    became_poly: bool = False
    origin: Mapping[str, Any] | None = None


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
    is the outline of what of the original picture is on the canvas. `record` is the record's id."""

    image: Pixels
    items: list[Item]
    settings: Settings
    record: str = ""
    bank: Bank | None = None
    matrix: Matrix = field(default_factory=affine.identity)
    frame: Flat = ()
    lost: list[Lost] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.frame:
            self.frame = (0, 0, self.width, 0, self.width, self.height, 0, self.height)

    @classmethod
    def of(
        cls, record: Record, image: Pixels, settings: Settings, bank: Bank | None = None
    ) -> Scene:
        """A record and its picture at the start."""
        items = [Item(o.desc, o.kind, o.points, i) for i, o in enumerate(record.objects)]
        return cls(image, items, settings, record.id, bank)

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        return int(self.image.shape[0])

    @property
    def padding_ratio(self) -> float:
        """Share of the canvas that shows no part of the original picture."""
        return max(0.0, 1.0 - extent("poly", self.frame) / (self.width * self.height))

    def warp(self, matrix: Matrix, width: int, height: int) -> None:
        """Carry out an affine map onto a canvas of width x height, objects included."""
        if affine.is_identity(matrix) and (width, height) == (self.width, self.height):
            return
        self.image = warp_image(self.image, matrix, width, height, self.settings.interpolation)
        self._follow(matrix, width, height)

    def resize(self, width: int, height: int) -> None:
        """Stretch the whole picture to a size."""
        shrinks = width * height < self.width * self.height
        flag = cv2.INTER_AREA if shrinks else _FLAGS[self.settings.interpolation]
        matrix = affine.scale(width / self.width, height / self.height)
        self.image = as_pixels(cv2.resize(self.image, (width, height), interpolation=flag))
        self._follow(matrix, width, height)

    def pad(self, width: int, height: int) -> None:
        """Add fill to the right and at the bottom up to a size."""
        more = (height - self.height, width - self.width)
        self.image = as_pixels(
            cv2.copyMakeBorder(
                self.image, 0, more[0], 0, more[1], cv2.BORDER_CONSTANT, value=FILL
            )
        )

    def cut(self, window: Window) -> list[Clipped]:
        """What a crop would leave of each object, in the window's coordinates."""
        left, top, width, height = window
        moved = [_shifted(item.points, -left, -top) for item in self.items]
        return [
            clip(item.kind, points, width, height)
            for item, points in zip(self.items, moved, strict=True)
        ]

    def crop(
        self, window: Window, left_of: Sequence[Clipped], keep: Sequence[bool], threshold: float
    ) -> None:
        """Cut to a window. `left_of` is what `cut` said; objects that are not to `keep` go."""
        left, top, width, height = window
        self.image = np.ascontiguousarray(self.image[top : top + height, left : left + width])
        items = []
        for item, clipped, stays in zip(self.items, left_of, keep, strict=True):
            if stays:
                items.append(_clipped(item, clipped, threshold))
            else:
                reason = "outside" if clipped.state == "outside" else "coverage"
                self.lost.append(Lost(item.source, reason))
        self.items = items
        self._move_frame(affine.translate(-left, -top), width, height)

    def _move_frame(self, matrix: Matrix, width: int, height: int) -> None:
        self.matrix = matrix @ self.matrix
        moved = affine.move("poly", self.frame, matrix).points
        clipped = clip("poly", moved, width, height)
        self.frame = clipped.points if clipped.state != "outside" else (0.0,) * 8

    def _follow(self, matrix: Matrix, width: int, height: int) -> None:
        self._move_frame(matrix, width, height)
        moved = move_items(self.items, matrix, self.settings.turned_boxes)
        if all(_within(item, width, height) for item in moved):
            self.items = moved
            return
        self.items = []
        for item in moved:
            clipped = clip(item.kind, item.points, width, height)
            if self.settings.outside == "drop" and clipped.degenerate:
                reason = "outside" if clipped.state == "outside" else "sliver"
                self.lost.append(Lost(item.source, reason))
            else:
                self.items.append(_clipped(item, clipped, self.settings.completeness_threshold))


def _within(item: Item, width: int, height: int) -> bool:
    x1, y1, x2, y2 = bounds(item.points)
    return x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height


def _clipped(item: Item, clipped: Clipped, threshold: float) -> Item:
    coverage = item.coverage * clipped.kept
    return replace(
        item,
        points=clipped.points,
        coverage=coverage,
        partial=item.partial or coverage < threshold,
        degenerate=item.degenerate or clipped.degenerate,
    )


def move_items(items: Sequence[Item], matrix: Matrix, turned_boxes: TurnedBoxes) -> list[Item]:
    """Every object under a map, not cut. All points go through it in one product."""
    if not items:
        return []
    aligned = affine.is_axis_aligned(matrix)
    rows = [
        affine.flat(affine.box_corners(item.points))
        if item.kind == "bbox_2d" and not aligned
        else item.points
        for item in items
    ]
    ends = list(accumulate(len(row) for row in rows))
    pairs = np.fromiter(chain.from_iterable(rows), dtype=np.float64, count=ends[-1])
    numbers = affine.apply(matrix, pairs.reshape(-1, 2)).ravel().tolist()
    out = []
    for item, row, end in zip(items, rows, ends, strict=True):
        points = tuple(numbers[end - len(row) : end])
        if item.kind != "bbox_2d":
            out.append(replace(item, points=points))
        elif aligned or turned_boxes == "enclose":
            out.append(replace(item, points=bounds(points)))
        else:
            out.append(replace(item, kind="poly", points=points, became_poly=True))
    return out


def _shifted(points: Flat, dx: float, dy: float) -> Flat:
    return tuple(v + (dy if i % 2 else dx) for i, v in enumerate(points))


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
