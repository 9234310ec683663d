"""Forms made from JSON schemas, and edits of YAML texts."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field as PydanticField

from console.runs.launch_form import edit_text, read_form, starting_text
from console.web.schema_form import (
    build_form,
    field_schema,
    input_path,
    parse_raw,
    required_skeleton,
)
from console.web.yaml_edit import UnreadableTextError, values_of, with_value, without
from mlcore.config.base import DatasetRef, JobConfig, StrictModel


class Fresh(StrictModel):
    type: Literal["fresh"]
    width: int = PydanticField(default=8, ge=1)


class Saved(StrictModel):
    type: Literal["saved"]
    path: str


class Data(StrictModel):
    dataset: DatasetRef


class Example(JobConfig):
    kind: Literal["example"]
    start: Annotated[Fresh | Saved, PydanticField(discriminator="type")]
    data: Data
    rate: float | None = None
    mode: Literal["a", "b"] = "a"
    sizes: list[int] = []


SCHEMA = Example.model_json_schema()
LETTERS = st.text("abcdefgh", min_size=1, max_size=6)


def fields(values: dict[str, object]) -> dict[str, object]:
    return {f.path: f for f in build_form(SCHEMA, values)}


def test_a_union_shows_the_fields_of_the_chosen_variant() -> None:
    chosen = fields({"start": {"type": "saved"}})["start"]
    assert [child.name for child in chosen.children] == ["path"]
    assert chosen.switch.options == ["fresh", "saved"]


def test_a_field_with_a_few_values_is_a_choice() -> None:
    mode = fields({})["mode"]
    assert (mode.widget, mode.options, mode.value) == ("select", ["a", "b"], "a")


def test_what_must_be_filled_in_comes_before_what_need_not() -> None:
    order = [f.path for f in build_form(SCHEMA, {})]
    assert order.index("data") < order.index("mode") < order.index("seed")


def test_a_reference_knows_the_type_of_its_input() -> None:
    assert input_path(build_form(SCHEMA, {}), "dataset") == "data.dataset"
    assert input_path(build_form(SCHEMA, {}), "model") == ""


def test_a_list_of_references_is_one_field_that_offers_them() -> None:
    text = starting_text("stage_b")
    assert values_of(text)["summaries"] == []
    text = edit_text("stage_b", text, "summaries", "run:a/summaries, records:挡风板@2")
    assert values_of(text)["summaries"] == ["run:a/summaries", "records:挡风板@2"]
    fields_ = read_form("stage_b", text).fields or []
    assert input_path(fields_, "summaries") == "summaries"
    (field,) = [f for f in fields_ if f.path == "summaries"]
    assert (field.widget, field.value) == ("input", "run:a/summaries, records:挡风板@2")


def test_the_skeleton_holds_every_required_key_and_a_variant() -> None:
    skeleton = required_skeleton(build_form(SCHEMA, {}))
    assert skeleton["data"] == {"dataset": ""}
    assert skeleton["start"] == {"type": "fresh"}


@pytest.mark.parametrize(
    ("path", "raw", "value"),
    [
        ("seed", "12", 12),
        ("seed", "many", "many"),
        ("rate", "1e-3", 0.001),
        ("rate", "", None),
        ("start.width", "3", 3),
    ],
)
def test_typed_text_becomes_what_the_field_wants(path: str, raw: str, value: object) -> None:
    node = field_schema(SCHEMA, path, {})
    assert node is not None
    assert parse_raw(node, SCHEMA, raw) == value


def test_an_edit_keeps_comments_and_order() -> None:
    text = "# why\nkind: example  # the kind\nseed: 3\n"
    assert with_value(text, "seed", 4) == "# why\nkind: example  # the kind\nseed: 4\n"


def test_removing_the_last_key_removes_its_group() -> None:
    assert without("kind: a\ndata:\n  dataset: x\n", "data.dataset") == "kind: a\n"


def test_aliases_are_refused_before_anything_is_expanded() -> None:
    bomb = "a: &a [x, x]\nb: [*a, *a]\n"
    with pytest.raises(UnreadableTextError):
        with_value(bomb, "c", 1)


@given(
    st.lists(LETTERS, min_size=1, max_size=3, unique=True),
    st.integers(-(2**53), 2**53) | LETTERS | st.booleans(),
)
def test_a_value_that_was_put_is_read_back(parts: list[str], value: object) -> None:
    node: object = values_of(with_value("kind: example\n", "x." + ".".join(parts), value))["x"]
    for part in parts:
        assert isinstance(node, dict)
        node = node[part]
    assert node == value
