"""The quality report: counts, shares, leakage, near-duplicates; the same from memory and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.contract.quality import ImageFacts, QualityReport, image_facts, report_of
from mlcore.contract.records import Record, SceneObject
from mlcore.errors import DataError
from tests.support.datasets import encoded, picture, write_dataset
from tests.support.foreign import bring, coco_object, put_coco


def record(name: str, *descs: str, ticket: str = "") -> Record:
    objects = tuple(SceneObject(d, "bbox_2d", (0, 0, 10 + i, 10)) for i, d in enumerate(descs))
    metadata = {"ticket": ticket} if ticket else {}
    return Record(name, (f"images/{name}.jpg",), 100, 50, "pixel", objects, None, metadata)


def facts(**dhashes: int) -> dict[str, ImageFacts]:
    """Facts by id; pictures with equal hashes are equal."""
    return {f"images/{n}.jpg": ImageFacts(f"{d:064x}", d) for n, d in dhashes.items()}


def made(*added: tuple[str, Record], **dhashes: int) -> dict[str, Any]:
    report = QualityReport()
    for split, one in added:
        report.add(split, one)
    return report.to_json(facts(**dhashes))


GOOD, BAD = "类别=螺丝,符合性=符合", "类别=螺丝,符合性=不符合,问题=未拧紧|露铜"


def test_classes_attributes_and_negatives_have_their_prevalence() -> None:
    a = record("a", GOOD, BAD, "类别=标签,文本=x")
    report = made(("train", a), ("val", record("b", GOOD)), a=0, b=2**63 - 1)
    assert (report["images"], report["objects"]) == (2, 4)
    assert report["splits"] == {
        "train": {"images": 1, "objects": 3},
        "val": {"images": 1, "objects": 1},
    }
    first = report["classes"][0]
    assert first == {
        "name": "螺丝",
        "objects": 3,
        "images": 2,
        "share_of_objects": 0.75,
        "share_of_images": 1.0,
    }
    rows = {(row["class"], row["key"]): row["values"] for row in report["attributes"]}
    assert rows["螺丝", "符合性"] == [
        {"value": "符合", "objects": 2, "share": 2 / 3},
        {"value": "不符合", "objects": 1, "share": 1 / 3},
    ]
    assert [row["value"] for row in rows["螺丝", "问题"]] == ["未拧紧", "露铜"]
    assert ("标签", "文本") not in rows
    assert report["negatives"] == {
        "objects": 1,
        "images": 1,
        "by_class": [{"class": "螺丝", "objects": 3, "negative": 1, "share": 1 / 3}],
    }


def test_a_class_without_any_negative_still_has_its_row() -> None:
    report = made(("train", record("a", GOOD)), a=0)
    assert report["negatives"]["by_class"] == [
        {"class": "螺丝", "objects": 1, "negative": 0, "share": 0.0}
    ]


def test_equal_pictures_and_tickets_in_two_splits_leak() -> None:
    report = made(
        ("train", record("a", ticket="t1")),
        ("val", record("b", ticket="t1")),
        ("val", record("c", ticket="t2")),
        ("val", record("d", ticket="t2")),
        a=7,
        b=7,
        c=2**40 - 1,
        d=2**40 - 1,
    )
    (leak,) = report["leakage"]["images"]
    assert [(i["split"], i["id"]) for i in leak["images"]] == [("train", "a"), ("val", "b")]
    assert report["leakage"]["tickets"] == [{"ticket": "t1", "splits": ["train", "val"]}]


def test_near_duplicates_across_splits_come_first() -> None:
    report = made(
        ("train", record("a")),
        ("train", record("b")),
        ("train", record("c")),
        ("val", record("d")),
        ("val", record("e")),
        a=0,
        b=1,
        c=2**60 - 1,
        d=2**60 - 4,
        e=0xAAAA_AAAA_AAAA_AAAA,
    )
    near = report["near_duplicates"]
    assert (near["method"], near["max_distance"], near["total_groups"]) == ("dhash64", 4, 2)
    assert [(g["across_splits"], [i["id"] for i in g["images"]]) for g in near["groups"]] == [
        (True, ["c", "d"]),
        (False, ["a", "b"]),
    ]
    assert [i["distance"] for i in near["groups"][0]["images"]] == [2, 2]


def test_a_report_of_nothing_is_still_a_report() -> None:
    report = made()
    assert (report["images"], report["objects"], report["classes"]) == (0, 0, [])


def test_the_report_of_an_import_is_the_report_of_its_folder(tmp_path: Path) -> None:
    put_coco(tmp_path / "s", [coco_object(0), coco_object(1, bbox=[1, 1, 0, 3])], images=8)
    _, _, report = bring(tmp_path / "s", "coco")
    assert report["schema"] == "dataset_report/2"
    assert report["rejects"] == {"total": 1, "by_rule": {"geometry.empty": 1}}
    assert report_of(tmp_path / "out") == report


def test_pictures_without_a_list_are_hashed_anew(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    before = image_facts(tmp_path, ["images/r0.jpg"])
    (tmp_path / "images.jsonl").unlink(missing_ok=True)
    assert image_facts(tmp_path, ["images/r0.jpg"]) == before


@pytest.mark.parametrize("data", [None, b"", b"not a picture"])
def test_a_picture_that_is_not_there_or_none_is_named(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(DataError, match=r"a\.jpg"):
        image_facts(tmp_path, ["a.jpg"])


def test_a_copied_picture_in_another_split_is_found_in_the_folder(tmp_path: Path) -> None:
    write_dataset(tmp_path, train=2, val=1)
    (tmp_path / "images.jsonl").unlink(missing_ok=True)
    (tmp_path / "images" / "r2.jpg").write_bytes(encoded(picture(0)))
    report = report_of(tmp_path)
    assert [i["id"] for i in report["leakage"]["images"][0]["images"]] == ["r0", "r2"]
    assert json.loads(json.dumps(report)) == report
