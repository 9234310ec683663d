"""Tests on tickets that were judged twice, before and after a change. Light: no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z95_ONE_SIDED = 1.6448536269514722


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


def loss_bound(found: Flips) -> float:
    """The one-sided 95 % upper bound of how much the share of right tickets fell.

    Agresti and Min's adjusted Wald interval for paired shares (2005): half a ticket is added to
    each kind of change. A change is not inferior where the bound is below the margin.
    """
    better, worse, n = found.better + 0.5, found.worse + 0.5, found.n + 2
    loss = (worse - better) / n
    variance = (worse + better - (worse - better) ** 2 / n) / n**2
    return loss + _Z95_ONE_SIDED * math.sqrt(variance)
