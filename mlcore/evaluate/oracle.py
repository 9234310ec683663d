"""Oracle-K: what the best of several answers to one image would score, and what all of them find.

A wide gap to a single answer says that the model sees the objects and the way of choosing tokens
loses them; a narrow one that it does not see them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlcore.evaluate.levels import LevelCounts
from mlcore.evaluate.match import ImageMatch
from mlcore.evaluate.statistics import (
    Columns,
    Measure,
    f1_figure,
    f1_name,
    f1_of,
    ratio,
    share_of,
)


def oracle_scores(draws: Sequence[Sequence[ImageMatch]], threshold: float) -> dict[str, Any]:
    """Figures of the first 1, 2, ... K answers: `draws` has for each draw one match per image.

    `f1` takes for every image the answer with the best F1, the first among equals; `union_recall`
    is the share of true objects that any of them finds. Empty with less than two draws.
    """
    if len(draws) < 2:
        return {}
    curve = [_first(draws[:count], threshold) for count in range(1, len(draws) + 1)]
    return {"k": len(draws), **curve[-1], "curve": curve}


def oracle_measures(
    draws: Sequence[Sequence[ImageMatch]], levels: LevelCounts
) -> dict[str, Measure]:
    """What is resampled of all K answers: the best of an image stays its best in every drawing."""
    if len(draws) < 2:
        return {}
    columns = _columns(draws)
    return {
        f1_name(levels.primary): Measure(columns[:, :3], f1_of),
        "union_recall": Measure(columns[:, 3:], share_of),
    }


def _first(draws: Sequence[Sequence[ImageMatch]], threshold: float) -> dict[str, Any]:
    tp, fp, fn, found, true = (int(v) for v in _columns(draws).sum(axis=0))
    return {
        f1_name(threshold): f1_figure(tp, fp, fn),
        "union_recall": ratio(found, true),
    }


def _columns(draws: Sequence[Sequence[ImageMatch]]) -> Columns:
    """Of each image (tp, fp, fn) of its best answer, the true objects that any answer finds, and
    all of them: float64 [images, 5]."""
    rows = []
    for answers in zip(*draws, strict=True):
        best = max(answers, key=_own_f1)
        found = {pair.truth for match in answers for pair in match.pairs}
        rows.append((best.tp, best.fp, best.fn, len(found), len(best.truths)))
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def _own_f1(match: ImageMatch) -> tuple[float, int]:
    """F1 of one image, then fewer inventions; naming nothing where nothing is counts as right."""
    whole = 2 * match.tp + match.fp + match.fn
    readable = match.reading.fault is None
    return (2 * match.tp / whole if whole else float(readable)), -match.fp
