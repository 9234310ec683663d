"""Reading summaries."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.summaries import text_summary
from mlcore.coordjson import CoordJsonError
from mlcore.coordjson.summary import IRRELEVANT, parse_summary


@given(st.lists(st.sampled_from(["类别=螺丝,符合性=符合", "光纤", "a×b", "2"]), min_size=1))
def test_a_summary_made_from_objects_is_read_as_their_counts(descs: list[str]) -> None:
    assert parse_summary(text_summary(descs)) == {d: descs.count(d) for d in descs}


def test_an_irrelevant_image_has_no_facts() -> None:
    assert parse_summary(IRRELEVANT) == {}


@pytest.mark.parametrize(
    "text",
    ["", "螺丝", "螺丝×", "螺丝×0", "螺丝×02", "螺丝×1，", "，螺丝×1", "×3", " ×3",
     "螺丝×1，螺丝×2", "螺丝×1 ", "螺\n丝×1", "螺丝×1，光纤", "螺丝x1", "螺丝×1234567"],
)
def test_it_refuses(text: str) -> None:
    with pytest.raises(CoordJsonError) as caught:
        parse_summary(text)
    assert 0 <= caught.value.position <= len(text)


@given(st.text(st.sampled_from("螺×，1 0\n\u2028ab")))
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    try:
        assert all(count > 0 for count in parse_summary(text).values())
    except CoordJsonError as error:
        assert 0 <= error.position <= len(text)
