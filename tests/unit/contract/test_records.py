"""Records: what is accepted, what is refused and by which rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.records import (
    Record,
    SceneObject,
    Where,
    parse_record,
    record_line,
    record_to_json,
)
from mlcore.contract.rules import RULES

HERE = Where("train.jsonl", 7)


def good(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "id": "a",
        "images": ["images/a.jpg"],
        "width": 100,
        "height": 80,
        "coord_space": "pixel",
        "objects": [{"desc": "类别=螺丝", "bbox_2d": [1, 2, 30, 40]}],
        "summary": "类别=螺丝×1",
        "metadata": {"ticket": "t1"},
    }
    return {**value, **changes}


def with_object(**keys: Any) -> dict[str, Any]:
    return good(objects=[{"desc": "螺丝", "bbox_2d": [1, 1, 9, 9]}, keys])


def bins(*numbers: float) -> list[dict[str, Any]]:
    return [{"desc": "x", "bbox_2d": list(numbers)}]


def rules_of(value: object) -> list[str]:
    parsed = parse_record(value, HERE)
    return [] if isinstance(parsed, Record) else [p.rule for p in parsed]


def test_a_good_record_reads_and_writes_back_the_same() -> None:
    parsed = parse_record(good(), HERE)
    assert isinstance(parsed, Record)
    assert record_to_json(parsed) == good()


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ([], "record.type"),
        (good(hight=3), "record.unknown_key"),
        (good(id=""), "record.id"),
        (good(id=3), "record.id"),
        (good(images=[]), "record.images"),
        (good(images="a.jpg"), "record.images"),
        (good(images=["/etc/passwd"]), "record.image_path"),
        (good(images=["images/../../x.jpg"]), "record.image_path"),
        (good(images=["images\\x.jpg"]), "record.image_path"),
        (good(width=0), "record.size"),
        (good(width=True), "record.size"),
        (good(height=70000), "record.size"),
        (good(height=80.0), "record.size"),
        (good(coord_space="percent"), "record.coord_space"),
        (good(coord_space=None), "record.coord_space"),
        (good(coord_space="norm1000", objects=bins(1, 1, 5.5, 9)), "geometry.bin"),
        (good(coord_space="norm1000", objects=bins(1, 1, 5.0, 9)), "geometry.bin"),
        (good(coord_space="norm1000", objects=bins(1, 1, 1000, 9)), "geometry.bounds"),
        (good(coord_space="norm1000", objects=bins(-1, 1, 50, 9)), "geometry.bounds"),
        (good(objects=None), "record.objects"),
        (good(id="a\nb"), "record.id"),
        (good(images=["images/\0.jpg"]), "record.image_path"),
        (good(summary=""), "record.summary"),
        (good(summary=" "), "record.summary"),
        (good(summary="a\u2028b"), "record.summary"),
        (good(summary="a\nb"), "record.summary"),
        (good(metadata=[]), "record.metadata"),
        (good(metadata={"ticket": ""}), "record.ticket"),
        (good(metadata={"ticket": 7}), "record.ticket"),
        (good(objects=[3]), "object.type"),
        (with_object(desc="", bbox_2d=[1, 1, 5, 5]), "object.desc"),
        (with_object(desc="a\nb", bbox_2d=[1, 1, 5, 5]), "object.desc_line"),
        (with_object(desc="a\r", bbox_2d=[1, 1, 5, 5]), "object.desc_line"),
        (with_object(desc="a\tb", bbox_2d=[1, 1, 5, 5]), "object.desc_line"),
        (with_object(bbox_2d=[1, 1, 5, 5]), "object.desc"),
        (with_object(desc="x", bbox_2d=[1, 1, 5, 5], colour=1), "object.unknown_key"),
        (with_object(desc="x"), "object.geometry_missing"),
        (
            with_object(desc="x", bbox_2d=[1, 1, 5, 5], line=[1, 1, 5, 5]),
            "object.geometry_multiple",
        ),
        (with_object(desc="x", bbox_2d="1 1 5 5"), "geometry.type"),
        (with_object(desc="x", bbox_2d=[1, 1, 5, "5"]), "geometry.number"),
        (with_object(desc="x", bbox_2d=[1, 1, 5, True]), "geometry.number"),
        (with_object(desc="x", bbox_2d=[1, 1, 5, float("nan")]), "geometry.number"),
        (with_object(desc="x", bbox_2d=[1, 1, 5]), "geometry.count"),
        (with_object(desc="x", bbox_2d=[1, 1, 5, 5, 6, 6]), "geometry.count"),
        (with_object(desc="x", poly=[1, 1, 5, 5, 6, 1]), "geometry.count"),
        (with_object(desc="x", poly=[1, 1, 5, 1, 5, 5, 1, 5, 3]), "geometry.count"),
        (with_object(desc="x", line=[1, 1]), "geometry.count"),
        (with_object(desc="x", line=[1, 1, 5, 5], line_points=3), "geometry.point_count"),
        (with_object(desc="x", line=[1, 1, 5, 5], line_points=2.0), "geometry.point_count"),
        (with_object(desc="x", line=[1, 1, 5, 5], line_points=None), "geometry.point_count"),
        (with_object(desc="x", line=[1, 1, 5, 5], poly_points=2), "geometry.point_count"),
        (with_object(desc="x", bbox_2d=[1, 1, 5, 5], poly_points=2), "geometry.point_count"),
        (with_object(desc="x", bbox_2d=[1, 1, 5, 10**400]), "geometry.bounds"),
        (with_object(desc="x", bbox_2d=[1, 1, 101, 5]), "geometry.bounds"),
        (with_object(desc="x", line=[1, -1, 10, 5]), "geometry.bounds"),
        (with_object(desc="x", poly=[1, 1, 5, 1, 5, 81, 1, 5]), "geometry.bounds"),
        (with_object(desc="x", bbox_2d=[5, 1, 1, 5]), "geometry.order"),
        (with_object(desc="x", bbox_2d=[5, 1, 5, 5]), "geometry.empty"),
        (with_object(desc="x", poly=[1, 1, 2, 2, 3, 3, 4, 4]), "geometry.empty"),
        (with_object(desc="x", line=[1, 1, 1, 1]), "geometry.empty"),
    ],
)
def test_each_fault_has_its_rule(value: object, rule: str) -> None:
    assert rules_of(value) == [rule]
    assert rule in RULES


def test_a_problem_names_file_line_and_field() -> None:
    parsed = parse_record(with_object(desc="x", bbox_2d=[1, 1, 500, 5]), HERE)
    assert not isinstance(parsed, Record)
    assert (parsed[0].file, parsed[0].line, parsed[0].path) == (
        "train.jsonl",
        7,
        "objects[1].bbox_2d",
    )


def test_all_faults_of_a_record_are_named_at_once() -> None:
    assert rules_of({"id": "", "images": [], "width": -1}) == [
        "record.images",
        "record.size",
        "record.size",
        "record.coord_space",
        "record.objects",
        "record.id",
    ]


def test_a_quad_is_refused_with_a_word_on_poly() -> None:
    parsed = parse_record(with_object(desc="x", quad=[1, 1, 5, 1, 5, 5, 1, 5]), HERE)
    assert not isinstance(parsed, Record)
    assert "poly" in parsed[0].message


def test_a_geometry_may_touch_the_edge_of_its_image() -> None:
    assert rules_of(with_object(desc="x", bbox_2d=[0, 0, 100, 80])) == []


def test_true_point_counts_are_accepted_and_not_kept() -> None:
    value = with_object(desc="x", poly=[1, 1, 9, 1, 9, 9, 1, 9], poly_points=4)
    parsed = parse_record(value, HERE)
    assert isinstance(parsed, Record)
    assert "poly_points" not in record_to_json(parsed)["objects"][1]


def test_a_record_in_bins_may_use_all_of_them_whatever_its_size() -> None:
    parsed = parse_record(good(coord_space="norm1000", objects=bins(0, 0, 999, 999)), HERE)
    assert isinstance(parsed, Record)
    assert record_to_json(parsed)["objects"] == bins(0, 0, 999, 999)


def test_a_point_outside_is_named_among_many() -> None:
    parsed = parse_record(with_object(desc="x", line=[1, 1, 9, 81, 5, 5]), HERE)
    assert not isinstance(parsed, Record)
    assert parsed[0].message == "the point [9, 81] lies outside 0..100 by 0..80"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_json_value_gives_a_record_or_problems(value: object) -> None:
    parsed = parse_record(value, HERE)
    assert isinstance(parsed, Record) or parsed


@given(st.sampled_from(sorted(good())), JSON)
def test_any_value_in_any_field_gives_a_record_or_known_problems(key: str, value: object) -> None:
    parsed = parse_record(good(**{key: value}), HERE)
    if isinstance(parsed, list):
        assert parsed
        assert {p.rule for p in parsed} <= set(RULES)


@st.composite
def records(draw: st.DrawFn) -> Record:
    xs = draw(st.lists(st.integers(0, 49), min_size=4, max_size=4))
    left, top = xs[0], xs[1]
    box = (left, top, left + 1 + xs[2], top + 1 + xs[3])
    corners = (box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3])
    shapes = {"bbox_2d": box, "line": box, "poly": corners}
    kinds = draw(st.lists(st.sampled_from(["bbox_2d", "poly", "line"]), max_size=5))
    words = st.text(st.characters(categories=("L", "N", "P")), min_size=1)
    objects = tuple(SceneObject(draw(words), k, shapes[k]) for k in kinds)  # type: ignore[arg-type]
    summary = draw(st.none() | words)
    return Record(draw(words), ("images/a.jpg",), 100, 100, "pixel", objects, summary)


@given(records())
def test_a_written_record_reads_back_equal(record: Record) -> None:
    line = record_line(record)
    assert "\n" not in line
    assert parse_record(json.loads(line), HERE) == record
