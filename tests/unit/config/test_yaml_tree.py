from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlcore.config.yaml_tree import MAX_BYTES, read_yaml


def problems(text: str) -> list[tuple[int, int, str, str]]:
    tree = read_yaml(text, "f.yaml")
    return [(p.line, p.column, p.path, p.message) for p in tree.problems]


def test_values_follow_yaml_1_2() -> None:
    tree = read_yaml("a: no\nb: 1e-5\nc: 012\nd: 0x10\ne: true\nf: ~\ng: '1'\n", "f.yaml")
    assert tree.data == {"a": "no", "b": 1e-5, "c": 12, "d": 16, "e": True, "f": None, "g": "1"}
    assert tree.problems == []


def test_every_path_has_a_position_counted_from_one() -> None:
    tree = read_yaml("a:\n  b: [x, y]\n", "f.yaml")
    at = tree.positions
    assert (at[("a",)].line, at[("a",)].column) == (1, 1)
    assert (at[("a", "b")].line, at[("a", "b")].column) == (2, 3)
    assert (at[("a", "b", 1)].line, at[("a", "b", 1)].column) == (2, 10)


def test_all_duplicate_keys_are_named_at_once() -> None:
    found = problems("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n")
    assert [(line, path) for line, _, path, _ in found] == [(2, "a"), (5, "b.c")]
    assert found[0][3] == "duplicate key, first on line 1"


def test_a_tab_is_named_as_such() -> None:
    assert problems("a:\n\tb: 1\n") == [
        (2, 1, "(yaml)", "a tab is used for indentation; YAML allows only spaces")
    ]


def test_an_alias_bomb_is_refused_without_being_built() -> None:
    rows = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    found = problems("\n".join(rows))
    assert len(found) == 60 + 2 * 59
    assert {message.split()[0] for *_, message in found} == {"anchors", "aliases"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 2020-01-01", "a date is not allowed here; quote it to make it text"),
        ("a: .inf", "infinity and NaN are not allowed"),
        ("a: .nan", "infinity and NaN are not allowed"),
        ("a: 1e999", "the number is too large"),
        ("1: a", "the key '1' must be a plain string; quote it"),
        (
            "a: !!python/object:os.system x",
            "the tag tag:yaml.org,2002:python/object:os.system is not allowed",
        ),
        ("- a", "must be a mapping that starts with `kind:`"),
        ("", "must be a mapping that starts with `kind:`"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
    ],
)
def test_what_is_refused_says_why(text: str, message: str) -> None:
    assert [found[3] for found in problems(text)] == [message]


def test_a_huge_text_is_refused_before_it_is_parsed() -> None:
    assert problems("a: " + "x" * MAX_BYTES)[0][3] == f"larger than {MAX_BYTES:,} bytes"


def test_deep_nesting_is_a_problem_and_not_a_crash() -> None:
    text = "a: " + "[" * 60 + "]" * 60
    assert "nested deeper than 40 levels" in {found[3] for found in problems(text)}


_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), _plain, max_size=4))
def test_json_text_reads_as_json_reads_it(value: dict[str, object]) -> None:
    text = json.dumps(value)
    tree = read_yaml(text, "f.yaml")
    assert not tree.problems
    assert tree.data == value


@given(st.text(max_size=200))
def test_no_text_makes_it_raise(text: str) -> None:
    tree = read_yaml(text, "f.yaml")
    assert tree.problems or isinstance(tree.data, dict)


@given(st.text(alphabet="ab:-[]{}&*!#\"' \n\t0.1?,|>", max_size=60))
def test_yaml_like_noise_never_reads_differently_from_the_library(text: str) -> None:
    tree = read_yaml(text, "f.yaml")
    if not tree.problems:
        assert tree.data == YAML(typ="safe", pure=True).load(text)
