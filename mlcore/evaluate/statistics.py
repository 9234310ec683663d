"""Figures with their denominators, and intervals from resampling the images. Light: numpy only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Figure = dict[str, Any]
"""{"value": number or None, "n": what it is a share or mean of, ...}"""
Columns = npt.NDArray[np.float64]
Statistic = Callable[[Columns], Columns]
LEVEL = 0.95
_Z95 = 1.959963984540054
"""the standard normal quantile of 0.975"""
_CHUNK = 200


def ratio(part: float, whole: float) -> Figure:
    """part / whole with n = whole; no value where the whole is 0."""
    return {"value": part / whole if whole else None, "n": int(whole)}


def wilson(part: int, whole: int) -> list[float] | None:
    """The 95 % interval of a share by Wilson's score (Wilson 1927); None where whole is 0.

    It stays within 0..1 and is sound for small counts and shares near 0, where rates of false
    release live.
    """
    if not whole:
        return None
    share = part / whole
    z2 = _Z95 * _Z95
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = _Z95 / (1 + z2 / whole) * math.sqrt(
        share * (1 - share) / whole + z2 / (4 * whole * whole)
    )
    return [max(0.0, middle - half), min(1.0, middle + half)]


def share_figure(part: int, whole: int) -> Figure:
    """part / whole with n and its Wilson interval."""
    return {**ratio(part, whole), "interval": wilson(part, whole)}


def mean(values: Sequence[float]) -> Figure:
    """The mean of values with their count; no value where there are none."""
    return {"value": sum(values) / len(values) if values else None, "n": len(values)}


def f1_name(threshold: float) -> str:
    """The name of F1 at an overlap threshold: `f1_50` at 0.5."""
    return f"f1_{100 * threshold:g}".replace(".", "_")


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


def mean_f1_of(sums: Columns) -> Columns:
    """The mean of F1 over several thresholds: shape [..., 3 t] to [...]."""
    return np.asarray(f1_of(sums.reshape(*sums.shape[:-1], -1, 3)).mean(axis=-1))


def share_of(sums: Columns) -> Columns:
    """part / whole of sums of (part, whole): shape [..., 2] to [...]; NaN where whole is 0."""
    part, whole = sums[..., 0], sums[..., 1]
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


@dataclass(frozen=True)
class Measure:
    """A figure as sums over images: `columns` [images, k], `statistic` of their sums."""

    columns: Columns
    statistic: Statistic


@dataclass(frozen=True)
class Weighted:
    """Figures that are no sums over images: `statistic` takes how often each image is drawn,
    [resamples, images], and gives [resamples, names]."""

    names: tuple[str, ...]
    statistic: Statistic


def drawn_weights(images: int, resamples: int, seed: int) -> Iterator[Columns]:
    """How often each image is drawn: chunks [<= 200, images] of `resamples` rows in all.

    The draws depend on the number of images and the seed alone, so systems that answered the same
    images are resampled alike and their difference is a paired one.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        drawn = rng.integers(0, images, size=(size, images))
        places = (drawn + np.arange(size)[:, None] * images).ravel()
        counts = np.bincount(places, minlength=size * images).reshape(size, images)
        yield counts.astype(np.float64)


def resample(columns: Columns, resamples: int, seed: int) -> Columns | None:
    """Sums [resamples, k] of columns [images, k] over images drawn with replacement.

    None for less than two images.
    """
    if len(columns) < 2:
        return None
    return np.concatenate([w @ columns for w in drawn_weights(len(columns), resamples, seed)])


def interval(values: Columns) -> list[float] | None:
    """The 95 % percentile interval of resampled values.

    None where more than 5 % of them are no numbers, for want of a denominator.
    """
    finite = values[np.isfinite(values)]
    if len(finite) < LEVEL * len(values):
        return None
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(low), float(high)]


def bootstrap(
    columns: Columns, statistic: Statistic, resamples: int, seed: int
) -> list[float] | None:
    """The interval of a statistic of column sums, resampling rows (images): see `resample`."""
    sums = resample(columns, resamples, seed)
    return None if sums is None else interval(statistic(sums))


class Resampled:
    """All measures of one system, resampled together: the sums, and what is none."""

    def __init__(
        self,
        measures: Mapping[str, Measure],
        resamples: int,
        seed: int,
        weighted: Weighted | None = None,
    ) -> None:
        self.names = [*measures, *(weighted.names if weighted else ())]
        self.values: dict[str, Columns] = {}
        """the resampled values [resamples] of each measure; none with less than two images"""
        columns = np.hstack([measure.columns for measure in measures.values()])
        if len(columns) < 2:
            return
        parts: dict[str, list[Columns]] = {name: [] for name in self.names}
        for weights in drawn_weights(len(columns), resamples, seed):
            sums = weights @ columns
            at = 0
            for name, measure in measures.items():
                width = measure.columns.shape[1]
                parts[name].append(measure.statistic(sums[:, at : at + width]))
                at += width
            if weighted:
                found = weighted.statistic(weights)
                for place, name in enumerate(weighted.names):
                    parts[name].append(found[:, place])
        self.values = {name: np.concatenate(rows) for name, rows in parts.items()}

    def interval(self, name: str) -> list[float] | None:
        """The 95 % interval of one measure."""
        return interval(self.values[name]) if name in self.values else None

    def difference(self, other: Resampled, name: str) -> list[float] | None:
        """The 95 % interval of this system's measure minus another's, on the same draws."""
        if name not in self.values or name not in other.values:
            return None
        return interval(self.values[name] - other.values[name])


def figure_at(figures: Mapping[str, Any], path: str) -> Figure:
    """The figure at a dotted path."""
    found: Any = figures
    for part in path.split("."):
        found = found[part]
    figure: Figure = found
    return figure


def differences(
    reference: Mapping[str, Any], other: Mapping[str, Any], metrics: Sequence[str]
) -> dict[str, float]:
    """Reference minus another system, for each metric that both have a value of."""
    pairs = {m: (figure_at(reference, m)["value"], figure_at(other, m)["value"]) for m in metrics}
    return {m: a - b for m, (a, b) in pairs.items() if a is not None and b is not None}
