"""Which predicted object is which true one, image by image."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from mlcore.contract.desc import class_of
from mlcore.contract.records import Kind, Record
from mlcore.coordjson import AnswerError, CoordObject
from mlcore.coordjson.format import AnswerFormat, count_salvaged
from mlcore.coordjson.format import read_answer as read_strictly
from mlcore.geometry.iou import LINE_HALF_WIDTH, Region, overlap_matrix, region
from mlcore.geometry.spaces import to_thousandths

COORDJSON = AnswerFormat()
"""the format of answers that name none"""


@dataclass(frozen=True)
class Thing:
    """A true or predicted object in the 0..999 space, with the area that it covers."""

    desc: str
    name: str
    kind: Kind
    points: tuple[float, ...]
    region: Region


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
    """One image of one system: what is there, what was said, and what agrees."""

    record: str
    truths: tuple[Thing, ...]
    reading: Reading
    pairs: tuple[Pair, ...]

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
) -> Reading:
    """The objects of a dense answer; None stands for an answer that is missing.

    The image's size, in pixels, is needed where the answer's numbers are pixels.
    """
    if text is None:
        return Reading((), Fault("missing", 0, "there is no answer for this image"))
    try:
        objects: list[CoordObject] = read_strictly(text, format, width, height)
    except AnswerError as error:
        fault = Fault(error.rule, error.position, error.reason)
        return Reading((), fault, count_salvaged(text, format, width, height))
    return Reading(tuple(_thing(o.desc, o.kind, o.bins, half_width) for o in objects), None)


def _thing(desc: str, kind: Kind, points: Sequence[float], half_width: float) -> Thing:
    return Thing(desc, class_of(desc), kind, tuple(points), region(kind, points, half_width))


def match_image(
    record: str, truths: tuple[Thing, ...], reading: Reading, threshold: float
) -> ImageMatch:
    """Pair each true object with at most one prediction of its class, overlap >= threshold.

    Of all such pairings one with the most pairs, and of those one with the largest sum of
    overlaps (Hungarian method). The objects of an answer that cannot be read are all missed.
    """
    pairs: list[Pair] = []
    for name in dict.fromkeys(thing.name for thing in truths):
        rows = [i for i, t in enumerate(truths) if t.name == name]
        columns = [j for j, p in enumerate(reading.things) if p.name == name]
        if columns:
            overlaps = overlap_matrix(
                [truths[i].region for i in rows], [reading.things[j].region for j in columns]
            )
            pairs += [
                Pair(rows[i], columns[j], float(overlaps[i, j]))
                for i, j in _assign(overlaps, threshold)
            ]
    return ImageMatch(record, truths, reading, tuple(sorted(pairs, key=lambda p: p.truth)))


def _assign(overlaps: Any, threshold: float) -> list[tuple[int, int]]:
    """One more pair always outweighs any sum of overlaps, since each overlap is at most 1."""
    allowed = overlaps >= threshold
    bonus = 1.0 + min(overlaps.shape)
    rows, columns = linear_sum_assignment(np.where(allowed, bonus + overlaps, 0.0), maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]
