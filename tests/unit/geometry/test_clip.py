"""Cutting geometries to an image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.records import Kind
from mlcore.geometry.clip import clip, line_pieces, polygon_pieces
from mlcore.geometry.measure import extent, path_length

W, H = 100, 80
IMAGE = shapely.box(0, 0, W, H)
KINDS: tuple[Kind, ...] = ("bbox_2d", "poly", "line")


@st.composite
def stars(draw: st.DrawFn) -> tuple[float, ...]:
    """Simple polygons, most of them concave: a radius for each of some directions."""
    cx, cy = draw(st.floats(-40, 140)), draw(st.floats(-40, 120))
    radii = draw(st.lists(st.floats(5, 120), min_size=4, max_size=14))
    turns = [2 * math.pi * i / len(radii) + 0.1 for i in range(len(radii))]
    polar = zip(radii, turns, strict=True)
    return tuple(v for r, a in polar for v in (cx + r * math.cos(a), cy + r * math.sin(a)))


def lines() -> st.SearchStrategy[tuple[float, ...]]:
    pair = st.tuples(st.integers(-60, 160), st.integers(-60, 160))
    return st.lists(pair, min_size=2, max_size=8).map(lambda p: tuple(v for q in p for v in q))


def inside_image(points: tuple[float, ...]) -> bool:
    return all(0 <= x <= W for x in points[0::2]) and all(0 <= y <= H for y in points[1::2])


@given(st.lists(st.tuples(st.floats(0, W), st.floats(0, H)), min_size=4, max_size=9))
def test_what_lies_inside_keeps_its_very_numbers(pairs: list[tuple[float, float]]) -> None:
    flat = tuple(v for pair in pairs for v in pair)
    for kind in ("poly", "line"):
        found = clip(kind, flat, W, H)
        assert found.points == flat and found.state == "inside" and found.kept == 1.0
        assert not found.degenerate


def test_rounding_past_the_border_is_moved_onto_it_and_counts_as_inside() -> None:
    found = clip("bbox_2d", (-1e-9, 3, W + 1e-9, 9), W, H)
    assert found.points == (0, 3, W, 9) and found.state == "inside"


@given(stars())
def test_the_visible_parts_have_the_area_that_shapely_finds(flat: tuple[float, ...]) -> None:
    shape = shapely.Polygon(np.array(flat).reshape(-1, 2))
    pieces = polygon_pieces(flat, W, H)
    assert sum(extent("poly", p) for p in pieces) == pytest.approx(
        shape.intersection(IMAGE).area, abs=1e-6
    )
    assert all(inside_image(piece) for piece in pieces)
    found = clip("poly", flat, W, H)
    if found.state == "cut":
        assert found.kept == pytest.approx(
            max(extent("poly", p) for p in pieces) / shape.area, abs=1e-9
        )
        assert found.pieces == len(pieces)


@given(stars())
def test_each_part_of_a_simple_polygon_is_simple(flat: tuple[float, ...]) -> None:
    for piece in polygon_pieces(flat, W, H):
        if extent("poly", piece) > 1e-3:
            shape = shapely.Polygon(np.round(np.array(piece).reshape(-1, 2), 9))
            assert shape.buffer(0).area == pytest.approx(shape.area, abs=1e-5)


def test_a_comb_that_is_cut_into_teeth_keeps_its_largest_tooth_without_a_bridge() -> None:
    comb = (-9, 10, 40, 10, 40, 20, -5, 20, -5, 30, 30, 30, 30, 60, -9, 60)
    found = clip("poly", comb, W, H)
    assert found.pieces == 2
    assert sorted(zip(found.points[0::2], found.points[1::2], strict=True)) == [
        (0, 30), (0, 60), (30, 30), (30, 60)
    ]
    assert found.kept == pytest.approx(30 * 30 / extent("poly", comb))


def test_a_polygon_never_becomes_a_rectangle() -> None:
    wedge = (50, 10, 150, 40, 50, 70, 40, 40)
    found = clip("poly", wedge, W, H)
    assert found.state == "cut" and len(found.points) == 10
    assert (100, 25) in zip(found.points[0::2], found.points[1::2], strict=True)


def test_a_triangle_that_is_left_gets_a_fourth_point_within_its_longest_edge() -> None:
    found = clip("poly", (90, 10, 120, 10, 120, 40, 90, 40, 60, 25), W, H)
    assert len(found.points) >= 8
    corner = clip("poly", (80, -10, 130, -10, 130, 40), W, H)
    assert len(corner.points) == 8
    assert extent("poly", corner.points) == pytest.approx(
        shapely.Polygon([(80, -10), (130, -10), (130, 40)]).intersection(IMAGE).area
    )


def test_a_polygon_that_crosses_itself_is_still_cut() -> None:
    bow = (-20, 10, 60, 60, 60, 10, -20, 60)
    found = clip("poly", bow, W, H)
    assert found.state == "cut" and inside_image(found.points)


@given(lines())
def test_the_visible_parts_of_a_line_have_the_length_that_shapely_finds(
    flat: tuple[int, ...],
) -> None:
    total = sum(
        shapely.LineString([flat[i : i + 2], flat[i + 2 : i + 4]]).intersection(IMAGE).length
        for i in range(0, len(flat) - 2, 2)
    )
    pieces = line_pieces(flat, W, H)
    assert sum(path_length(piece) for piece in pieces) == pytest.approx(total, abs=1e-6)
    assert all(inside_image(piece) for piece in pieces)


def test_a_line_that_leaves_and_returns_keeps_its_longest_part_and_counts_them() -> None:
    found = clip("line", (10, 10, 10, -20, 50, -20, 50, 60), W, H)
    assert found.points == (50, 0, 50, 60) and found.pieces == 2
    assert found.kept == pytest.approx(60 / (30 + 40 + 80))


def test_a_line_keeps_the_points_that_lie_inside() -> None:
    found = clip("line", (-10, 40, 20, 40, 30, 50, 130, 50), W, H)
    assert found.points == (0, 40, 20, 40, 30, 50, 100, 50) and found.pieces == 1


def test_a_box_is_cut_at_the_borders() -> None:
    found = clip("bbox_2d", (-30, 10, 10, 30), W, H)
    assert found.points == (0, 10, 10, 30) and found.kept == 0.25 and not found.degenerate


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_outside_stays_on_the_border_and_is_flagged(kind: Kind) -> None:
    flat = (120, 10, 150, 40) if kind != "poly" else (120, 10, 150, 10, 150, 40, 120, 40)
    found = clip(kind, flat, W, H)
    assert found.state == "outside" and found.degenerate and found.kept == 0.0
    assert found.pieces == 0
    assert len(found.points) == len(flat) and inside_image(found.points)


@pytest.mark.parametrize(
    ("kind", "flat"),
    [
        ("bbox_2d", (99.5, 10, 150, 40)),
        ("poly", (99.5, 10, 150, 10, 150, 40, 99.5, 40)),
        ("line", (99.7, 10, 150, 10)),
    ],
)
def test_a_sliver_that_nobody_could_see_stays_and_is_flagged(
    kind: Kind, flat: tuple[float, ...]
) -> None:
    found = clip(kind, flat, W, H)
    assert found.state == "cut" and found.degenerate and found.kept > 0


def test_a_thin_line_is_not_degenerate() -> None:
    assert not clip("line", (90, 10, 150, 10), W, H).degenerate


@given(st.sampled_from(KINDS), stars() | lines())
def test_clipping_again_changes_nothing(kind: Kind, flat: tuple[float, ...]) -> None:
    if kind == "bbox_2d":
        xs, ys = flat[0::2], flat[1::2]
        flat = (min(xs), min(ys), max(xs), max(ys))
    once = clip(kind, flat, W, H)
    assert inside_image(once.points)
    assert clip(kind, once.points, W, H).points == once.points
