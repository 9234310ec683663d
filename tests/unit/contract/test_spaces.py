"""Records between pixels and bins: explicit, exact on bins, never losing an object unsaid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.records import Kind, Record, SceneObject
from mlcore.contract.spaces import in_bins, in_pixels
from mlcore.errors import DataError


def record(width: int, height: int, kind: Kind, *points: float, space: str = "pixel") -> Record:
    item = SceneObject("类别=螺丝", kind, tuple(points))
    return Record("a", ("images/a.jpg",), width, height, space, (item,))  # type: ignore[arg-type]


@st.composite
def boxes_in_bins(draw: st.DrawFn) -> Record:
    left, top = draw(st.integers(0, 998)), draw(st.integers(0, 998))
    right, bottom = draw(st.integers(left + 1, 999)), draw(st.integers(top + 1, 999))
    width, height = draw(st.integers(2, 65535)), draw(st.integers(2, 65535))
    kind: Kind = draw(st.sampled_from(["bbox_2d", "line"]))
    return record(width, height, kind, left, top, right, bottom, space="norm1000")


@given(boxes_in_bins())
def test_bins_to_pixels_and_back_are_the_same_bins(given_: Record) -> None:
    there = in_pixels(given_)
    assert there.coord_space == "pixel"
    assert in_bins(there) == given_


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1000, 999), (33, 97)])
def test_every_pixel_of_a_side_comes_back_rounded(width: int, height: int) -> None:
    for x in range(width - 1):
        y = min(x, height - 2)
        there = in_bins(record(width, height, "line", x, y, width - 1, height - 1))
        back = in_pixels(there).objects[0].points
        assert [round(v) for v in back] == [x, y, width - 1, height - 1]


def test_a_record_already_there_is_given_back_itself() -> None:
    pixels = record(64, 48, "bbox_2d", 1, 1, 9, 9)
    assert in_pixels(pixels) is pixels
    bins = in_bins(pixels)
    assert in_bins(bins) is bins


def test_an_object_smaller_than_a_bin_is_named() -> None:
    tiny = record(4000, 4000, "bbox_2d", 100, 100, 101, 900)
    with pytest.raises(DataError, match=r"a: objects\[0\]\.bbox_2d: .* no area") as caught:
        in_bins(tiny)
    assert caught.value.where == "a: objects[0].bbox_2d"


def test_bins_of_an_image_one_pixel_wide_have_no_pixels() -> None:
    with pytest.raises(DataError, match="no area"):
        in_pixels(record(1, 48, "bbox_2d", 1, 1, 9, 9, space="norm1000"))


def test_everything_else_of_a_record_stays() -> None:
    whole = replace(record(64, 48, "bbox_2d", 1, 1, 9, 9), summary="一", metadata={"ticket": "t"})
    back = in_pixels(in_bins(whole))
    assert replace(back, objects=whole.objects) == whole
