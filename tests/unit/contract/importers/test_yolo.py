"""Importing YOLO: boxes and polygons in shares, names, splits, and bad lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.contract.reader import open_dataset
from mlcore.contract.validate import require_valid
from mlcore.errors import DataError
from tests.support.datasets import encoded, picture
from tests.support.foreign import bring, put_picture, put_yolo

BOX = "0 0.1875 0.364583333 0.25 0.520833333\n"


def test_boxes_and_polygons_are_kept_in_pixels(tmp_path: Path) -> None:
    poly = "1 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n"
    put_yolo(tmp_path / "s", {"train/a": BOX + poly, "val/b": ""})
    records, rejects, _ = bring(tmp_path / "s", "yolo")
    assert [(o.desc, o.kind, o.points) for o in records["a"].objects] == [
        ("RBC", "bbox_2d", (4, 5, 20, 30)),
        ("WBC", "poly", (16, 12, 32, 12, 32, 36, 16, 36)),
    ]
    assert records["b"].objects == ()
    assert rejects == []
    dataset = open_dataset(tmp_path / "out")
    assert dataset.splits == ["train", "val"]
    assert require_valid(dataset, 0).valid == 2


def test_a_box_that_touches_the_edge_stays_inside_despite_rounding(tmp_path: Path) -> None:
    put_yolo(tmp_path / "s", {"train/a": "0 0.0833333 0.5 0.1666667 1\n", "val/b": ""})
    records, rejects, _ = bring(tmp_path / "s", "yolo")
    assert rejects == []
    assert records["a"].objects[0].points == (0, 0, 10.67, 48)


@pytest.mark.parametrize(
    "names",
    ["names: [RBC, WBC]\n", "names:\n  0: RBC\n  1: WBC\n", "names:\n  '1': WBC\n  '0': RBC\n"],
)
def test_names_are_a_list_or_numbered(tmp_path: Path, names: str) -> None:
    put_yolo(tmp_path / "s", {"train/a": BOX.replace("0", "1", 1), "val/b": ""}, names)
    assert bring(tmp_path / "s", "yolo")[0]["a"].objects[0].desc == "WBC"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("0 0.5 0.5 0.2", "source.geometry"),
        ("0 0.5 0.5 0.2 0.2 0.9", "source.geometry"),
        ("0 0.5 nan 0.2 0.2", "source.geometry"),
        ("0 a b c d", "source.geometry"),
        ("2 0.5 0.5 0.2 0.2", "source.label"),
        ("-1 0.5 0.5 0.2 0.2", "source.label"),
        ("0.5 0.5 0.5 0.2 0.2", "source.label"),
        ("0 0.5 0.5 0 0.2", "geometry.empty"),
        ("0 0.5 0.5 1.2 0.2", "geometry.bounds"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4 0.4", "geometry.empty"),
        (BOX.strip(), "source.duplicate"),
    ],
)
def test_a_bad_line_is_rejected_by_its_number(tmp_path: Path, line: str, rule: str) -> None:
    put_yolo(tmp_path / "s", {"train/a": f"{BOX}\n{line}\n", "val/b": ""})
    records, rejects, _ = bring(tmp_path / "s", "yolo")
    assert len(records["a"].objects) == 1
    assert [(r["file"], r["line"], r["rule"]) for r in rejects] == [("labels/train/a.txt", 3, rule)]


def test_a_list_of_pictures_names_a_split(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put_yolo(root, {"train/a": BOX, "train/b": BOX, "val/c": BOX})
    (root / "few.txt").write_text("./images/train/b.jpg\n")
    (root / "data.yaml").write_text("names: [RBC]\ntrain: few.txt\nval: ../images/val\n")
    records, _, _ = bring(root, "yolo")
    assert sorted(records) == ["b", "c"]


def test_classes_beside_images_are_enough(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put_yolo(root, {"x/a": BOX, "x/b": BOX})
    (root / "data.yaml").unlink()
    (root / "classes.txt").write_text("RBC\nWBC\n")
    (root / "images" / "x" / "a.jpg").rename(root / "images" / "a.jpg")
    (root / "images" / "x" / "b.jpg").rename(root / "images" / "b.jpg")
    (root / "labels" / "x" / "a.txt").rename(root / "labels" / "a.txt")
    records, _, _ = bring(root, "yolo")
    assert [len(records[name].objects) for name in ("a", "b")] == [1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("train: images/train\n", "no names"),
        ("names: []\ntrain: images/train\n", "no names"),
        ("names: {0: a, 2: b}\ntrain: images/train\n", "without gaps"),
        ("names: [a, '']\ntrain: images/train\n", "empty name"),
        ("names: [a]\n", "no picture in train"),
        ("names: [a]\ntrain: images/gone\n", "images/gone"),
        ("names: [a]\ntrain: ../../etc\n", "etc"),
        ("names: [a]\ntrain: images/train\nval: images\n", "in train and in val"),
        ("names: &a [a]\ntrain: images/train\n", "anchors"),
        ("names: [", "not usable"),
    ],
)
def test_a_data_file_that_cannot_be_used_stops_the_import(
    tmp_path: Path, content: str, message: str
) -> None:
    put_yolo(tmp_path / "s", {"train/a": BOX})
    (tmp_path / "s" / "data.yaml").write_text(content)
    with pytest.raises(DataError, match=message):
        bring(tmp_path / "s", "yolo")


def test_a_rotated_picture_without_a_stated_size_needs_a_word_from_the_config(
    tmp_path: Path,
) -> None:
    put_yolo(tmp_path / "s", {"train/a": BOX, "train/b": BOX})
    turned = encoded(picture(5), orientation=6)
    (tmp_path / "s" / "images" / "train" / "a.jpg").write_bytes(turned)
    _, rejects, _ = bring(tmp_path / "s", "yolo")
    assert [r["rule"] for r in rejects] == ["image.orientation"]
    records, _, _ = bring(tmp_path / "s", "yolo", tmp_path / "up", exif_boxes="upright")
    assert records["a"].objects[0].points == (3, 6.67, 15, 40)


def test_pictures_of_one_name_in_two_folders_keep_ids_of_their_own(tmp_path: Path) -> None:
    put_yolo(tmp_path / "s", {"train/a": BOX, "val/a": BOX})
    put_picture(tmp_path / "s" / "images" / "val" / "a.jpg", 9)
    assert sorted(bring(tmp_path / "s", "yolo")[0]) == ["images__train__a", "images__val__a"]
