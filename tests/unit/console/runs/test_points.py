"""Packing, sorting and decimating points."""
from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.runs.points import Points, by_step, decimate, pack, unpack

finite = st.floats(allow_nan=False, allow_infinity=False)
rows = st.lists(st.tuples(st.integers(-1, 2**53), finite, finite), max_size=300)


def points_of(values: list[tuple[int, float, float]]) -> Points:
    points = Points()
    for row in values:
        points.add(*row)
    return points


def as_rows(points: Points) -> list[tuple[int, float, float]]:
    return list(zip(points.steps, points.values, points.times, strict=True))


@given(rows)
def test_what_is_packed_comes_back_bit_for_bit(values: list[tuple[int, float, float]]) -> None:
    assert as_rows(unpack(pack(points_of(values)))) == values


def test_a_torn_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of points"):
        unpack(pack(points_of([(1, 2.0, 3.0)]))[:-1])


@given(rows)
def test_sorting_by_step_keeps_the_order_of_equal_steps(
    values: list[tuple[int, float, float]],
) -> None:
    assert as_rows(by_step(points_of(values))) == sorted(values, key=lambda row: row[0])


@given(st.lists(finite, min_size=1, max_size=500), st.integers(1, 40))
def test_decimation_keeps_the_extremes_the_ends_and_the_order(
    values: list[float], buckets: int
) -> None:
    points = points_of([(i, v, float(i)) for i, v in enumerate(values)])
    kept = decimate(points, buckets)
    steps = list(kept.steps)
    assert len(kept) <= 2 * buckets + 2 or len(kept) == len(values)
    assert steps == sorted(set(steps))
    assert steps[0] == 0 and steps[-1] == len(values) - 1
    assert min(kept.values) == min(values) and max(kept.values) == max(values)


def test_one_spike_among_a_hundred_thousand_points_is_drawn() -> None:
    spike = 77_777
    points = Points()
    for step in range(100_000):
        points.add(step, 1e9 if step == spike else math.sin(step / 500), float(step))
    kept = decimate(points, 500)
    assert len(kept) <= 1002
    assert spike in kept.steps
