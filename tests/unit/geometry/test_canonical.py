"""One way to write each geometry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.records import Kind
from mlcore.geometry.canonical import canonical
from mlcore.geometry.measure import extent, signed_area

SHIELD = (30, 0, 60, 40, 30, 20, 0, 40)
"""concave: sorting its vertices by angle would make another shape"""
pairs = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=4, max_size=9
)


def flat(points: list[tuple[int, int]]) -> tuple[float, ...]:
    return tuple(v for pair in points for v in pair)


def edges(points: tuple[float, ...]) -> set[frozenset[tuple[float, float]]]:
    rows = list(zip(points[0::2], points[1::2], strict=True))
    return {frozenset((rows[i - 1], rows[i])) for i in range(len(rows))}


def test_a_concave_polygon_keeps_its_edges_and_its_area() -> None:
    turned = (0, 40, 30, 20, 60, 40, 30, 0)
    assert canonical("poly", turned) == SHIELD == canonical("poly", SHIELD)
    assert edges(turned) == edges(SHIELD)


def test_a_polygon_is_clockwise_and_starts_at_the_topmost_then_leftmost_vertex() -> None:
    assert canonical("poly", (0, 9, 9, 9, 9, 0, 0, 0)) == (0, 0, 9, 0, 9, 9, 0, 9)


def test_the_closing_point_is_dropped() -> None:
    assert canonical("poly", (*SHIELD, *SHIELD[:2])) == SHIELD


def test_a_line_is_only_ever_reversed() -> None:
    assert canonical("line", (9, 0, 4, 7, 0, 3)) == (0, 3, 4, 7, 9, 0)
    assert canonical("line", (0, 3, 4, 7, 9, 0)) == (0, 3, 4, 7, 9, 0)
    assert canonical("line", (5, 9, 8, 8, 5, 1)) == (5, 1, 8, 8, 5, 9)


def test_a_box_gives_its_top_left_corner_first() -> None:
    assert canonical("bbox_2d", (9, 1, 2, 8)) == (2, 1, 9, 8)


@given(pairs, st.integers(0, 8), st.booleans())
def test_any_start_and_direction_of_a_polygon_gives_the_same(
    points: list[tuple[int, int]], start: int, backwards: bool
) -> None:
    found = canonical("poly", flat(points))
    turn = start % len(points)
    other = points[turn:] + points[:turn]
    if backwards:
        other.reverse()
    if points[0] != points[-1] and other[0] != other[-1]:
        assert canonical("poly", flat(other)) == found
    assert signed_area(found) >= 0
    assert extent("poly", found) == pytest.approx(extent("poly", flat(points)))


@given(pairs)
def test_both_directions_of_a_line_give_the_same(points: list[tuple[int, int]]) -> None:
    assert canonical("line", flat(points)) == canonical("line", flat(points[::-1]))


@given(st.sampled_from(["poly", "line"]), pairs)
def test_doing_it_again_changes_nothing(kind: Kind, points: list[tuple[int, int]]) -> None:
    once = canonical(kind, flat(points))
    assert canonical(kind, once) == once
