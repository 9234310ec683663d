"""The geometry diff: what became of every true and every predicted object of an image.

    found        true and predicted, a pair at or above the threshold
    missed       true, without a partner
    duplicate    predicted again: it fits a true object of its class that another one has
    wrong_class  it fits a true object of another class
    misplaced    it touches a true object of its class (overlap 0.1 or more) and fits none
    invented     none of these

The kinds of errors of TIDE (Bolya et al. 2020, A General Toolbox for Identifying Object Detection
Errors), in its order, with its background threshold of 0.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from mlcore.evaluate.match import ImageMatch, agreement
from mlcore.evaluate.statistics import ratio

Mark = Literal["found", "missed", "duplicate", "wrong_class", "misplaced", "invented"]
FALSE_MARKS: tuple[Mark, ...] = ("duplicate", "wrong_class", "misplaced", "invented")
"""what a predicted object without a partner can be"""
TOUCHES = 0.1


class Marks(NamedTuple):
    """One mark for each true and for each predicted object."""

    truth: tuple[Mark, ...]
    prediction: tuple[Mark, ...]


def marks_of(match: ImageMatch, threshold: float) -> Marks:
    """What became of the objects of an image; `threshold` is that of its pairs."""
    truth: list[Mark] = ["missed"] * len(match.truths)
    said: list[Mark] = ["invented"] * len(match.reading.things)
    if truth and said:
        same = agreement(match.truths, match.reading.things, "class")
        own = np.where(same, match.overlaps, 0.0).max(axis=0)
        other = np.where(same, 0.0, match.overlaps).max(axis=0)
        for place in range(len(said)):
            if own[place] >= threshold:
                said[place] = "duplicate"
            elif other[place] >= threshold:
                said[place] = "wrong_class"
            elif own[place] >= TOUCHES:
                said[place] = "misplaced"
    for pair in match.pairs:
        truth[pair.truth] = said[pair.prediction] = "found"
    return Marks(tuple(truth), tuple(said))


def diff_scores(marks: Sequence[Marks]) -> dict[str, Any]:
    """Each kind of error as a share of the predicted objects, `missed` of the true ones."""
    said = Counter(mark for row in marks for mark in row.prediction)
    true = Counter(mark for row in marks for mark in row.truth)
    shares: dict[str, Any] = {mark: _counted(said[mark], said.total()) for mark in FALSE_MARKS}
    return {"missed": _counted(true["missed"], true.total()), **shares}


def _counted(count: int, whole: int) -> dict[str, Any]:
    return {**ratio(count, whole), "count": count}
