"""Affine maps, and what they make of geometries."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix, Moved, move
from mlcore.geometry.measure import extent

BOX = (10.0, 20.0, 40.0, 30.0)
numbers = st.floats(-200, 200)
factors = st.floats(0.1, 8)


def maps() -> st.SearchStrategy[Matrix]:
    return st.one_of(
        st.builds(affine.translate, numbers, numbers),
        st.builds(affine.scale_about, factors, factors, numbers, numbers),
        st.builds(affine.rotate_about, st.floats(-180, 180), numbers, numbers),
        st.builds(affine.hflip, st.integers(1, 500)),
        st.builds(affine.vflip, st.integers(1, 500)),
    )


def points() -> st.SearchStrategy[tuple[float, ...]]:
    pair = st.tuples(numbers, numbers)
    return st.lists(pair, min_size=4, max_size=8).map(lambda p: tuple(v for q in p for v in q))


def close(a: Matrix, b: Matrix) -> bool:
    return bool(np.allclose(a, b, atol=1e-6))


@given(maps(), maps(), maps())
def test_composing_is_associative_and_does_the_last_one_first(
    a: Matrix, b: Matrix, c: Matrix
) -> None:
    assert close(affine.compose(a, affine.compose(b, c)), affine.compose(affine.compose(a, b), c))
    place = np.array([[3.0, 5.0]])
    assert close(
        affine.apply(affine.compose(a, b), place), affine.apply(a, affine.apply(b, place))
    )


def test_composing_nothing_is_the_identity() -> None:
    assert affine.is_identity(affine.compose())


@given(maps(), maps())
def test_a_map_and_its_inverse_cancel(a: Matrix, b: Matrix) -> None:
    both = affine.compose(a, b)
    assert close(affine.compose(affine.invert(both), both), affine.identity())


def test_a_map_that_flattens_the_plane_has_no_inverse() -> None:
    with pytest.raises(ValueError, match="flattens"):
        affine.invert(np.diag([1.0, 0.0, 1.0]))


def test_a_scale_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        affine.scale(1, 0)


def test_a_turn_is_clockwise_on_the_screen_and_keeps_its_centre() -> None:
    quarter = affine.rotate_about(90, 50, 50)
    assert close(affine.apply(quarter, np.array([[50.0, 50.0], [60.0, 50.0]])),
                 np.array([[50.0, 50.0], [50.0, 60.0]]))


@given(st.integers(1, 300), numbers, numbers)
def test_mirroring_twice_changes_nothing(side: int, x: float, y: float) -> None:
    for flip in (affine.hflip(side), affine.vflip(side)):
        assert affine.is_identity(affine.compose(flip, flip))


def test_a_mirrored_box_of_the_first_column_is_the_last_column() -> None:
    assert move("bbox_2d", (0, 0, 1, 9), affine.hflip(100)) == Moved("bbox_2d", (99, 0, 100, 9))


@given(st.sampled_from([0, 90, 180, 270, -90, 360]), factors, numbers)
def test_a_box_stays_a_box_under_axis_aligned_maps(turn: int, factor: float, shift: float) -> None:
    matrix = affine.compose(
        affine.rotate_about(turn, 7, 9), affine.scale(factor, 2), affine.translate(shift, 1)
    )
    moved = move("bbox_2d", BOX, matrix)
    assert moved.kind == "bbox_2d" and not moved.became_poly
    assert moved.points[0] < moved.points[2] and moved.points[1] < moved.points[3]
    assert extent("bbox_2d", moved.points) == pytest.approx(extent("bbox_2d", BOX) * factor * 2)


def test_a_box_that_turns_becomes_the_polygon_of_its_corners_and_says_so() -> None:
    moved = move("bbox_2d", BOX, affine.rotate_about(30, 25, 25))
    assert moved.kind == "poly" and moved.became_poly and len(moved.points) == 8
    assert extent("poly", moved.points) == pytest.approx(extent("bbox_2d", BOX))


@given(points(), maps())
def test_polygons_and_lines_keep_their_kind_and_the_number_and_order_of_points(
    flat: tuple[float, ...], matrix: Matrix
) -> None:
    for kind in ("poly", "line"):
        moved = move(kind, flat, matrix)
        assert moved.kind == kind and not moved.became_poly
        expected = [
            value
            for i in range(0, len(flat), 2)
            for value in affine.apply(matrix, np.array([flat[i : i + 2]])).ravel()
        ]
        assert moved.points == pytest.approx(expected, abs=1e-6)


@given(points(), maps())
def test_areas_change_by_the_determinant_and_as_shapely_says(
    flat: tuple[float, ...], matrix: Matrix
) -> None:
    area = extent("poly", move("poly", flat, matrix).points)
    factor = abs(float(np.linalg.det(matrix[:2, :2])))
    assert area == pytest.approx(extent("poly", flat) * factor, abs=1e-3, rel=1e-6)
    pairs = np.array(flat).reshape(-1, 2)
    assert area == pytest.approx(
        shapely.Polygon(affine.apply(matrix, pairs)).area, abs=1e-3, rel=1e-6
    )


@given(maps())
def test_the_map_of_indices_moves_centres_of_pixels(matrix: Matrix) -> None:
    centre = affine.apply(matrix, np.array([[7.5, 3.5]]))
    index = affine.apply(affine.index_map(matrix), np.array([[7.0, 3.0]]))
    assert close(index + 0.5, centre)


@given(st.floats(-180, 180))
def test_a_turn_is_axis_aligned_only_by_quarters(degrees: float) -> None:
    aligned = affine.is_axis_aligned(affine.rotate_about(degrees, 0, 0))
    assert aligned == (abs(math.sin(math.radians(2 * degrees))) < 2e-9) or abs(degrees % 90) < 1e-6
