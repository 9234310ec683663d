"""Figures and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.web import formats

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (9.3, "9.3 s"), (59, "59 s"), (3725, "1 h 2 min"), (90_000, "1 d 1 h")],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98333, "0.9833"),
        (4888, "4,888"),
        (0, "0"),
        (1.5e-5, "1.50e-05"),
        (0.1, "0.1"),
        (None, "–"),
    ],
)
def test_a_figure_has_four_digits(value: object, text: str) -> None:
    assert formats.number(value) == text


def test_bytes_are_counted_in_thousands() -> None:
    assert [formats.size(n) for n in (12, 1500, 902_000, 3e9)] == [
        "12 B",
        "1.5 kB",
        "902 kB",
        "3.0 GB",
    ]


@pytest.mark.parametrize(
    ("before", "text"),
    [(3, "just now"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 days ago")],
)
def test_a_moment_is_told_in_one_unit(before: int, text: str) -> None:
    assert formats.ago(NOW - timedelta(seconds=before), NOW) == text


def test_a_bad_time_is_no_time() -> None:
    assert formats.parse_moment("yesterday") is None
