"""Average precision at IoU 0.5 over resampled images: what COCO's is when images are weighted.

Predictions are matched within their image once, in order of confidence, as COCO does; drawing an
image twice counts its true objects and its predictions twice. With every image once the value is
that of `coco_scores`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlcore.evaluate.match import ImageMatch, Thing
from mlcore.evaluate.statistics import Columns
from mlcore.geometry.iou import box_iou

MOST = 100
"""predictions per image and class that count"""
THRESHOLD = 0.5
_RECALLS = np.linspace(0.0, 1.0, 101)
_TINY = float(np.spacing(1))
_ROWS = 50
"""resamplings that are worked on together"""


@dataclass(frozen=True)
class Ranking:
    """The predictions of one class, the surest first.

    `image` int64 [predictions] and `hit` bool [predictions]; `true` float64 [images] counts the
    true objects of the class.
    """

    image: npt.NDArray[np.int64]
    hit: npt.NDArray[np.bool_]
    true: npt.NDArray[np.float64]


def rankings(matches: Sequence[ImageMatch]) -> list[Ranking]:
    """One for each class with a true area. Lines are left out."""
    rows: dict[str, list[tuple[int, float, bool]]] = defaultdict(list)
    true: dict[str, npt.NDArray[np.float64]] = {}
    ranked = any(t.confidence is not None for m in matches for t in m.reading.things)
    for place, match in enumerate(matches):
        truths = _by_class(match.truths)
        for name, things in truths.items():
            true.setdefault(name, np.zeros(len(matches)))[place] = len(things)
        for name, said in _by_class(match.reading.things).items():
            scores = [(t.confidence or 0.0) if ranked else 1.0 for t in said]
            order = sorted(range(len(said)), key=lambda n: -scores[n])[:MOST]
            hits = _hits([said[n] for n in order], truths.get(name, []))
            rows[name] += [(place, scores[n], hit) for n, hit in zip(order, hits, strict=True)]
    return [_ranking(rows[name], true[name]) for name in sorted(true)]


def _ranking(rows: Sequence[tuple[int, float, bool]], true: npt.NDArray[np.float64]) -> Ranking:
    order = np.argsort([-score for _, score, _ in rows], kind="stable")
    image = np.array([place for place, _, _ in rows], dtype=np.int64)[order]
    hit = np.array([hit for _, _, hit in rows], dtype=np.bool_)[order]
    return Ranking(image, hit, true)


def _by_class(things: Sequence[Thing]) -> dict[str, list[Thing]]:
    found: dict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        if thing.kind != "line":
            found[thing.name].append(thing)
    return found


def _hits(said: Sequence[Thing], truths: Sequence[Thing]) -> list[bool]:
    """Whether each prediction takes a true object that is still free, the one that fits best."""
    if not truths:
        return [False] * len(said)
    overlaps = box_iou([_box(t) for t in said], [_box(t) for t in truths])
    free = np.ones(len(truths), dtype=bool)
    hits = []
    for row in overlaps:
        fitting = np.where(free & (row >= THRESHOLD), row, -1.0)
        best = len(fitting) - 1 - int(fitting[::-1].argmax())
        hits.append(bool(fitting[best] >= 0))
        if hits[-1]:
            free[best] = False
    return hits


def _box(thing: Thing) -> tuple[float, float, float, float]:
    xs, ys = thing.points[0::2], thing.points[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def weighted_ap50(classes: Sequence[Ranking], weights: Columns) -> Columns:
    """AP at IoU 0.5, the mean over classes, for weights [resamples, images] of the images: shape
    [resamples]. A class without a true object in a resampling is left out; NaN without any."""
    values = np.full((len(classes), len(weights)), np.nan)
    for row, ranking in enumerate(classes):
        for start in range(0, len(weights), _ROWS):
            part = slice(start, start + _ROWS)
            values[row, part] = _ap50(ranking, weights[part])
    present = np.isfinite(values)
    counts = present.sum(axis=0)
    sums = np.where(present, values, 0.0).sum(axis=0)
    out: Columns = np.divide(sums, counts, out=np.full(len(weights), np.nan), where=counts > 0)
    return out


def _ap50(ranking: Ranking, weights: Columns) -> Columns:
    positives = weights @ ranking.true
    each = weights[:, ranking.image]
    found = np.where(ranking.hit, each, 0.0).cumsum(axis=1)
    recall = found / np.maximum(positives, 1.0)[:, None]
    precision = found / (each.cumsum(axis=1) + _TINY)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best = np.hstack([best, np.zeros((len(weights), 1))])
    places = [np.searchsorted(row, _RECALLS, side="left") for row in recall]
    values = [float(line[at].mean()) for line, at in zip(best, places, strict=True)]
    out: Columns = np.where(positives > 0, values, np.nan)
    return out
