"""Importing COCO: boxes, outlines, masks, and everything that a file may have wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlcore.contract.importers.masks import encode_rle
from mlcore.contract.reader import open_dataset
from mlcore.contract.validate import require_valid
from mlcore.errors import DataError
from tests.support.foreign import bring, coco_image, coco_object, put_coco, put_picture

POLY = {"type": "coco", "geometry": "poly"}


def test_boxes_are_kept_with_their_category_and_counted(tmp_path: Path) -> None:
    put_coco(tmp_path / "s", [coco_object(0), coco_object(0, category_id=2, bbox=[1, 2, 3, 4])])
    records, rejects, report = bring(tmp_path / "s", "coco")
    assert [(o.desc, o.kind, o.points) for o in records["p0"].objects] == [
        ("RBC", "bbox_2d", (4, 5, 20, 30)),
        ("WBC", "bbox_2d", (1, 2, 4, 6)),
    ]
    assert records["p1"].objects == ()
    assert rejects == []
    assert report["import"]["objects"]["kept"] == 2
    assert require_valid(open_dataset(tmp_path / "out"), 0).valid == 2


def test_the_order_of_the_categories_is_the_order_of_the_classes(tmp_path: Path) -> None:
    put_coco(tmp_path / "s", [coco_object(0), coco_object(1, category_id=2)])
    bring(tmp_path / "s", "coco")
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert manifest["class_order"] == ["RBC", "WBC"]


def test_an_outline_becomes_a_polygon_where_it_is_wanted(tmp_path: Path) -> None:
    ring = [4, 5, 20, 5, 20, 30, 4, 30, 4, 5]
    put_coco(tmp_path / "s", [coco_object(0, segmentation=[ring])])
    assert bring(tmp_path / "s", "coco")[0]["p0"].objects[0].kind == "bbox_2d"
    records, _, report = bring(tmp_path / "s", POLY, tmp_path / "poly")
    assert records["p0"].objects[0].points == (4, 5, 20, 5, 20, 30, 4, 30)
    assert report["import"]["changed_objects"] == {}


@pytest.mark.parametrize(
    ("segmentation", "change", "kind"),
    [
        ([[4, 5, 20, 5, 20, 30]], "triangle_to_four_points", "poly"),
        (
            [[4, 5, 9, 5, 9, 9, 4, 9], [10, 10, 20, 10, 20, 30]],
            "polygon_in_pieces_to_box",
            "bbox_2d",
        ),
    ],
)
def test_an_outline_that_cannot_stay_as_it_is_is_counted(
    tmp_path: Path, segmentation: Any, change: str, kind: str
) -> None:
    put_coco(tmp_path / "s", [coco_object(0, segmentation=segmentation)])
    records, _, report = bring(tmp_path / "s", POLY)
    assert records["p0"].objects[0].kind == kind
    assert report["import"]["changed_objects"] == {change: 1}


def test_an_outline_over_the_cap_becomes_its_stated_box(tmp_path: Path) -> None:
    ring = [4, 5, 12, 5, 20, 5, 20, 30, 4, 30]
    put_coco(tmp_path / "s", [coco_object(0, segmentation=[ring])])
    records, _, report = bring(tmp_path / "s", {**POLY, "max_polygon_points": 4})
    assert records["p0"].objects[0].points == (4, 5, 20, 30)
    assert report["import"]["changed_objects"] == {"polygon_over_cap_to_box": 1}


def test_a_mask_becomes_its_outline(tmp_path: Path) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[5:30, 4:20] = 1
    rle = {"size": [48, 64], "counts": encode_rle(mask)}
    put_coco(tmp_path / "s", [coco_object(0, segmentation=rle)])
    records, _, report = bring(tmp_path / "s", POLY)
    xs, ys = records["p0"].objects[0].points[0::2], records["p0"].objects[0].points[1::2]
    assert (min(xs), min(ys), max(xs), max(ys)) == (4, 5, 20, 30)
    assert report["import"]["changed_objects"] == {"mask_to_polygon": 1}


def test_attributes_become_part_of_the_description(tmp_path: Path) -> None:
    attributes = {"符合性": "不符合", "occluded": False, "备注": "a,b", "empty": ""}
    put_coco(tmp_path / "s", [coco_object(0, attributes=attributes)])
    desc = bring(tmp_path / "s", "coco")[0]["p0"].objects[0].desc
    assert desc == "类别=RBC,符合性=不符合,occluded=false,备注=a，b"


def test_crowds_are_left_out_and_counted_or_rejected(tmp_path: Path) -> None:
    put_coco(tmp_path / "s", [coco_object(0), coco_object(0, iscrowd=1)])
    _, rejects, report = bring(tmp_path / "s", "coco")
    assert rejects == []
    assert report["import"]["left_out_objects"] == {"crowds": 1}
    _, rejects, _ = bring(tmp_path / "s", {"type": "coco", "crowds": "reject"}, tmp_path / "b")
    assert [row["rule"] for row in rejects] == ["coco.crowd"]


@pytest.mark.parametrize(
    ("changes", "path", "rule"),
    [
        ({"bbox": [4, 5, 0, 25]}, "annotations[1].bbox", "geometry.empty"),
        ({"bbox": [4, 5, -3, 25]}, "annotations[1].bbox", "geometry.order"),
        ({"bbox": [4, 5, 61, 25]}, "annotations[1].bbox", "geometry.bounds"),
        ({"bbox": [4, 5, 9]}, "annotations[1]", "source.geometry"),
        ({"bbox": [4, 5, "9", 3]}, "annotations[1]", "source.geometry"),
        ({"category_id": 99}, "annotations[1]", "source.label"),
        ({"category_id": [1]}, "annotations[1]", "source.label"),
        ({"image_id": 99}, "annotations[1]", "source.annotation"),
        ({"image_id": None}, "annotations[1]", "source.annotation"),
        ({}, "annotations[1].bbox", "source.duplicate"),
    ],
)
def test_a_bad_annotation_is_rejected_by_its_place_and_the_rest_is_kept(
    tmp_path: Path, changes: dict[str, Any], path: str, rule: str
) -> None:
    put_coco(tmp_path / "s", [coco_object(0), coco_object(0, **changes)])
    records, rejects, report = bring(tmp_path / "s", "coco")
    assert len(records["p0"].objects) == 1
    assert [(r["file"], r["path"], r["rule"]) for r in rejects] == [("all.json", path, rule)]
    counts = report["import"]["objects"]
    assert (counts["seen"], counts["kept"], counts["rejected"]) == (2, 1, 1)


@pytest.mark.parametrize(
    "segmentation",
    [
        [[4, 5, 9, 5]],
        [[4, 5, 9, 5, 9, 9, 4]],
        "mask",
        [["a"] * 8],
        {"size": [48, 64], "counts": [5]},
        {"size": [48, 64], "counts": "\x00"},
        {"size": [10**6, 10**6], "counts": []},
        {"counts": [48 * 64]},
    ],
)
def test_a_broken_outline_is_rejected(tmp_path: Path, segmentation: Any) -> None:
    put_coco(tmp_path / "s", [coco_object(0, segmentation=segmentation)])
    _, rejects, _ = bring(tmp_path / "s", POLY)
    assert [(r["path"], r["rule"]) for r in rejects] == [("annotations[0]", "source.geometry")]


def test_a_picture_that_is_not_there_or_of_another_size_is_rejected(tmp_path: Path) -> None:
    put_coco(tmp_path / "s", [coco_object(1), coco_object(2)], images=1)
    content = json.loads((tmp_path / "s" / "all.json").read_text())
    content["images"] += [coco_image(1), coco_image(2, width=99), {"id": 3}]
    content["images"].append(coco_image(4, file_name="../p0.jpg"))
    put_picture(tmp_path / "s" / "p2.jpg", 2)
    (tmp_path / "s" / "all.json").write_text(json.dumps(content))
    records, rejects, report = bring(tmp_path / "s", "coco")
    assert sorted(records) == ["p0"]
    assert [(r["path"], r["rule"]) for r in rejects] == [
        ("images[3]", "source.image"),
        ("images[1]", "source.image"),
        ("images[2]", "image.size"),
        ("images[4]", "source.image"),
    ]
    assert report["import"]["objects"]["lost_with_image"] == 2


def test_the_names_of_the_files_tell_the_splits(tmp_path: Path) -> None:
    root = tmp_path / "s"
    for split, number in (("train2017", 1), ("val2017", 2)):
        content = {"images": [coco_image(number)], "annotations": [], "categories": []}
        put_picture(root / "images" / split / f"p{number}.jpg", number)
        path = root / "annotations" / f"instances_{split}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    (root / "annotations" / "captions.json").write_text("[]")
    bring(root, "coco")
    dataset = open_dataset(tmp_path / "out")
    assert {s: [r.id for r in dataset.split(s)] for s in dataset.splits} == {
        "train": ["p1"],
        "val": ["p2"],
    }


def test_files_that_do_not_tell_their_split_must_be_named(tmp_path: Path) -> None:
    put_coco(tmp_path / "s", [], file="train.json")
    put_coco(tmp_path / "s", [], file="more.json")
    with pytest.raises(DataError, match=r"which split is more\.json"):
        bring(tmp_path / "s", "coco")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"images": [], "annotations": {}, "categories": []}', "no list of annotations"),
        ('{"images": [], "annotations": [], "categories": [{}]}', "no id and name"),
        ('{"images": [], "annotations": [], "categories": []}', "no picture"),
        ('{"images": NaN, "annotations": []}', "NaN"),
    ],
)
def test_a_file_that_is_no_coco_stops_the_import(tmp_path: Path, text: str, message: str) -> None:
    root = tmp_path / "s"
    root.mkdir()
    (root / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        bring(root, "coco")


def test_a_folder_without_annotations_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no COCO file"):
        bring(tmp_path, "coco", tmp_path / "out")
