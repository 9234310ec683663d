"""How far people agree, with intervals. Nominal categories; no database.

Each measure is a function of sums over tickets, so its interval comes from drawing tickets with
replacement. Tickets with the same columns are drawn together, as counts of a multinomial, which is
the same draw at a fraction of the work.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.evaluate.statistics import interval

Columns = npt.NDArray[np.float64]
LEAST = 30
"""tickets below which a figure says nothing and is not shown"""
RESAMPLES = 1000
Z = 1.959963984540054


@dataclass(frozen=True)
class Measured:
    """A figure of `n` tickets with its 95 % interval; hidden (no value) below LEAST tickets."""

    value: float | None
    n: int
    interval: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the API."""
        span = list(self.interval) if self.interval else None
        return {"value": self.value, "n": self.n, "interval": span, "hidden": self.n < LEAST}


def raw_agreement(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Share of pairs that are alike; None without pairs."""
    return _value(_pair_columns(pairs), _raw)


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of pairs (first, second): (p_o - p_e) / (1 - p_e), p_e from each rater's own
    shares (J. Cohen, 1960). None where both always say one and the same."""
    return _value(_pair_columns(pairs), _kappa)


def krippendorff_alpha(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Krippendorff's alpha for nominal data: 1 - D_o / D_e over the coincidences of values within
    units, each pair weighted by 1 / (m_u - 1) (K. Krippendorff, "Computing Krippendorff's
    Alpha-Reliability", 2011). Units with less than two values count for nothing. None where there
    is only one value."""
    return _value(_unit_columns(units), _alpha)


def measured_pairs(
    pairs: Sequence[tuple[Hashable, Hashable]], seed: int
) -> tuple[Measured, Measured]:
    """Raw agreement and Cohen's kappa with intervals."""
    columns = _pair_columns(pairs)
    return _measured(columns, _raw, seed), _measured(columns, _kappa, seed)


def measured_alpha(units: Sequence[Sequence[Hashable]], seed: int) -> Measured:
    """Krippendorff's alpha with its interval."""
    return _measured(_unit_columns(units), _alpha, seed)


def wilson(right: int, n: int) -> tuple[float, float] | None:
    """The 95 % score interval of a share (E. B. Wilson, 1927), which is no point at 0 or 1."""
    if n == 0:
        return None
    share, z2 = right / n, Z * Z / n
    centre = (share + z2 / 2) / (1 + z2)
    half = Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n)) / (1 + z2)
    return max(0.0, centre - half), min(1.0, centre + half)


def _pair_columns(pairs: Sequence[tuple[Hashable, Hashable]]) -> Columns:
    """[pairs, k * k]: which cell of the table of first and second each pair is in."""
    places = _places([value for pair in pairs for value in pair])
    k = len(places)
    cells = [places[first] * k + places[second] for first, second in pairs]
    columns = np.zeros((len(pairs), k * k))
    columns[np.arange(len(pairs)), np.array(cells, dtype=int)] = 1
    return columns


def _unit_columns(units: Sequence[Sequence[Hashable]]) -> Columns:
    """[units, k * k]: the coincidences of each unit's values."""
    paired = [tuple(values) for values in units if len(values) > 1]
    places = _places([value for values in paired for value in values])
    k = len(places)
    # Few things are said, and by most tickets the same: each is counted out once.
    found = {values: _coincidences(values, places) for values in set(paired)}
    return np.array([found[values] for values in paired]).reshape(len(paired), k * k)


def _coincidences(values: Sequence[Hashable], places: dict[Hashable, int]) -> Columns:
    counts = np.bincount([places[v] for v in values], minlength=len(places)).astype(float)
    together = np.outer(counts, counts) - np.diag(counts)
    return np.asarray(together / (len(values) - 1)).reshape(-1)


def _places(values: Sequence[Hashable]) -> dict[Hashable, int]:
    return {value: place for place, value in enumerate(sorted(set(values), key=str))}


def _tables(sums: Columns) -> Columns:
    k = math.isqrt(sums.shape[-1])
    return sums.reshape(*sums.shape[:-1], k, k)


def _raw(sums: Columns) -> Columns:
    tables = _tables(sums)
    return _ratio(np.trace(tables, axis1=-2, axis2=-1), tables.sum(axis=(-2, -1)))


def _kappa(sums: Columns) -> Columns:
    tables = _tables(sums)
    n = tables.sum(axis=(-2, -1))
    alike = np.trace(tables, axis1=-2, axis2=-1)
    chance = (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1)
    return _ratio(alike * n - chance, n * n - chance)


def _alpha(sums: Columns) -> Columns:
    tables = _tables(sums)
    of_value = tables.sum(axis=-1)
    n = of_value.sum(axis=-1)
    differ = n - np.trace(tables, axis1=-2, axis2=-1)
    expected = n * n - (of_value * of_value).sum(axis=-1)
    return 1 - _ratio((n - 1) * differ, expected)


def _ratio(part: Columns, whole: Columns) -> Columns:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _value(columns: Columns, statistic: Callable[[Columns], Columns]) -> float | None:
    if not columns.size:
        return None
    value = float(statistic(columns.sum(axis=0)[None])[0])
    return value if math.isfinite(value) else None


def _measured(
    columns: Columns, statistic: Callable[[Columns], Columns], seed: int
) -> Measured:
    n = len(columns)
    if n < LEAST:
        return Measured(None, n, None)
    kinds, counts = np.unique(columns, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, counts / n, size=RESAMPLES).astype(float)
    found = interval(statistic(drawn @ kinds))
    return Measured(_value(columns, statistic), n, (found[0], found[1]) if found else None)
