from __future__ import annotations

import pytest

from mlcore.contract.records import Record, SceneObject
from mlcore.coordjson import parse_strict
from mlcore.errors import DataError
from mlcore.predict.constant import constant_dense, constant_summary, most_frequent

LEFT = (0.0, 0.0, 100.0, 100.0)
RIGHT = (600.0, 0.0, 700.0, 100.0)


def record(*boxes: tuple[float, ...], summary: str | None = None) -> Record:
    return Record(
        id="r",
        images=("r.png",),
        width=1000,
        height=1000,
        coord_space="pixel",
        objects=tuple(SceneObject("RBC", "bbox_2d", points) for points in boxes),
        summary=summary,
    )


def test_the_answer_that_fits_most_images_is_chosen() -> None:
    records = [
        record(RIGHT),
        record(LEFT),
        record(LEFT, RIGHT),
        record(LEFT),
        record(LEFT),
        record(LEFT),
    ]
    found = parse_strict(constant_dense(records))
    assert [item.bins for item in found] == [(0, 0, 100, 100)]


def test_it_is_a_real_answer_and_not_a_blend() -> None:
    records = [record(LEFT), record(RIGHT)]
    found = parse_strict(constant_dense(records))
    assert [item.bins for item in found] == [(0, 0, 100, 100)]


def test_nothing_to_find_is_answered_with_nothing() -> None:
    assert parse_strict(constant_dense([record(), record()])) == []


def test_the_most_frequent_summary_wins() -> None:
    records = [record(summary=text) for text in ("a", "b", "b", None)]
    assert constant_summary(records) == "b"


def test_a_draw_is_settled_the_same_way_whatever_the_order() -> None:
    assert most_frequent(["b", "a"]) == most_frequent(["a", "b"]) == "a"


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(DataError):
        constant_dense([])
    with pytest.raises(DataError, match="no record"):
        constant_summary([record()])
