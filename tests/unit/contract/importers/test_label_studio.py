"""Importing Label Studio: percent, rotation, separate labels, pictures by reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.contract.reader import open_dataset
from mlcore.contract.validate import require_valid
from mlcore.errors import DataError
from tests.support.foreign import bring, put_picture

SIZE = {"original_width": 64, "original_height": 48, "image_rotation": 0}


def rectangle(**changes: Any) -> dict[str, Any]:
    """RBC at 16, 12, 32, 24."""
    value = {"x": 25, "y": 25, "width": 25, "height": 25, "rotation": 0}
    return {
        "type": "rectanglelabels",
        "from_name": "label",
        "id": "r1",
        "value": {**value, "rectanglelabels": ["RBC"], **changes},
        **SIZE,
    }


def shape(type_: str, value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": type_, "id": "s1", "from_name": "label", "value": value, **SIZE, **changes}


def task(*results: dict[str, Any], image: str = "p0.jpg", **changes: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "data": {"image": image},
        "annotations": [{"id": 1, "result": list(results), "was_cancelled": False}],
        **changes,
    }


def put_tasks(root: Path, *tasks: Any) -> None:
    for number in range(3):
        put_picture(root / f"p{number}.jpg", number)
    (root / "export.json").write_text(json.dumps(list(tasks)))


def test_percent_becomes_pixels(tmp_path: Path) -> None:
    polygon = {"points": [[0, 0], [50, 0], [50, 100], [0, 100]], "polygonlabels": ["WBC"]}
    vector = {
        "vertices": [{"x": 10, "y": 10}, {"x": 60, "y": 50}],
        "closed": False,
        "vectorlabels": ["WBC"],
    }
    rows = [rectangle(), shape("polygonlabels", polygon)]
    put_tasks(tmp_path / "s", task(*rows, shape("vectorlabels", vector, id="v")))
    records, rejects, _ = bring(tmp_path / "s", "label_studio")
    assert rejects == []
    assert [(o.desc, o.kind, o.points) for o in records["p0"].objects] == [
        ("RBC", "bbox_2d", (16, 12, 32, 24)),
        ("WBC", "poly", (0, 0, 32, 0, 32, 48, 0, 48)),
        ("WBC", "line", (6.4, 4.8, 38.4, 24)),
    ]
    assert require_valid(open_dataset(tmp_path / "out"), 0).valid == 1


def test_a_turned_rectangle_is_a_polygon_about_its_top_left_corner(tmp_path: Path) -> None:
    put_tasks(tmp_path / "s", task(rectangle(rotation=90)))
    (turned,) = bring(tmp_path / "s", "label_studio", points="as_drawn")[0]["p0"].objects
    assert (turned.kind, turned.points) == ("poly", (16, 12, 16, 28, 4, 28, 4, 12))


def test_results_of_one_region_are_one_object(tmp_path: Path) -> None:
    plain = {**rectangle(), "type": "rectangle"}
    plain["value"] = {k: v for k, v in plain["value"].items() if k != "rectanglelabels"}
    label = shape("labels", {"labels": ["RBC"]}, id="r1")
    choice = shape("choices", {"choices": ["不符合"]}, id="r1", from_name="符合性")
    note = shape("textarea", {"text": ["a", "b"]}, id="r1", from_name="备注")
    whole = {"type": "choices", "from_name": "quality", "value": {"choices": ["blurred"]}}
    put_tasks(tmp_path / "s", task(plain, label, choice, note, whole))
    record = bring(tmp_path / "s", "label_studio")[0]["p0"]
    assert [o.desc for o in record.objects] == ["类别=RBC,符合性=不符合,备注=a b"]
    assert record.metadata["choices"] == {"quality": ["blurred"]}


@pytest.mark.parametrize(
    "image",
    [
        "p0.jpg",
        "/data/upload/3/0123abcd-p0.jpg",
        "/data/local-files/?d=p0.jpg",
        "/data/local-files/?d=far%2Faway%2Fp0.jpg",
        "s3://bucket/x/p0.jpg",
        "https://host.example/x/p0.jpg?token=1",
    ],
)
def test_a_picture_is_found_by_the_end_of_its_reference(tmp_path: Path, image: str) -> None:
    put_tasks(tmp_path / "s", task(rectangle(), image=image))
    assert list(bring(tmp_path / "s", "label_studio")[0]) == ["p0"]


BEZIER = {"vertices": [{"x": 1, "y": 1, "isBezier": True}], "vectorlabels": ["RBC"]}


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (shape("brushlabels", {"brushlabels": ["RBC"], "labels": ["RBC"]}), "label_studio.shape"),
        (shape("keypointlabels", {"labels": ["RBC"]}), "label_studio.shape"),
        (shape("ellipselabels", {"labels": ["RBC"]}), "label_studio.shape"),
        (shape("vectorlabels", BEZIER), "label_studio.shape"),
        ({**rectangle(), "id": "x", "image_rotation": 90}, "label_studio.rotation"),
        ({**rectangle(rectanglelabels=[]), "id": "x"}, "source.label"),
        ({**rectangle(rectanglelabels=["A", "B"]), "id": "x"}, "source.label"),
        ({**rectangle(x="1"), "id": "x"}, "source.geometry"),
        ({**rectangle(width=0), "id": "x"}, "geometry.empty"),
        ({**rectangle(x=90), "id": "x"}, "geometry.bounds"),
        (shape("polygonlabels", {"points": [1], "labels": ["RBC"]}), "source.geometry"),
        (shape("polygonlabels", {"points": [[1, 1]], "labels": ["RBC"]}), "geometry.count"),
        ({"type": "rectanglelabels", "value": {"labels": ["RBC"]}}, "source.size"),
    ],
)
def test_a_bad_region_is_rejected_by_its_place(
    tmp_path: Path, row: dict[str, Any], rule: str
) -> None:
    put_tasks(tmp_path / "s", task(rectangle(), row))
    records, rejects, _ = bring(tmp_path / "s", "label_studio")
    assert len(records["p0"].objects) == 1
    assert [(r["path"], r["rule"]) for r in rejects] == [("[0].annotations[0].result[1]", rule)]


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (task(rectangle(), image="gone.jpg"), "source.image"),
        (task(rectangle(), image="../p0.jpg.."), "source.image"),
        (task(rectangle(), data={}), "source.image"),
        (task(annotations=[]), "source.annotation"),
        (task(annotations=[{"result": [], "was_cancelled": True}]), "source.annotation"),
        (task({**rectangle(), "original_width": 128}), "image.size"),
        (task(rectangle(), {**rectangle(), "id": "b", "original_width": 9}), "source.size"),
    ],
)
def test_a_task_that_is_no_labelled_picture_is_rejected(
    tmp_path: Path, made: dict[str, Any], rule: str
) -> None:
    put_tasks(tmp_path / "s", task(rectangle(), image="p1.jpg"), made)
    records, rejects, _ = bring(tmp_path / "s", "label_studio")
    assert list(records) == ["p1"]
    assert [(r["path"], r["rule"]) for r in rejects] == [("[1]", rule)]


def test_of_several_annotations_the_config_says_which_counts(tmp_path: Path) -> None:
    rows = [{"result": [rectangle()]}, {"result": [rectangle(rectanglelabels=["WBC"])]}]
    put_tasks(tmp_path / "s", task(annotations=rows), task(rectangle(), image="p1.jpg"))
    _, rejects, _ = bring(tmp_path / "s", "label_studio")
    assert [r["rule"] for r in rejects] == ["label_studio.several"]
    for choice, desc in (("first", "RBC"), ("last", "WBC")):
        options = {"type": "label_studio", "several": choice}
        records, _, _ = bring(tmp_path / "s", options, tmp_path / choice)
        assert [o.desc for o in records["p0"].objects] == [desc]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "no list of tasks"),
        ("[3]", "no list of tasks"),
        ('[{"image": "x", "label": []}]', "JSON-MIN"),
        ("[", "not JSON"),
    ],
)
def test_a_file_that_is_no_export_stops_the_import(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError) as caught:
        bring(tmp_path, "label_studio", tmp_path / "out")
    assert message in caught.value.message + caught.value.hint


def test_the_export_must_be_the_only_file_or_be_named(tmp_path: Path) -> None:
    put_tasks(tmp_path / "s", task(rectangle()))
    (tmp_path / "s" / "other.json").write_text("[]")
    with pytest.raises(DataError, match="2 JSON files"):
        bring(tmp_path / "s", "label_studio")
    options = {"type": "label_studio", "file": "export.json"}
    assert list(bring(tmp_path / "s", options)[0]) == ["p0"]
