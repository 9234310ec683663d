from __future__ import annotations

import pytest

from mlcore.contract.records import Record, SceneObject
from mlcore.coordjson import parse_strict
from mlcore.errors import DataError
from mlcore.predict.constant import constant_dense, constant_summary, most_frequent


def record(*objects: tuple[str, tuple[float, ...]], summary: str | None = None) -> Record:
    return Record(
        id="r", images=("r.png",), width=1000, height=1000, coord_space="pixel",
        objects=tuple(
            SceneObject(desc, "bbox_2d" if len(points) == 4 else "poly", points)
            for desc, points in objects
        ),
        summary=summary,
    )


def test_each_class_has_its_most_frequent_count_and_words() -> None:
    records = [
        record(("类别=A,是否=是", (0, 0, 100, 100)), ("类别=A,是否=是", (500, 0, 600, 100))),
        record(("类别=A,是否=否", (0, 0, 100, 100)), ("类别=A,是否=是", (500, 0, 600, 100))),
        record(("类别=A,是否=是", (0, 0, 100, 100)), ("类别=B", (0, 0, 9, 9))),
    ]
    found = parse_strict(constant_dense(records))
    assert [item.desc for item in found] == ["类别=A,是否=是"] * 2


def test_places_are_the_mean_of_each_rank() -> None:
    records = [
        record(("RBC", (0, 0, 100, 100)), ("RBC", (600, 0, 700, 100))),
        record(("RBC", (100, 0, 200, 100)), ("RBC", (800, 0, 900, 100))),
    ]
    found = parse_strict(constant_dense(records))
    assert [item.bins for item in found] == [(50, 0, 150, 100), (700, 0, 800, 100)]


def test_a_class_that_most_images_lack_is_left_out() -> None:
    empty = record()
    assert parse_strict(constant_dense([empty, empty, record(("RBC", (0, 0, 9, 9)))])) == []


def test_geometries_of_another_shape_do_not_disturb_the_mean() -> None:
    polygon = ("RBC", (0.0, 0.0, 100.0, 0.0, 100.0, 100.0, 0.0, 100.0))
    box = ("RBC", (200.0, 200.0, 300.0, 300.0))
    found = parse_strict(constant_dense([record(box), record(box), record(polygon)]))
    assert [(item.kind, item.bins) for item in found] == [("bbox_2d", (200, 200, 300, 300))]


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
