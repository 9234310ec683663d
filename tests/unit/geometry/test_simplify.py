"""Fewer points for the same shape."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.records import Kind
from mlcore.geometry.affine import as_pairs
from mlcore.geometry.measure import extent
from mlcore.geometry.simplify import pad_triangle, simplify

pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=4, max_size=14)


def flat(points: list[tuple[int, int]]) -> tuple[float, ...]:
    return tuple(v for pair in points for v in pair)


def test_points_within_an_edge_and_repeated_points_go() -> None:
    assert simplify("poly", (0, 0, 5, 0, 9, 0, 9, 0, 9, 9, 0, 9, 0, 4, 0, 0)) == (
        0, 0, 9, 0, 9, 9, 0, 9
    )
    assert simplify("line", (0, 0, 3, 3, 3, 3, 9, 9, 9, 0)) == (0, 0, 9, 9, 9, 0)


def test_a_start_within_an_edge_goes_too() -> None:
    assert simplify("poly", (5, 0, 9, 0, 9, 9, 0, 9, 0, 0)) == (9, 0, 9, 9, 0, 9, 0, 0)


def test_a_tolerance_takes_away_what_lies_near() -> None:
    assert simplify("line", (0, 0, 5, 1, 10, 0), tolerance=1.5) == (0, 0, 10, 0)
    assert simplify("line", (0, 0, 5, 2, 10, 0), tolerance=1.5) == (0, 0, 5, 2, 10, 0)


def test_a_circle_becomes_few_points_and_keeps_its_area() -> None:
    turns = [2 * math.pi * i / 200 for i in range(200)]
    circle = tuple(v for a in turns for v in (100 + 50 * math.cos(a), 100 + 50 * math.sin(a)))
    few = simplify("poly", circle, tolerance=0.5)
    assert len(few) < len(circle) / 5
    assert extent("poly", few) == pytest.approx(extent("poly", circle), rel=0.02)


def test_a_polygon_never_has_fewer_than_four_points() -> None:
    triangle = (0, 0, 5, 0, 10, 0, 5, 9)
    assert simplify("poly", triangle) == triangle


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        simplify("line", (0, 0, 1, 1), tolerance=-1)


@given(st.sampled_from(["poly", "line"]), pairs)
def test_without_a_tolerance_the_shape_is_the_same(
    kind: Kind, points: list[tuple[int, int]]
) -> None:
    given_ = flat(points)
    found = simplify(kind, given_)
    if kind == "poly":
        assert extent(kind, found) == pytest.approx(extent(kind, given_))
    elif len(set(points)) > 1:
        before, after = (shapely.LineString(as_pairs(p)) for p in (given_, found))
        assert shapely.hausdorff_distance(before, after) == pytest.approx(0, abs=1e-9)
    assert simplify(kind, found) == found
    rows = list(zip(found[0::2], found[1::2], strict=True))
    assert set(rows) <= set(points)


def test_a_triangle_gets_a_point_in_the_middle_of_its_longest_edge() -> None:
    assert pad_triangle((0, 0, 3, 0, 0, 4)) == (0, 0, 3, 0, 1.5, 2, 0, 4)
    assert pad_triangle((0, 0, 3, 0, 3, 4, 0, 4)) == (0, 0, 3, 0, 3, 4, 0, 4)
