"""Oracle-K: what the best of several answers to one image would score, and what all of them find.

A wide gap to a single answer says that the model sees the objects and the way of choosing tokens
loses them; a narrow one that it does not see them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlcore.evaluate.levels import f1_name
from mlcore.evaluate.match import ImageMatch
from mlcore.evaluate.statistics import f1_figure, ratio


def oracle_scores(draws: Sequence[Sequence[ImageMatch]], threshold: float) -> dict[str, Any]:
    """Figures of the first 1, 2, ... K answers: `draws` has for each draw one match per image.

    `f1` takes for every image the answer with the best F1, the first among equals; `union_recall`
    is the share of true objects that any of them finds. Empty with less than two draws.
    """
    if len(draws) < 2:
        return {}
    curve = [_first(draws[:count], threshold) for count in range(1, len(draws) + 1)]
    return {"k": len(draws), **curve[-1], "curve": curve}


def _first(draws: Sequence[Sequence[ImageMatch]], threshold: float) -> dict[str, Any]:
    chosen = [max(answers, key=_own_f1) for answers in zip(*draws, strict=True)]
    tp, fp, fn = (sum(getter) for getter in zip(*((m.tp, m.fp, m.fn) for m in chosen), strict=True))
    found = sum(
        len({pair.truth for match in answers for pair in match.pairs})
        for answers in zip(*draws, strict=True)
    )
    return {
        f1_name(threshold): f1_figure(tp, fp, fn),
        "union_recall": ratio(found, tp + fn),
    }


def _own_f1(match: ImageMatch) -> tuple[float, int]:
    """F1 of one image, then fewer inventions; naming nothing where nothing is counts as right."""
    whole = 2 * match.tp + match.fp + match.fn
    readable = match.reading.fault is None
    return (2 * match.tp / whole if whole else float(readable)), -match.fp
