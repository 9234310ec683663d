"""The record of Stage-A, strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.errors import DataError
from mlcore.stage_a.record import parse_stage_a, read_stage_a
from tests.support.tickets import BAD, GOOD, stage_a_line, ticket, write_stage_a


def record(**changes: Any) -> dict[str, Any]:
    return {**stage_a_line(ticket("t1", "pass", GOOD, BAD)), **changes}


def test_a_record_is_written_as_it_was_read() -> None:
    value = record(label_source="audit", label_timestamp="2026-01-01T00:00:00Z")
    assert parse_stage_a(value, "f:1").to_json() == value
    assert parse_stage_a(record(label="PASS"), "f:1").ticket_key == "t1::pass"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "pass"}, "no key 'verdict'"),
        ({"label": "maybe"}, "pass or fail"),
        ({"images": []}, "at least one"),
        ({"images": ["1.jpg", "1.jpg"]}, "twice"),
        ({"per_image": {"image_1": GOOD}}, "image_2 is missing"),
        ({"per_image": {"image_1": GOOD, "image_2": BAD, "image_3": BAD}}, "image_3 is unknown"),
        ({"per_image": {"image_1": GOOD, "image_2": "  "}}, "not blank"),
        ({"group_id": ""}, "not blank"),
    ],
)
def test_a_record_of_another_shape_is_refused_with_its_place(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        parse_stage_a(record(**changes), "f:1")
    assert caught.value.where.startswith("f:1")


def test_a_missing_key_is_named() -> None:
    value = record()
    del value["mission"]
    with pytest.raises(DataError, match="mission is missing"):
        parse_stage_a(value, "f:1")


def test_a_group_may_stand_in_both_labels_but_only_once_in_each(tmp_path: Path) -> None:
    both = [ticket("t1", "pass", GOOD), ticket("t1", "fail", BAD)]
    path = write_stage_a(tmp_path / "stage_a.jsonl", both)
    assert [r.ticket_key for r in read_stage_a(tmp_path)] == ["t1::pass", "t1::fail"]
    write_stage_a(path, [*both, both[0]])
    with pytest.raises(DataError, match="occurs twice"):
        list(read_stage_a(path))


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record()) + "\n{\n", encoding="utf-8")
    with pytest.raises(DataError, match="not JSON") as caught:
        list(read_stage_a(path))
    assert caught.value.where == "a.jsonl:2"
