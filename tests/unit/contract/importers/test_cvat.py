"""Importing CVAT for images: every shape, attributes, subsets, and what is no outline."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.contract.reader import open_dataset
from mlcore.contract.validate import require_valid
from mlcore.errors import DataError
from tests.support.foreign import bring, put_picture

BOX = '<box label="RBC" xtl="4" ytl="5" xbr="20" ybr="30" occluded="1"/>'
META = (
    "<meta><task><labels><label><name>WBC</name></label><label><name>RBC</name></label>"
    "</labels></task></meta>\n"
)


def put_cvat(root: Path, shapes: str, name: str = "p0.jpg", attributes: str = "") -> None:
    put_picture(root / "images" / name)
    put_picture(root / "images" / "p1.jpg", 1)
    (root / "annotations.xml").write_text(
        f"<annotations><version>1.1</version>{META}"
        f'<image id="0" name="{name}" width="64" height="48" {attributes}>\n{shapes}</image>\n'
        f'<image id="1" name="p1.jpg" width="64" height="48"></image></annotations>',
        encoding="utf-8",
    )


def test_boxes_polygons_and_polylines_are_kept(tmp_path: Path) -> None:
    shapes = (
        BOX
        + '<polygon label="WBC" points="1.00,2.00;9.00,2.00;9.00,9.50;1.00,9.00"/>'
        + '<polyline label="WBC" points="30,30;40,41"/>'
    )
    put_cvat(tmp_path / "s", shapes)
    records, rejects, _ = bring(tmp_path / "s", "cvat")
    assert rejects == []
    assert [(o.desc, o.kind, o.points) for o in records["p0"].objects] == [
        ("WBC", "poly", (1, 2, 9, 2, 9, 9.5, 1, 9)),
        ("WBC", "line", (30, 30, 40, 41)),
        ("RBC", "bbox_2d", (4, 5, 20, 30)),
    ]
    assert records["p0"].metadata["occluded"] == [2]
    assert require_valid(open_dataset(tmp_path / "out"), 0).valid == 2


def test_a_turned_box_becomes_a_polygon_around_its_centre(tmp_path: Path) -> None:
    box = '<box label="RBC" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90.0"/>'
    put_cvat(tmp_path / "s", box)
    (turned,) = bring(tmp_path / "s", "cvat", points="as_drawn")[0]["p0"].objects
    assert (turned.kind, turned.points) == ("poly", (25, 5, 25, 25, 15, 25, 15, 5))


def test_attributes_join_the_description(tmp_path: Path) -> None:
    box = BOX.replace("/>", '><attribute name="符合性">不符合</attribute></box>')
    put_cvat(tmp_path / "s", box)
    assert bring(tmp_path / "s", "cvat")[0]["p0"].objects[0].desc == "类别=RBC,符合性=不符合"


def test_a_mask_becomes_its_outline(tmp_path: Path) -> None:
    mask = '<mask label="RBC" rle="2, 2, 2, 2" left="10" top="20" width="4" height="2"/>'
    put_cvat(tmp_path / "s", mask)
    records, _, report = bring(tmp_path / "s", "cvat")
    assert records["p0"].objects[0].points == (12, 20, 14, 20, 14, 22, 12, 22)
    assert report["import"]["changed_objects"] == {"mask_to_polygon": 1}


@pytest.mark.parametrize(
    ("shape", "rule"),
    [
        ('<points label="RBC" points="1,1"/>', "cvat.shape"),
        ('<ellipse label="RBC" cx="5" cy="5" rx="2" ry="2"/>', "cvat.shape"),
        ('<cuboid label="RBC"/>', "cvat.shape"),
        ('<skeleton label="RBC"/>', "cvat.shape"),
        ('<box label="RBC" xtl="4" ytl="5" xbr="20"/>', "source.geometry"),
        ('<box label="RBC" xtl="4" ytl="5" xbr="65" ybr="9"/>', "geometry.bounds"),
        ('<polygon label="RBC" points="1;2;3"/>', "source.geometry"),
        ('<polygon label="RBC" points="1,1;2,2"/>', "geometry.count"),
        ('<polyline label="RBC" points=""/>', "source.geometry"),
        ('<mask label="RBC" rle="3" left="1" top="1" width="2" height="2"/>', "source.geometry"),
        ('<mask label="RBC" rle="4" left="-1" top="1" width="2" height="2"/>', "source.geometry"),
        ('<box xtl="4" ytl="5" xbr="9" ybr="9"/>', "source.label"),
    ],
)
def test_a_bad_shape_is_rejected_by_its_line(tmp_path: Path, shape: str, rule: str) -> None:
    put_cvat(tmp_path / "s", f"{BOX}\n{shape}\n")
    records, rejects, _ = bring(tmp_path / "s", "cvat")
    assert len(records["p0"].objects) == 1
    assert [(r["file"], r["line"], r["rule"]) for r in rejects] == [("annotations.xml", 4, rule)]


def test_tags_of_a_picture_are_metadata(tmp_path: Path) -> None:
    put_cvat(tmp_path / "s", '<tag label="blurred"/>')
    assert bring(tmp_path / "s", "cvat")[0]["p0"].metadata["tags"] == ["blurred"]


def test_the_order_of_the_labels_is_the_order_of_the_classes(tmp_path: Path) -> None:
    put_cvat(tmp_path / "s", BOX + BOX.replace("RBC", "WBC"))
    records, _, _ = bring(tmp_path / "s", "cvat")
    assert [o.desc for o in records["p0"].objects] == ["WBC", "RBC"]


def test_the_subset_of_a_picture_is_its_split_or_none_is(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put_cvat(root, BOX, attributes='subset="Train"')
    with pytest.raises(DataError, match="names no subset"):
        bring(root, "cvat")
    text = (root / "annotations.xml").read_text()
    (root / "annotations.xml").write_text(text.replace('id="1"', 'id="1" subset="Validation"'))
    bring(root, "cvat")
    dataset = open_dataset(tmp_path / "out")
    assert {s: [r.id for r in dataset.split(s)] for s in dataset.splits} == {
        "train": ["p0"],
        "val": ["p1"],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations>", "not complete XML"),
        ("<annotation/>", "root element"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotations/>', "document type"),
        ('<annotations><track id="0" label="x"/></annotations>', "of a video"),
        ("<annotations>" + "<a>" * 60 + "</a>" * 60 + "</annotations>", "nested deeper"),
    ],
)
def test_a_file_that_is_no_cvat_stops_the_import(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=message):
        bring(tmp_path, "cvat", tmp_path / "out")


def test_a_folder_without_xml_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no annotation file"):
        bring(tmp_path, "cvat", tmp_path / "out")
