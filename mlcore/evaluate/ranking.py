"""Average precision over resampled images: what COCO's is when images are weighted.

Predictions are matched within their image once for each of COCO's ten overlap thresholds, in order
of confidence and by COCO's own overlaps; drawing an image twice counts its true objects and its
predictions twice. With every image once the values are those of `coco_scores`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlcore.evaluate.match import ImageMatch, Thing, alone
from mlcore.evaluate.statistics import Columns
from mlcore.geometry.iou import Matrix

Overlaps = Mapping[tuple[int, str], Matrix]
"""By place of the image and class: overlaps [predictions, true objects], the surest prediction
first; nothing where there are none of either."""
Hits = npt.NDArray[np.bool_]
MOST = 100
"""predictions per image and class that count"""
THRESHOLDS = np.linspace(0.5, 0.95, 10)
AP_NAMES = ("ap", "ap50", "ap75")
"""what `weighted_ap` gives, in its order"""
_AT = (0, 5)
"""places of 0.50 and 0.75 among the thresholds"""
_RECALLS = np.linspace(0.0, 1.0, 101)
_TINY = float(np.spacing(1))
_ROWS = 50
"""resamplings that are worked on together"""


@dataclass(frozen=True)
class Ranking:
    """The predictions of one class, the surest first.

    `image` int64 [predictions] and `hits` bool [thresholds, predictions]; `true` float64 [images]
    counts the true objects of the class.
    """

    image: npt.NDArray[np.int64]
    hits: Hits
    true: npt.NDArray[np.float64]


def rankings(matches: Sequence[ImageMatch], overlaps: Overlaps, *, ranked: bool) -> list[Ranking]:
    """One for each class with a true area. Lines are left out."""
    images: dict[str, list[int]] = defaultdict(list)
    scores: dict[str, list[float]] = defaultdict(list)
    hits: dict[str, list[Hits]] = defaultdict(list)
    true: dict[str, npt.NDArray[np.float64]] = {}
    for place, match in enumerate(matches):
        for name, count in _counts(match.truths).items():
            true.setdefault(name, np.zeros(len(matches)))[place] = count
        for name, said in _scores(match.reading.things, ranked=ranked).items():
            table = overlaps.get((place, name))
            found = np.zeros((len(THRESHOLDS), len(said)), dtype=bool)
            images[name] += [place] * len(said)
            scores[name] += said
            hits[name].append(found if table is None else hits_of(table))
    return [_ranking(images[name], scores[name], hits[name], true[name]) for name in sorted(true)]


def _ranking(
    images: Sequence[int],
    scores: Sequence[float],
    hits: Sequence[Hits],
    true: npt.NDArray[np.float64],
) -> Ranking:
    order = np.argsort(-np.array(scores), kind="stable")
    found = np.hstack([np.zeros((len(THRESHOLDS), 0), dtype=bool), *hits])
    return Ranking(np.array(images, dtype=np.int64)[order], found[:, order], true)


def _counts(things: Sequence[Thing]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for thing in things:
        if thing.kind != "line":
            found[thing.name] += 1
    return found


def _scores(things: Sequence[Thing], *, ranked: bool) -> dict[str, list[float]]:
    """The scores of each class that count, the highest first."""
    found: dict[str, list[float]] = defaultdict(list)
    for thing in things:
        if thing.kind != "line":
            found[thing.name].append((thing.confidence or 0.0) if ranked else 1.0)
    return {name: sorted(scores, reverse=True)[:MOST] for name, scores in found.items()}


def hits_of(overlaps: Matrix) -> Hits:
    """Whether each prediction takes a true object that is still free, the one that fits best, the
    last among equals: bool [thresholds, predictions] of overlaps [predictions, true objects]."""
    if alone(overlaps >= THRESHOLDS[0]):
        return np.asarray(overlaps.max(axis=1) >= THRESHOLDS[:, None])
    levels = np.arange(len(THRESHOLDS))
    free = np.ones((len(THRESHOLDS), overlaps.shape[1]), dtype=bool)
    hits = np.zeros((len(THRESHOLDS), len(overlaps)), dtype=bool)
    for place, row in enumerate(overlaps):
        fitting = np.where(free & (row >= THRESHOLDS[:, None]), row, -1.0)
        best = overlaps.shape[1] - 1 - fitting[:, ::-1].argmax(axis=1)
        hits[:, place] = fitting[levels, best] >= 0
        free[levels[hits[:, place]], best[hits[:, place]]] = False
    return hits


def weighted_ap(classes: Sequence[Ranking], weights: Columns) -> Columns:
    """AP over the thresholds, at 0.50 and at 0.75, each the mean over classes, for weights
    [resamples, images] of the images: shape [resamples, 3]. A class without a true object in a
    resampling is left out; NaN without any."""
    values = np.full((len(classes), len(weights), len(THRESHOLDS)), np.nan)
    for row, ranking in enumerate(classes):
        for start in range(0, len(weights), _ROWS):
            part = slice(start, start + _ROWS)
            values[row, part] = _class_ap(ranking, weights[part])
    present = np.isfinite(values[..., 0])
    counts = present.sum(axis=0)
    sums = np.where(present[..., None], values, 0.0).sum(axis=0)
    means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], np.nan)
    return np.stack([means.mean(axis=1), *(means[:, at] for at in _AT)], axis=1)


def _class_ap(ranking: Ranking, weights: Columns) -> Columns:
    """AP of one class at every threshold: [resamples, thresholds]. Precision only falls between
    hits, so its envelope is that of the hits, and each counts for the recalls it newly reaches."""
    positives = weights @ ranking.true
    each = weights[:, ranking.image]
    so_far = each.cumsum(axis=1) + _TINY
    out = np.zeros((len(weights), len(THRESHOLDS)))
    for level, hits in enumerate(ranking.hits):
        places = np.flatnonzero(hits)
        found = each[:, places].cumsum(axis=1)
        precision = found / so_far[:, places]
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = found / np.maximum(positives, 1.0)[:, None]
        reached = np.searchsorted(_RECALLS, recall, side="right")
        out[:, level] = (best * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(_RECALLS)
    out[positives <= 0] = np.nan
    return out
