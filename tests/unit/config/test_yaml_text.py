"""YAML text of plain data reads back as the same data, and comments stay where they stood."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.config.yaml_text import Comments, yaml_text
from mlcore.config.yaml_tree import read_comments, read_yaml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | TEXT
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["no", "1e-5", "# x", "a: b", "- a", "", "012", "~", "'", "2020-01-01"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
WORD = st.from_regex(r"[a-z#][a-z#: ]{0,8}[a-z]", fullmatch=True).map(lambda t: t.lstrip("# "))


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_written_reads_back_as_the_same(data: dict[str, Any]) -> None:
    tree = read_yaml(yaml_text(data), "f.yaml")
    assert tree.problems == []
    assert tree.data == data


@given(st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1), WORD)
def test_comments_change_no_value(data: dict[str, Any], word: str) -> None:
    keys = [(key,) for key in data if data[key] is not None]
    comments = Comments({key: [word] for key in keys}, dict.fromkeys(keys, word))
    assert read_yaml(yaml_text(data, comments), "f.yaml").data == data


def test_a_null_with_a_comment_leaves_room_for_a_value() -> None:
    assert yaml_text({"a": None, "b": None}, Comments({}, {("a",): "why"})) == (
        "a:  # why\nb: null\n"
    )


def test_comments_inside_the_items_of_a_list_stand_above_the_dash_and_beside_values() -> None:
    comments = Comments({("a", 0, "p"): ["first"], ("a", 0, "q"): ["second"]}, {("a",): "all"})
    text = yaml_text({"a": [{"p": 1, "q": 2}, 3]}, comments)
    assert text == "a:  # all\n  # first\n  - p: 1\n    # second\n    q: 2\n  - 3\n"
    assert read_yaml(text, "f.yaml").data == {"a": [{"p": 1, "q": 2}, 3]}


@pytest.mark.parametrize(
    ("text", "alone", "beside"),
    [
        ("# a\n\nx: 1 # b\n  # c\n", {1: "a", 4: "c"}, {3: "b"}),
        ("x: '# no'\ny: a#b\n", {}, {}),
        ("x: |\n  # text\n  more\ny: 1 # yes\n", {}, {4: "yes"}),
        ("x: [1, # one\n  2]\n", {}, {1: "one"}),
        ("x: {a: 1} ## two\n", {}, {1: "two"}),
        ("", {}, {}),
    ],
)
def test_comments_are_told_from_text_that_looks_like_one(
    text: str, alone: dict[int, str], beside: dict[int, str]
) -> None:
    assert read_comments(text) == (alone, beside)
