"""Figures with their denominators, and intervals from resampling the images. Light: numpy only."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Figure = dict[str, Any]
"""{"value": number or None, "n": what it is a share or mean of, ...}"""
Columns = npt.NDArray[np.float64]
Statistic = Callable[[Columns], Columns]
LEVEL = 0.95
_CHUNK = 200


def ratio(part: float, whole: float) -> Figure:
    """part / whole with n = whole; no value where the whole is 0."""
    return {"value": part / whole if whole else None, "n": int(whole)}


def mean(values: Sequence[float]) -> Figure:
    """The mean of values with their count; no value where there are none."""
    return {"value": sum(values) / len(values) if values else None, "n": len(values)}


def f1_figure(tp: int, fp: int, fn: int) -> Figure:
    """F1 = 2 tp / (2 tp + fp + fn), with precision, recall and the counts. n = tp + fn.

    No value where nothing is there and nothing was said.
    """
    return {
        "value": ratio(2 * tp, 2 * tp + fp + fn)["value"],
        "n": tp + fn,
        "precision": ratio(tp, tp + fp)["value"],
        "recall": ratio(tp, tp + fn)["value"],
        "tp": tp,
        "fp": fp,
        "fn": fn,
    }


def f1_of(sums: Columns) -> Columns:
    """F1 of sums of (tp, fp, fn): shape [..., 3] to [...]; NaN where there is none."""
    tp, fp, fn = sums[..., 0], sums[..., 1], sums[..., 2]
    return share_of(np.stack([2 * tp, 2 * tp + fp + fn], axis=-1))


def share_of(sums: Columns) -> Columns:
    """part / whole of sums of (part, whole): shape [..., 2] to [...]; NaN where whole is 0."""
    part, whole = sums[..., 0], sums[..., 1]
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def bootstrap(
    columns: Columns, statistic: Statistic, resamples: int, seed: int
) -> list[float] | None:
    """The 95 % percentile interval of a statistic of column sums, resampling rows (images).

    `columns` has shape [images, k]; `statistic` maps sums [resamples, k] to [resamples]. The same
    seed gives the same interval. None with fewer than two images, or where a resampling leaves
    the statistic without a denominator too often to say (more than 5 %).
    """
    images = len(columns)
    if images < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn = []
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        weights = rng.multinomial(images, np.full(images, 1 / images), size=size)
        drawn.append(statistic(weights.astype(np.float64) @ columns))
    values = np.concatenate(drawn)
    finite = values[np.isfinite(values)]
    if len(finite) < LEVEL * resamples:
        return None
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(low), float(high)]


def differences(
    reference: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], metrics: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Reference minus each other system, for each metric that both have a value of."""
    out: dict[str, dict[str, float]] = {}
    for name, other in others.items():
        pairs = {m: (reference[m]["value"], other[m]["value"]) for m in metrics}
        out[name] = {m: a - b for m, (a, b) in pairs.items() if a is not None and b is not None}
    return out
