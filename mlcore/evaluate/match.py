"""Which predicted object is which true one, image by image."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from mlcore.contract.desc import class_of
from mlcore.contract.records import Kind, Record
from mlcore.coordjson import AnswerError, CoordObject
from mlcore.coordjson.format import AnswerFormat, count_salvaged
from mlcore.coordjson.format import read_answer as read_strictly
from mlcore.errors import DataError
from mlcore.geometry.iou import LINE_HALF_WIDTH, Matrix, Region, overlap_matrix, region
from mlcore.geometry.spaces import to_thousandths

Level = Literal["located", "class", "full"]
"""what a pair must share besides its place: nothing, the class, class and whole description"""
LEVELS: tuple[Level, ...] = ("located", "class", "full")
COORDJSON = AnswerFormat()
"""the format of answers that name none"""


@dataclass(frozen=True)
class Thing:
    """A true or predicted object in the 0..999 space, with the area that it covers.

    `confidence` is how sure the system was, 0..1; None where it did not say.
    """

    desc: str
    name: str
    kind: Kind
    points: tuple[float, ...]
    region: Region
    confidence: float | None = None


@dataclass(frozen=True)
class Fault:
    """Why an answer could not be read. `rule` is `missing` where there is no answer at all."""

    rule: str
    position: int
    reason: str


@dataclass(frozen=True)
class Reading:
    """An answer read: its objects, or why there are none.

    `salvaged` is how many right objects stand in an answer that is refused as a whole; no score
    counts them.
    """

    things: tuple[Thing, ...]
    fault: Fault | None
    salvaged: int = 0


@dataclass(frozen=True)
class Pair:
    """A true and a predicted object (indices into their lists) that count as the same."""

    truth: int
    prediction: int
    iou: float


@dataclass(frozen=True)
class ImageMatch:
    """One image of one system: what is there, what was said, and what agrees.

    `overlaps` are those of every true with every predicted object, [truths, predictions], whatever
    their classes; 0 between a line and an area. `pairs` are of objects of one class.
    """

    record: str
    truths: tuple[Thing, ...]
    reading: Reading
    pairs: tuple[Pair, ...]
    overlaps: Matrix

    @property
    def tp(self) -> int:
        return len(self.pairs)

    @property
    def fp(self) -> int:
        return len(self.reading.things) - len(self.pairs)

    @property
    def fn(self) -> int:
        return len(self.truths) - len(self.pairs)


def truth_things(record: Record, half_width: float = LINE_HALF_WIDTH) -> tuple[Thing, ...]:
    """The objects of a record. A true coordinate is not rounded to bins."""
    return tuple(
        _thing(o.desc, o.kind, to_thousandths(o.points, record.width, record.height), half_width)
        for o in record.objects
    )


def read_answer(
    text: str | None,
    format: AnswerFormat = COORDJSON,
    *,
    width: int = 0,
    height: int = 0,
    half_width: float = LINE_HALF_WIDTH,
    confidences: Sequence[float] | None = None,
) -> Reading:
    """The objects of a dense answer; None stands for an answer that is missing.

    The image's size, in pixels, is needed where the answer's numbers are pixels. `confidences` has
    one number for each right object of the answer. Raises DataError where it has not.
    """
    if text is None:
        return Reading((), Fault("missing", 0, "there is no answer for this image"))
    try:
        objects: list[CoordObject] = read_strictly(text, format, width, height)
    except AnswerError as error:
        fault = Fault(error.rule, error.position, error.reason)
        return Reading((), fault, count_salvaged(text, format, width, height))
    if confidences is not None and len(confidences) != len(objects):
        raise DataError(
            f"an answer with {len(objects)} objects has {len(confidences)} confidences",
            hint="The predictions were made with another format of answers than they name.",
        )
    sure: Sequence[float | None] = confidences or [None] * len(objects)
    things = (
        _thing(o.desc, o.kind, o.bins, half_width, c) for o, c in zip(objects, sure, strict=True)
    )
    return Reading(tuple(things), None)


def _thing(
    desc: str,
    kind: Kind,
    points: Sequence[float],
    half_width: float,
    confidence: float | None = None,
) -> Thing:
    covered = region(kind, points, half_width)
    return Thing(desc, class_of(desc), kind, tuple(points), covered, confidence)


def match_image(
    record: str, truths: tuple[Thing, ...], reading: Reading, threshold: float
) -> ImageMatch:
    """Pair each true object with at most one prediction of its class, overlap >= threshold.

    Of all such pairings one with the most pairs, and of those one with the largest sum of
    overlaps (Hungarian method). The objects of an answer that cannot be read are all missed.
    """
    overlaps = overlap_matrix(
        [thing.region for thing in truths], [thing.region for thing in reading.things]
    )
    found = assign(np.where(agreement(truths, reading.things, "class"), overlaps, 0.0), threshold)
    pairs = tuple(Pair(i, j, float(overlaps[i, j])) for i, j in found)
    return ImageMatch(record, truths, reading, pairs, overlaps)


def agreement(truths: Sequence[Thing], said: Sequence[Thing], level: Level) -> Any:
    """Which pairs may count as the same at a level: bool [truths, said]."""
    if level == "located" or not truths or not said:
        return np.ones((len(truths), len(said)), dtype=bool)
    first, second = (
        [thing.name if level == "class" else f"{thing.name}\0{thing.desc}" for thing in side]
        for side in (truths, said)
    )
    numbers = {word: number for number, word in enumerate(dict.fromkeys([*first, *second]))}
    rows, columns = ([numbers[word] for word in side] for side in (first, second))
    return np.equal.outer(rows, columns)


def assign(overlaps: Any, threshold: float) -> list[tuple[int, int]]:
    """Pairs (row, column) with overlap >= threshold, each row and column at most once: as many as
    can be, and of those the ones with the largest sum of overlaps. Sorted by row."""
    allowed = overlaps >= threshold
    if not allowed.any():
        return []
    if alone(allowed):
        rows, columns = np.nonzero(allowed)
    else:
        # One more pair always outweighs any sum of overlaps, since each overlap is at most 1.
        bonus = 1.0 + min(overlaps.shape)
        weights = np.where(allowed, bonus + overlaps, 0.0)
        rows, columns = linear_sum_assignment(weights, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]


def alone(allowed: Any) -> bool:
    """Whether no row and no column has two candidates, so that there is nothing to choose."""
    return bool((allowed.sum(axis=0) <= 1).all() and (allowed.sum(axis=1) <= 1).all())
