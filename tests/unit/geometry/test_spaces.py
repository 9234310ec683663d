"""Between pixels and bins."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.coordjson import CoordObject, parse_strict, render
from mlcore.errors import DataError
from mlcore.geometry.spaces import box_outward, to_bins, to_pixels, to_thousandths


@pytest.mark.parametrize(("width", "height"), [(192, 192), (640, 480), (1000, 7), (1, 1), (2, 999)])
def test_every_pixel_comes_back_from_its_bin(width: int, height: int) -> None:
    for x in range(width):
        y = x * (height - 1) // max(width - 1, 1)
        back = to_pixels(to_bins((x, y), width, height), width, height)
        assert (round(back[0]), round(back[1])) == (x, y)
    for y in range(height):
        assert round(to_pixels(to_bins((0, y), width, height), width, height)[1]) == y


@pytest.mark.parametrize("side", [1000, 1001, 3000, 65535])
def test_every_bin_comes_back_from_its_pixel_on_a_side_of_1000_or_more(side: int) -> None:
    for value in range(1000):
        x, y = to_pixels((value, value), side, side)
        assert to_bins((x, y), side, side) == (value, value)


def test_both_ends_are_reachable() -> None:
    assert to_bins((0, 0, 191, 99), 192, 100) == (0, 0, 999, 999)
    assert to_pixels((0, 0, 999, 999), 192, 100) == (0, 0, 191, 99)


def test_the_edge_past_the_last_pixel_is_the_last_bin() -> None:
    assert to_bins((192, 100, 191.4, 99.9), 192, 100) == (999, 999, 999, 999)


def test_halves_go_upwards_everywhere() -> None:
    assert to_bins((0.5, 1.5, 2.5, 3.5), 1000, 1000) == (1, 2, 3, 4)


@given(st.integers(1, 5000), st.integers(1, 5000), st.data())
def test_an_ordered_box_stays_ordered(width: int, height: int, data: st.DataObject) -> None:
    xs = sorted(data.draw(st.tuples(st.floats(0, width), st.floats(0, width))))
    ys = sorted(data.draw(st.tuples(st.floats(0, height), st.floats(0, height))))
    bins = to_bins((xs[0], ys[0], xs[1], ys[1]), width, height)
    assert bins[0] <= bins[2] and bins[1] <= bins[3]
    exact = to_thousandths((xs[0], ys[0], xs[1], ys[1]), width, height)
    assert all(abs(a - b) <= 0.5 for a, b in zip(bins, exact, strict=True))


@pytest.mark.parametrize("points", [(-0.1, 0), (0, 101), (193, 0), (float("nan"), 0), (1, 2, 3)])
def test_points_outside_the_image_and_half_points_are_refused(points: tuple[float, ...]) -> None:
    with pytest.raises(DataError):
        to_bins(points, 192, 100)


@pytest.mark.parametrize("bins", [(-1, 0), (0, 1000), (1,)])
def test_bins_that_do_not_exist_are_refused(bins: tuple[int, ...]) -> None:
    with pytest.raises(DataError):
        to_pixels(bins, 192, 100)


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(DataError):
        to_bins((0, 0), 0, 10)


@pytest.mark.parametrize("side", [1, 2, 3, 31, 32, 100, 192, 512, 640, 999, 1000])
def test_every_pixel_of_a_grid_comes_back_through_bins_and_coordinate_tokens(side: int) -> None:
    """Pixels to bins to the text of tokens and all the way back."""
    pixels = tuple(v for x in range(side) for v in (x, side - 1 - x))
    line = pixels if side > 1 else pixels * 2
    bins = to_bins(line, side, side)
    (read,) = parse_strict(render([CoordObject("a", "line", bins)]))
    assert read.bins == bins
    assert tuple(round(v) for v in to_pixels(read.bins, side, side)) == line


@pytest.mark.parametrize("side", [1001, 1024, 1999, 4096])
def test_beyond_a_thousand_pixels_a_pixel_comes_back_within_half_a_bin(side: int) -> None:
    pixels = [v for x in range(side) for v in (x, x)]
    back = to_pixels(to_bins(pixels, side, side), side, side)
    half = (side - 1) / 999 / 2
    assert max(abs(a - b) for a, b in zip(pixels, back, strict=True)) <= half + 1e-9


def test_the_middle_of_1001_pixels_is_rounded_out_for_boxes_and_up_for_points() -> None:
    assert box_outward((500, 500, 500, 500), 1001, 1001) == (499, 499, 500, 500)
    assert to_bins((500, 500), 1001, 1001) == (500, 500)


def test_a_bin_means_a_fraction_of_the_way_to_the_last_pixel() -> None:
    assert [round(v, 2) for v in to_pixels((999, 0, 500, 0), 640, 480)] == [639, 0, 319.82, 0]


def test_a_box_that_would_collapse_is_nudged() -> None:
    assert box_outward((639, 479, 640, 480), 640, 480) == (998, 998, 999, 999)
    assert box_outward((0, 0, 0, 0), 640, 480) == (0, 0, 1, 1)


@given(st.integers(2, 3000), st.integers(2, 3000), st.data())
def test_a_box_rounded_outwards_covers_the_box_and_has_an_area(
    width: int, height: int, data: st.DataObject
) -> None:
    xs = sorted(data.draw(st.tuples(st.integers(0, width - 1), st.integers(0, width - 1))))
    ys = sorted(data.draw(st.tuples(st.integers(0, height - 1), st.integers(0, height - 1))))
    box = (xs[0], ys[0], xs[1], ys[1])
    bins = box_outward(box, width, height)
    exact = to_thousandths(box, width, height)
    assert bins[0] <= exact[0] and bins[1] <= exact[1]
    assert bins[2] >= exact[2] and bins[3] >= exact[3]
    assert 0 <= bins[0] < bins[2] <= 999 and 0 <= bins[1] < bins[3] <= 999


@pytest.mark.parametrize("box", [(5, 0, 4, 9), (0, 9, 9, 8), (0, 0, 9), (0, 0, 641, 9)])
def test_what_is_no_box_of_the_image_is_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(DataError):
        box_outward(box, 640, 480)
