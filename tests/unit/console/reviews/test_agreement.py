"""Agreement against published worked examples, and its intervals."""
from __future__ import annotations

import pytest

from console.reviews.agreement import (
    LEAST,
    cohen_kappa,
    krippendorff_alpha,
    measured_alpha,
    measured_pairs,
    raw_agreement,
    wilson,
)


def units(*coders: str) -> list[list[str]]:
    """Coders as rows of values, a dot where one said nothing, as units of what was said."""
    columns = zip(*(row.split() for row in coders), strict=True)
    return [[value for value in column if value != "."] for column in columns]


def test_krippendorffs_binary_example_of_two_coders() -> None:
    found = krippendorff_alpha(units("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"))
    assert found == pytest.approx(0.095, abs=5e-4)


def test_krippendorffs_nominal_example_of_two_coders() -> None:
    found = krippendorff_alpha(units("a a b b d c c c e d d a", "b a b b b c c c e d d d"))
    assert found == pytest.approx(0.692, abs=5e-4)


def test_krippendorffs_example_of_four_coders_with_missing_values() -> None:
    found = krippendorff_alpha(units(
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ))  # fmt: skip
    assert found == pytest.approx(0.743, abs=5e-4)


def test_the_textbook_table_of_fifty_proposals() -> None:
    """Two readers of 50 grant proposals: both yes 20, both no 15, 5 and 10 apart."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert raw_agreement(pairs) == pytest.approx(0.7)
    assert cohen_kappa(pairs) == pytest.approx(0.4)


def test_kappa_says_nothing_where_everybody_says_the_same() -> None:
    assert cohen_kappa([("y", "y")] * 9) is None
    assert krippendorff_alpha([["y", "y"]] * 9) is None
    assert raw_agreement([]) is None


def test_figures_are_hidden_below_thirty_tickets() -> None:
    raw, kappa = measured_pairs([("y", "n")] * (LEAST - 1), seed=0)
    assert (raw.value, kappa.value, raw.n) == (None, None, LEAST - 1)
    assert raw.to_json()["hidden"]


def test_an_interval_holds_its_value_and_is_the_same_for_the_same_seed() -> None:
    pairs = [("y", "y")] * 40 + [("y", "n")] * 5 + [("n", "n")] * 15
    raw, kappa = measured_pairs(pairs, seed=3)
    for figure in (raw, kappa, measured_alpha(pairs, seed=3)):
        assert figure.interval is not None and figure.value is not None
        assert figure.interval[0] < figure.value < figure.interval[1]
    assert measured_pairs(pairs, seed=3) == (raw, kappa)
    assert measured_pairs(list(reversed(pairs)), seed=3) == (raw, kappa)


def test_the_score_interval_of_eight_in_ten() -> None:
    low, high = wilson(8, 10) or (0.0, 0.0)
    assert (low, high) == (pytest.approx(0.490, abs=5e-4), pytest.approx(0.943, abs=5e-4))
    assert wilson(0, 0) is None
    low, high = wilson(40, 40) or (0.0, 0.0)
    assert low == pytest.approx(0.912, abs=5e-4) and high == pytest.approx(1.0)
