"""Tests on tickets that were judged twice, before and after a change. Light: no library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_Z95_ONE_SIDED = 1.6448536269514722
_Z95 = 1.959963984540054
"""the standard normal quantile of 0.975"""
_HALF = 0.5
"""of a ticket, added to each kind of change, so that none among few is not certainty of none"""


@dataclass(frozen=True)
class Flips:
    """Of `n` tickets, `better` became right and `worse` became wrong."""

    n: int
    better: int
    worse: int


def flips(before: Sequence[bool], after: Sequence[bool]) -> Flips:
    """From whether each ticket was right before and after, in the same order."""
    pairs = list(zip(before, after, strict=True))
    return Flips(
        len(pairs),
        sum(not was and now for was, now in pairs),
        sum(was and not now for was, now in pairs),
    )


def improvement_p(found: Flips) -> float:
    """How likely so many of the changed tickets became right by chance: McNemar's exact test
    (McNemar 1947), one-sided. 1 where nothing changed."""
    changed = found.better + found.worse
    term = math.comb(changed, found.better)
    tail = 0
    for k in range(found.better, changed + 1):
        tail += term
        term = term * (changed - k) // (k + 1)
    return float(tail / 2**changed)


def regression_p(found: Flips) -> float:
    """The same of becoming worse: how likely so many of the changed tickets became wrong by
    chance."""
    return improvement_p(Flips(found.n, found.worse, found.better))


def exact_p(found: Flips) -> float:
    """McNemar's exact test of any change, two-sided: twice the smaller tail, at most 1."""
    return min(1.0, 2 * min(improvement_p(found), regression_p(found)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values of tests that are looked at together (Holm 1979): comparing each with the
    level keeps the chance of any false finding below it."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


@dataclass(frozen=True)
class Change:
    """How a share changed on the same tickets: after - before, over `n` tickets.

    `interval` is its 95 % interval, `lowest` and `highest` are one-sided 95 % bounds.
    """

    value: float
    n: int
    interval: tuple[float, float]
    lowest: float
    highest: float


def _change(value: float, n: int, middle: float, deviation: float) -> Change:
    two, one = _Z95 * deviation, _Z95_ONE_SIDED * deviation
    return Change(
        value,
        n,
        (max(-1.0, middle - two), min(1.0, middle + two)),
        max(-1.0, middle - one),
        min(1.0, middle + one),
    )


def right_change(found: Flips) -> Change | None:
    """Of the share of right tickets; None of no tickets.

    Agresti and Min's adjusted Wald interval for paired shares (2005): half a ticket is added to
    each kind of change.
    """
    if not found.n:
        return None
    better, worse, n = found.better + _HALF, found.worse + _HALF, found.n + 2
    variance = (worse + better - (worse - better) ** 2 / n) / n**2
    value = (found.better - found.worse) / found.n
    return _change(value, found.n, (better - worse) / n, math.sqrt(variance))


def loss_bound(found: Flips) -> float:
    """The one-sided 95 % upper bound of how much the share of right tickets fell, by the interval
    of `right_change`. A change is not inferior where the bound is below the margin."""
    change = right_change(found)
    return 1.0 if change is None else -change.lowest


def picked_change(rows: Iterable[tuple[bool, bool, bool]]) -> Change | None:
    """Of the share of wrong ones among picked tickets, where others are picked after than before.

    `rows` are (picked before, picked after, wrong) of every ticket: false release picks the passed
    ones, and wrong is a label fail. None where nothing is picked on a side; `n` is the smaller
    number of picked ones. The variance is that of the two paired predictive values by the delta
    method (Leisenring, Alonzo and Pepe 2000), with a ticket added to each kind of change: half of
    one keeps a rise of rare false releases below the upper bound nine times of ten only.
    """
    cells = {(b, a, w): 0.0 for b in (False, True) for a in (False, True) for w in (False, True)}
    for row in rows:
        cells[row] += 1
    plain = _picked(cells)
    if plain is None:
        return None
    changed = {key: n + (key[0] != key[1]) for key, n in cells.items()}
    adjusted = _picked(changed)
    assert adjusted is not None
    value, before, after = plain
    middle, was_n, now_n = adjusted
    was, now = _wrong_share(changed, 0, was_n), _wrong_share(changed, 1, now_n)
    variance = sum(
        n * (a * (w - now) / now_n - b * (w - was) / was_n) ** 2 for (b, a, w), n in changed.items()
    )
    return _change(value, int(min(before, after)), middle, math.sqrt(variance))


_Cells = dict[tuple[bool, bool, bool], float]


def _picked(cells: _Cells) -> tuple[float, float, float] | None:
    """The change of the share of wrong ones, and how many are picked before and after."""
    before, after = (sum(n for key, n in cells.items() if key[side]) for side in (0, 1))
    if not before or not after:
        return None
    change = _wrong_share(cells, 1, after) - _wrong_share(cells, 0, before)
    return change, before, after


def _wrong_share(cells: _Cells, side: int, picked: float) -> float:
    return sum(n for key, n in cells.items() if key[side] and key[2]) / picked
