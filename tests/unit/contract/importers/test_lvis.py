"""Importing LVIS: absent and partial classes, pictures by address, the cap of points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.foreign import bring, coco_object, put_picture


def put_lvis(root: Path, objects: list[dict[str, Any]], **image: Any) -> None:
    put_picture(root / "train2017" / "000000000009.jpg")
    content = {
        "images": [
            {
                "id": 9,
                "width": 64,
                "height": 48,
                "coco_url": "http://images.example/train2017/000000000009.jpg",
                **image,
            }
        ],
        "annotations": objects,
        "categories": [
            {"id": 7, "name": "RBC"},
            {"id": 2, "name": "WBC"},
            {"id": 5, "name": "platelet"},
        ],
    }
    (root / "lvis_v1_train.json").write_text(json.dumps(content))


def test_classes_known_to_be_absent_or_partial_are_kept_by_name(tmp_path: Path) -> None:
    put_lvis(
        tmp_path / "s",
        [coco_object(9)],
        neg_category_ids=[5, 2],
        not_exhaustive_category_ids=[7, 99],
    )
    record = bring(tmp_path / "s", "lvis")[0]["000000000009"]
    assert record.metadata["negative_classes"] == ["WBC", "platelet"]
    assert record.metadata["not_exhaustive_classes"] == ["RBC"]


def test_outlines_over_the_cap_become_boxes_and_are_counted(tmp_path: Path) -> None:
    small = [4, 5, 20, 5, 20, 30, 4, 30]
    large = [v for i in range(13) for v in (30 + i, 10 + (i * i) % 20)]
    objects = [
        coco_object(9, segmentation=[small]),
        coco_object(9, segmentation=[large], bbox=[30, 10, 12, 20]),
    ]
    put_lvis(tmp_path / "s", objects)
    records, _, report = bring(tmp_path / "s", "lvis")
    assert sorted(o.kind for o in records["000000000009"].objects) == ["bbox_2d", "poly"]
    assert report["import"]["changed_objects"] == {"polygon_over_cap_to_box": 1}
    records, _, report = bring(
        tmp_path / "s", {"type": "lvis", "max_polygon_points": 0}, tmp_path / "b"
    )
    assert [o.kind for o in records["000000000009"].objects] == ["poly", "poly"]
    assert report["import"]["changed_objects"] == {}


def test_a_file_name_counts_before_the_address(tmp_path: Path) -> None:
    put_picture(tmp_path / "s" / "own.jpg", 5)
    put_lvis(tmp_path / "s", [coco_object(9)], file_name="own.jpg")
    assert list(bring(tmp_path / "s", "lvis")[0]) == ["own"]
