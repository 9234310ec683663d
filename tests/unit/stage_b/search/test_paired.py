"""The paired tests against numbers that can be looked up or counted."""

from __future__ import annotations

from itertools import product

import pytest
from scipy.stats import binomtest

from mlcore.stage_b.search.paired import Flips, flips, holm, improvement_p, loss_bound


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (5, 1), (12, 3), (3, 12), (40, 40)])
def test_the_exact_test_is_the_binomial_one(better: int, worse: int) -> None:
    p = improvement_p(Flips(100, better, worse))
    if better + worse == 0:
        assert p == 1.0
    else:
        expected = binomtest(better, better + worse, 0.5, alternative="greater").pvalue
        assert p == pytest.approx(expected)


def test_flips_are_counted_by_ticket() -> None:
    assert flips([True, False, False, True], [True, True, False, False]) == Flips(4, 1, 1)


def test_holm_gives_the_worked_example() -> None:
    # Holm's step-down on four tests: 4 x .005, 3 x .01, then the running maximum.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_a_loss_is_bounded_and_the_bound_shrinks_with_tickets() -> None:
    bounds = [loss_bound(Flips(n, 0, 0)) for n in (50, 200, 1000)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] < 0.01 < bounds[0]
    assert loss_bound(Flips(200, 0, 10)) > 0.05 > loss_bound(Flips(200, 10, 0))


def test_the_bound_holds_the_truth_nineteen_times_of_twenty() -> None:
    """Over every outcome of 12 tickets that each get worse with probability 0.1, better 0.05."""
    n, worse_p, better_p, covered = 12, 0.1, 0.05, 0.0
    from math import comb

    for worse, better in product(range(n + 1), repeat=2):
        if worse + better > n:
            continue
        same = n - worse - better
        ways = comb(n, worse) * comb(n - worse, better)
        chance = ways * worse_p**worse * better_p**better * (1 - worse_p - better_p) ** same
        if loss_bound(Flips(n, better, worse)) >= worse_p - better_p:
            covered += chance
    assert covered >= 0.93
