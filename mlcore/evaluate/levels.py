"""F1 from a loose overlap to a tight one, and from the place alone to the whole description.

    located   the same family (areas or lines) and enough overlap
    class     also the same class
    full      also the same description, word for word

At each level and threshold a true and a predicted object count at most once, in a pairing of as
many as can be; so a stricter level never scores higher, and nothing is paired by order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from mlcore.evaluate.match import LEVELS, ImageMatch, Level, agreement, alone
from mlcore.evaluate.statistics import (
    Columns,
    Figure,
    Measure,
    f1_figure,
    f1_name,
    f1_of,
    mean,
    mean_f1_of,
)

SWEEP = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""the overlap thresholds of COCO: 0.50, 0.55, ..., 0.95"""


def thresholds_with(primary: float) -> tuple[float, ...]:
    """The sweep, and the primary threshold where it is none of it."""
    return tuple(sorted({*SWEEP, primary}))


class LevelCounts:
    """True positives of every image, level and threshold.

    `tp` int [images, levels, thresholds]; `true` and `said` are objects of each image.
    """

    def __init__(self, matches: Sequence[ImageMatch], primary: float) -> None:
        self.primary = primary
        self.thresholds = thresholds_with(primary)
        shape = (len(LEVELS), len(self.thresholds))
        rows = [_hits(match, self.thresholds) for match in matches]
        self.tp = np.array(rows, dtype=np.int64).reshape(-1, *shape)
        self.true = np.array([len(m.truths) for m in matches], dtype=np.int64)
        self.said = np.array([len(m.reading.things) for m in matches], dtype=np.int64)

    def columns(self, level: Level, threshold: float) -> Columns:
        """(tp, fp, fn) of each image: float64 [images, 3]."""
        tp = self.tp[:, LEVELS.index(level), self.thresholds.index(threshold)]
        return np.stack([tp, self.said - tp, self.true - tp], axis=1).astype(np.float64)

    def figures(self) -> dict[str, Any]:
        """For each level F1 at every threshold, their mean over the sweep, and the mean of the
        images' own F1 at the primary threshold (images with nothing true and nothing said have
        none)."""
        return {level: self._figures(level) for level in LEVELS}

    def _figures(self, level: Level) -> dict[str, Figure]:
        out = {}
        for threshold in self.thresholds:
            tp, fp, fn = (int(v) for v in self.columns(level, threshold).sum(axis=0))
            out[f1_name(threshold)] = f1_figure(tp, fp, fn)
        sweep = [out[f1_name(threshold)]["value"] for threshold in SWEEP]
        values = [value for value in sweep if value is not None]
        out["f1_mean"] = {**mean(values), "n": int(self.true.sum())}
        own = f1_of(self.columns(level, self.primary))
        out["f1_macro_image"] = mean(own[np.isfinite(own)].tolist())
        return out

    def measures(self) -> dict[str, Measure]:
        """What is resampled, by the path of its figure under `levels`."""
        out = {}
        for level in LEVELS:
            at_primary = Measure(self.columns(level, self.primary), f1_of)
            sweep = [self.columns(level, threshold) for threshold in SWEEP]
            out[f"{level}.{f1_name(self.primary)}"] = at_primary
            out[f"{level}.f1_mean"] = Measure(np.hstack(sweep), mean_f1_of)
        return out


def _hits(match: ImageMatch, thresholds: Sequence[float]) -> npt.NDArray[np.int64]:
    """The size of the largest pairing, [levels, thresholds]."""
    out = np.zeros((len(LEVELS), len(thresholds)), dtype=np.int64)
    lowest = min(thresholds)
    near = match.overlaps >= lowest
    if not near.any():
        return out
    for row, level in enumerate(LEVELS):
        allowed = near & agreement(match.truths, match.reading.things, level)
        if alone(allowed):
            found = match.overlaps[allowed]
            out[row] = [(found >= threshold).sum() for threshold in thresholds]
        else:
            overlaps = np.where(allowed, match.overlaps, 0.0)
            out[row] = [_most(overlaps >= threshold) for threshold in thresholds]
    return out


def _most(allowed: npt.NDArray[np.bool_]) -> int:
    """The size of the largest pairing of what is allowed."""
    if alone(allowed):
        return int(allowed.sum())
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    return int(allowed[rows, columns].sum())
