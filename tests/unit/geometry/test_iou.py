"""Overlap of boxes, polygons and lines."""
from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.records import Kind
from mlcore.geometry import affine
from mlcore.geometry.affine import Matrix, move
from mlcore.geometry.iou import box_iou, overlap_matrix, region

SQUARE = (0, 0, 10, 0, 10, 10, 0, 10)


def overlap(a: Kind, first: tuple[float, ...], b: Kind, second: tuple[float, ...]) -> float:
    return float(overlap_matrix([region(a, first)], [region(b, second)])[0, 0])


def corners() -> st.SearchStrategy[tuple[float, ...]]:
    side = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)
    return st.tuples(side, side).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1]))


@given(corners(), corners())
def test_box_overlap_equals_counting_the_cells(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    grids = np.zeros((2, 60, 60), dtype=bool)
    for grid, (x1, y1, x2, y2) in zip(grids, (first, second), strict=True):
        grid[y1:y2, x1:x2] = True
    union = (grids[0] | grids[1]).sum()
    expected = (grids[0] & grids[1]).sum() / union if union else 0.0
    assert box_iou([first], [second])[0, 0] == pytest.approx(expected)
    assert overlap("bbox_2d", first, "poly", _as_poly(second)) == pytest.approx(expected)


def _as_poly(box: tuple[float, ...]) -> tuple[float, ...]:
    x1, y1, x2, y2 = box
    return (x1, y1, x2, y1, x2, y2, x1, y2)


def test_a_box_and_the_same_square_as_polygon_cover_each_other() -> None:
    assert overlap("bbox_2d", (0, 0, 10, 10), "poly", SQUARE) == 1.0


def test_half_a_square_is_half_of_it() -> None:
    assert overlap("poly", SQUARE, "poly", (0, 0, 10, 0, 0, 10)) == pytest.approx(0.5)


def test_a_polygon_that_crosses_itself_is_repaired_and_flagged() -> None:
    bow = region("poly", (0, 0, 10, 10, 10, 0, 0, 10))
    assert bow.repaired
    assert overlap_matrix([bow], [region("poly", SQUARE)])[0, 0] == pytest.approx(0.5)
    assert not region("poly", SQUARE).repaired


def test_a_star_has_a_hole_where_its_ring_winds_twice() -> None:
    """A pentagram by the even-odd rule: its five points without the pentagon in the middle."""
    turns = [2 * math.pi * k * 2 / 5 for k in range(5)]
    star = region("poly", tuple(500 + 400 * f(t) for t in turns for f in (math.sin, math.cos)))
    middle = (3 - math.sqrt(5)) / 2 * 400  # radius of the inner pentagon
    pentagon = 5 / 2 * middle**2 * math.sin(2 * math.pi / 5)
    around = region("bbox_2d", (500 - 40, 500 - 40, 500 + 40, 500 + 40))
    assert star.repaired
    assert overlap_matrix([star], [around])[0, 0] == 0.0
    whole = 5 * 400 * middle * math.sin(math.pi / 5)
    assert star.shape.area == pytest.approx(whole - pentagon, rel=1e-6)


@pytest.mark.parametrize("points", [(5, 5, 5, 5, 5, 5), (0, 0, 5, 5, 9, 9), (0, 0, 9, 0, 0, 0)])
def test_a_polygon_without_area_covers_nothing(points: tuple[float, ...]) -> None:
    assert overlap("poly", points, "poly", SQUARE) == 0.0
    assert overlap("poly", points, "poly", points) == 0.0


def test_a_box_without_area_covers_nothing() -> None:
    assert overlap("bbox_2d", (5, 5, 5, 9), "bbox_2d", (5, 5, 5, 9)) == 0.0


def test_a_line_covers_itself_also_backwards() -> None:
    there, back = (0, 0, 500, 0, 500, 300), (500, 300, 500, 0, 0, 0)
    assert overlap("line", there, "line", back) == pytest.approx(1.0)


def test_parallel_lines_overlap_by_what_their_tubes_share() -> None:
    """Two long tubes of width 60, 30 apart: shared 30, together 90, plus the round ends."""
    tubes = [region("line", (0, y, 90_000, y), half_width=30) for y in (0, 30)]
    value = float(overlap_matrix(tubes[:1], tubes[1:])[0, 0])
    assert value == pytest.approx(1 / 3, abs=0.001)


def test_the_half_width_of_the_tube_decides_how_near_is_near() -> None:
    lines = (0.0, 0.0, 900.0, 0.0), (0.0, 50.0, 900.0, 50.0)
    narrow = [region("line", points, half_width=20) for points in lines]
    wide = [region("line", points, half_width=200) for points in lines]
    assert overlap_matrix(narrow[:1], narrow[1:])[0, 0] == 0.0
    assert overlap_matrix(wide[:1], wide[1:])[0, 0] > 0.7


def test_a_line_of_one_repeated_point_is_a_disc() -> None:
    disc = region("line", (5, 5, 5, 5), half_width=10).shape
    assert disc.area == pytest.approx(math.pi * 100, rel=0.02)


def test_lines_and_areas_never_overlap() -> None:
    assert overlap("line", (0, 0, 10, 10), "bbox_2d", (0, 0, 10, 10)) == 0.0


def test_no_regions_make_an_empty_matrix() -> None:
    assert overlap_matrix([], [region("line", (0, 0, 1, 1))]).shape == (0, 1)


def points(fewest: int) -> st.SearchStrategy[tuple[int, ...]]:
    pair = st.tuples(st.integers(0, 999), st.integers(0, 999))
    return st.lists(pair, min_size=fewest, max_size=8).map(lambda p: tuple(v for q in p for v in q))


def shapes() -> st.SearchStrategy[tuple[str, tuple[int, ...]]]:
    poly = points(3).map(lambda p: ("poly", p))
    return poly | points(2).map(lambda p: ("line", p))


@given(shapes(), shapes())
def test_overlap_is_symmetric_and_within_0_and_1(
    first: tuple[Kind, tuple[int, ...]], second: tuple[Kind, tuple[int, ...]]
) -> None:
    there, back = overlap(*first, *second), overlap(*second, *first)
    assert 0.0 <= there <= 1.0
    assert there == pytest.approx(back, abs=1e-9)
    same = overlap(*first, *first)
    assert same == pytest.approx(1.0, abs=1e-6) or region(*first).shape.area == 0


def isometries() -> st.SearchStrategy[Matrix]:
    shift = st.integers(-500, 500)
    return st.one_of(
        st.builds(affine.translate, shift, shift),
        st.builds(affine.hflip, st.integers(1, 999)),
        st.builds(affine.vflip, st.integers(1, 999)),
        st.builds(affine.rotate_about, st.integers(-180, 180), shift, shift),
    )


@given(shapes(), shapes(), isometries())
def test_moving_turning_and_mirroring_both_changes_no_overlap(
    first: tuple[Kind, tuple[int, ...]], second: tuple[Kind, tuple[int, ...]], matrix: Matrix
) -> None:
    """Tubes are drawn with chords for their round ends, so a turned line is not quite the same."""
    before = overlap(*first, *second)
    there = [move(*item, matrix) for item in (first, second)]
    after = overlap(there[0].kind, there[0].points, there[1].kind, there[1].points)
    exact = first[0] == "poly" or second[0] == "poly"
    assert after == pytest.approx(before, abs=1e-4 if exact else 0.05)


@given(corners(), corners(), st.integers(1, 9), st.integers(1, 9), st.integers(-90, 90))
def test_stretching_and_moving_both_boxes_changes_no_overlap(
    first: tuple[int, ...], second: tuple[int, ...], across: int, down: int, shift: int
) -> None:
    matrix = affine.compose(affine.translate(shift, -shift), affine.scale(across, down))
    there = [move("bbox_2d", box, matrix).points for box in (first, second)]
    assert box_iou([there[0]], [there[1]]) == pytest.approx(box_iou([first], [second]))


@given(shapes(), st.integers(2, 9))
def test_a_polygon_and_its_stretched_self_cover_what_their_areas_say(
    shape: tuple[Kind, tuple[int, ...]], factor: int
) -> None:
    kind, flat = shape
    if kind == "poly" and region(kind, flat).shape.area > 1:
        hull = region(kind, flat).shape.convex_hull
        x, y = hull.centroid.coords[0]
        ring = tuple(v for pair in list(hull.exterior.coords)[:-1] for v in pair)
        larger = move("poly", ring, affine.scale_about(factor, factor, x, y))
        assert overlap("poly", ring, "poly", larger.points) == pytest.approx(1 / factor**2)
