"""The paired tests against numbers that can be looked up or counted."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from mlcore.stage_b.search.paired import (
    Flips,
    exact_p,
    flips,
    holm,
    improvement_p,
    loss_bound,
    picked_change,
    regression_p,
)


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


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (5, 1), (3, 12), (40, 40)])
def test_the_two_sided_test_is_the_binomial_one(better: int, worse: int) -> None:
    found = Flips(100, better, worse)
    changed = better + worse
    expected = binomtest(better, changed, 0.5).pvalue if changed else 1.0
    assert exact_p(found) == pytest.approx(expected)
    assert regression_p(found) == improvement_p(Flips(100, worse, better))


def test_a_share_of_picked_tickets_changes_by_its_two_shares() -> None:
    rows = [(True, True, False)] * 50 + [(True, False, True)] * 4 + [(False, True, True)]
    change = picked_change(rows)
    assert change is not None
    assert change.value == pytest.approx(1 / 51 - 4 / 54)
    assert change.n == 51
    assert change.interval[0] < change.lowest < change.value < change.highest < change.interval[1]
    assert picked_change([(True, False, True)] * 9) is None, "nothing is picked afterwards"


def test_no_change_is_not_certainty_of_none_and_more_tickets_say_more() -> None:
    few, many = (
        picked_change([(True, True, False)] * 9 * n + [(True, True, True)] * n) for n in (5, 50)
    )
    assert few is not None
    assert many is not None
    assert few.value == many.value == 0.0
    assert few.highest > 5 * many.highest > 0


def test_the_bound_of_a_false_release_holds_the_truth_nineteen_times_of_twenty() -> None:
    """Over draws of 300 tickets of which the second judge releases a few others."""
    rng = np.random.default_rng(5)
    wrong_share, turn = 0.3, 0.06
    wrong = rng.random((800, 300)) < wrong_share
    before = rng.random(wrong.shape) < np.where(wrong, 0.1, 0.9)
    after = before ^ (rng.random(wrong.shape) < turn)

    def rate(released: float, failed: float) -> float:
        return failed * wrong_share / (failed * wrong_share + released * (1 - wrong_share))

    truth = rate(0.9 - turn * 0.8, 0.1 + turn * 0.8) - rate(0.9, 0.1)
    held = 0
    for b, a, w in zip(before.tolist(), after.tolist(), wrong.tolist(), strict=True):
        change = picked_change(zip(b, a, w, strict=True))
        assert change is not None
        held += change.highest >= truth
    assert held / len(wrong) == pytest.approx(0.95, abs=0.025)
