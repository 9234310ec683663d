"""Importing Pascal VOC: what is kept, what is rejected, and that nothing is lost unsaid."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from mlcore.contract.import_config import ImportConfig, Resize, VocFormat
from mlcore.contract.importers.engine import import_dataset
from mlcore.contract.importers.voc import open_voc
from mlcore.contract.importers.xml_tree import BadXml, read_xml
from mlcore.contract.reader import open_dataset
from mlcore.contract.records import Record
from mlcore.contract.validate import require_valid
from mlcore.errors import DataError
from tests.support.datasets import add_voc, encoded, picture, voc_object, voc_xml

BOX = voc_object("RBC", 4, 5, 20, 30)


VOC = VocFormat(type="voc")


def config(**changes: Any) -> ImportConfig:
    values = {"kind": "import", "format": VOC, "source": "x", "max_reject_share": 1.0, **changes}
    return ImportConfig(**values)


def bring(root: Path, **changes: Any) -> tuple[dict[str, Record], list[dict[str, Any]]]:
    """Import a folder; the records by id and the rows of rejects.jsonl."""
    out = root.parent / "out"
    import_dataset(root, out, config(**changes))
    dataset = open_dataset(out)
    records = {r.id: r for split in dataset.splits for r in dataset.split(split)}
    rejects = (out / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return records, [json.loads(row) for row in rejects]


def fill(root: Path, count: int = 4) -> None:
    for number in range(count):
        add_voc(root, f"p{number}", voc_xml(BOX), encoded(picture(number)))


def test_pictures_are_copied_byte_for_byte_and_boxes_kept(tmp_path: Path) -> None:
    root = tmp_path / "voc"
    fill(root)
    records, rejects = bring(root)
    assert sorted(records) == ["p0", "p1", "p2", "p3"]
    assert rejects == []
    assert records["p0"].objects[0].points == (4, 5, 20, 30)
    assert records["p0"].summary == "RBC×1"
    copied = (tmp_path / "out" / "images" / "p0.jpg").read_bytes()
    assert copied == (root / "JPEGImages" / "p0.jpg").read_bytes()


def test_an_imported_dataset_is_valid(tmp_path: Path) -> None:
    fill(tmp_path / "voc")
    bring(tmp_path / "voc")
    assert require_valid(open_dataset(tmp_path / "out"), 0).valid == 4


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (voc_object("RBC", 7, 7, 7, 7), "geometry.empty"),
        (voc_object("RBC", 9, 7, 4, 20), "geometry.order"),
        (voc_object("RBC", 4, 7, 65, 20), "geometry.bounds"),
        (voc_object("RBC", -1, 7, 6, 20), "geometry.bounds"),
        (voc_object("RBC", "nan", 7, 6, 20), "source.geometry"),
        (voc_object("RBC", "", 7, 6, 20), "source.geometry"),
        (voc_object("RBC", "four", 7, 6, 20), "source.geometry"),
        (voc_object("", 1, 7, 6, 20), "source.label"),
        ("<object><name>RBC</name></object>\n", "source.geometry"),
        (BOX, "source.duplicate"),
    ],
)
def test_a_bad_box_is_rejected_by_line_and_the_rest_is_kept(
    tmp_path: Path, broken: str, rule: str
) -> None:
    root = tmp_path / "voc"
    fill(root, 2)
    add_voc(root, "bad", voc_xml(BOX + broken + voc_object("WBC", 1, 1, 9, 9)), encoded(picture(9)))
    records, rejects = bring(root)
    assert [o.desc for o in records["bad"].objects] == ["RBC", "WBC"]
    assert [(r["file"], r["line"], r["path"], r["rule"]) for r in rejects] == [
        ("Annotations/bad.xml", 7, "objects[1].bndbox", rule)
    ]


@pytest.mark.parametrize(
    ("xml", "image", "rule"),
    [
        ("<annotation><size>", encoded(picture(9)), "source.xml"),
        ("<html/>", encoded(picture(9)), "source.xml"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotation/>', encoded(picture(9)), "source.xml"),
        (voc_xml(BOX, width=0), encoded(picture(9)), "source.size"),
        (voc_xml(BOX, width=99), encoded(picture(9)), "image.size"),
        (voc_xml(BOX), None, "source.image"),
        (None, encoded(picture(9)), "source.image"),
        (voc_xml(BOX), encoded(picture(9))[:-60], "image.truncated"),
        (voc_xml(BOX), b"GIF89a", "image.format"),
    ],
)
def test_an_unusable_picture_is_rejected_with_its_boxes_counted(
    tmp_path: Path, xml: str | None, image: bytes | None, rule: str
) -> None:
    root = tmp_path / "voc"
    fill(root, 2)
    add_voc(root, "bad", xml, image)
    records, rejects = bring(root)
    assert sorted(records) == ["p0", "p1"]
    assert [r["rule"] for r in rejects] == [rule]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    objects = report["import"]["objects"]
    assert report["import"]["images"] == {"seen": 3, "kept": 2}
    assert objects["seen"] == objects["kept"] + objects["rejected"] + objects["lost_with_image"]
    assert report["rejects"] == {"total": 1, "by_rule": {rule: 1}}


def test_an_image_outside_the_source_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "voc"
    fill(root, 2)
    add_voc(root, "bad", voc_xml(BOX), None)
    (tmp_path / "secret.jpg").write_bytes(encoded(picture(9)))
    (root / "JPEGImages" / "bad.jpg").symlink_to(tmp_path / "secret.jpg")
    assert [r["rule"] for r in bring(root)[1]] == ["image.outside"]


def test_past_the_share_nothing_counts_as_a_dataset_but_the_rejects_are_there(
    tmp_path: Path,
) -> None:
    root, out = tmp_path / "voc", tmp_path / "out"
    fill(root, 3)
    add_voc(root, "bad", voc_xml(voc_object("RBC", 7, 7, 7, 7)), encoded(picture(9)))
    with pytest.raises(DataError, match=r"geometry\.empty 1"):
        import_dataset(root, out, config(max_reject_share=0.1))
    assert not (out / "dataset.json").exists()
    assert len((out / "rejects.jsonl").read_text().splitlines()) == 1
    assert (out / "report.json").exists()


def test_splits_of_the_source_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "voc"
    fill(root, 4)
    lists = {"train": "p0\np2\n", "val": "p1\n", "test": "p3\n", "trainval": "p0\np1\np2\n"}
    for name, text in lists.items():
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(text)
    bring(root)
    dataset = open_dataset(tmp_path / "out")
    assert {s: [r.id for r in dataset.split(s)] for s in dataset.splits} == {
        "train": ["p0", "p2"],
        "val": ["p1"],
        "test": ["p3"],
    }


def test_a_picture_in_no_list_is_rejected_by_name(tmp_path: Path) -> None:
    root = tmp_path / "voc"
    fill(root, 3)
    (root / "ImageSets" / "Main" / "train.txt").write_text("p0\n")
    (root / "ImageSets" / "Main" / "val.txt").write_text("p1\ngone\n")
    _, rejects = bring(root)
    assert [(r["file"], r["rule"]) for r in rejects] == [
        ("ImageSets/Main/val.txt", "source.image"),
        ("Annotations/p2.xml", "source.unlisted"),
    ]


def test_a_picture_in_two_lists_stops_the_import(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    (tmp_path / "ImageSets" / "Main" / "train.txt").write_text("p0\np1\n")
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("p1\n")
    with pytest.raises(DataError, match=r"val\.txt:1: p1"):
        open_voc(tmp_path, config(), VOC)


def test_a_folder_around_the_source_is_looked_into(tmp_path: Path) -> None:
    fill(tmp_path / "VOC2007", 2)
    assert open_voc(tmp_path, config(), VOC).root == tmp_path / "VOC2007"


@pytest.mark.parametrize("names", [(), ("a", "b")])
def test_no_or_two_sources_in_a_folder_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        fill(tmp_path / name, 1)
    with pytest.raises(DataError, match="Annotations"):
        open_voc(tmp_path, config(), VOC)


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("frame", ["stored", "upright"])
def test_a_rotated_picture_is_stored_upright_with_its_boxes(
    tmp_path: Path, orientation: int, frame: str
) -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[8:24, 8:40] = 255
    stored = Image.fromarray(pixels)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(stored, "PNG", orientation))))
    ys, xs = np.where(np.asarray(upright)[..., 0] > 0)
    box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    drawn = (8, 8, 40, 24) if frame == "stored" else box
    size = (64, 48) if frame == "stored" else upright.size
    root = tmp_path / "voc"
    add_voc(root, "p0", voc_xml(BOX), encoded(picture()))
    xml = voc_xml(voc_object("RBC", *drawn), *size)
    add_voc(root, "p1", xml, encoded(stored, "PNG", orientation), ".png")
    records, _ = bring(root, exif_boxes=frame)
    assert records["p1"].objects[0].points == box
    assert (records["p1"].width, records["p1"].height) == upright.size
    kept = Image.open(tmp_path / "out" / "images" / "p1.png")
    assert np.array_equal(np.asarray(kept), np.asarray(upright))
    assert kept.getexif().get(274, 1) == 1


def test_the_stated_size_tells_which_way_up_boxes_were_drawn(tmp_path: Path) -> None:
    root = tmp_path / "voc"
    data = encoded(picture(), orientation=6)
    add_voc(root, "p0", voc_xml(BOX, 64, 48), data)
    add_voc(root, "p1", voc_xml(BOX, 48, 64), encoded(picture(1), orientation=6))
    records, _ = bring(root)
    assert records["p0"].objects[0].points == (18, 4, 43, 20)
    assert records["p1"].objects[0].points == (4, 5, 20, 30)


def test_where_the_size_cannot_tell_the_picture_is_rejected(tmp_path: Path) -> None:
    root = tmp_path / "voc"
    fill(root, 2)
    add_voc(root, "p9", voc_xml(BOX), encoded(picture(9), orientation=3))
    _, rejects = bring(root)
    assert [r["rule"] for r in rejects] == ["image.orientation"]
    assert "exif_boxes" in rejects[0]["message"]


@pytest.mark.parametrize(
    ("image", "change"),
    [
        (encoded(picture().convert("P"), "PNG"), "palette_to_rgb"),
        (encoded(picture().convert("RGBA"), "PNG"), "mode_to_rgb"),
        (encoded(Image.fromarray(np.full((48, 64), 9000, np.uint16)), "PNG"), "to_8_bit"),
    ],
)
def test_pictures_of_other_kinds_become_rgb_and_are_counted(
    tmp_path: Path, image: bytes, change: str
) -> None:
    root = tmp_path / "voc"
    fill(root, 1)
    add_voc(root, "p9", voc_xml(BOX), image, ".png")
    bring(root)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["import"]["changed_images"] == {change: 1}
    assert require_valid(open_dataset(tmp_path / "out"), 0).rejected == 0


def test_large_pictures_shrink_with_their_boxes(tmp_path: Path) -> None:
    root = tmp_path / "voc"
    fill(root, 1)
    large = encoded(picture(5, 256, 128))
    add_voc(root, "p9", voc_xml(voc_object("RBC", 32, 16, 128, 64), 256, 128), large)
    limits = Resize(max_pixels=128 * 64, min_pixels=1024)
    records, _ = bring(root, resize=limits)
    assert (records["p9"].width, records["p9"].height) == (128, 64)
    assert records["p9"].objects[0].points == (16, 8, 64, 32)
    assert (records["p0"].width, records["p0"].height) == (64, 64)
    assert require_valid(open_dataset(tmp_path / "out"), 0).rejected == 0


def test_one_based_corners_lose_one_at_the_top_left(tmp_path: Path) -> None:
    root = tmp_path / "voc"
    add_voc(root, "p0", voc_xml(BOX), encoded(picture()))
    add_voc(root, "p1", voc_xml(voc_object("RBC", 1, 1, 64, 48)), encoded(picture(1)))
    records, _ = bring(root, format=VocFormat(type="voc", first_pixel=1))
    assert records["p1"].objects[0].points == (0, 0, 64, 48)


def test_flags_follow_their_boxes_into_the_order(tmp_path: Path) -> None:
    objects = voc_object("WBC", 30, 5, 40, 9, truncated=1) + voc_object("RBC", 1, 20, 9, 40)
    root = tmp_path / "voc"
    add_voc(root, "p0", voc_xml(objects), encoded(picture()))
    add_voc(root, "p1", voc_xml(BOX), encoded(picture(1)))
    record = bring(root)[0]["p0"]
    assert [o.desc for o in record.objects] == ["RBC", "WBC"]
    assert record.metadata["truncated"] == [1]


def test_an_annotation_that_grows_by_entities_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xml"
    bomb.write_text(
        '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
        "<annotation>&b;</annotation>"
    )
    assert isinstance(read_xml(bomb, "annotation"), BadXml)


def test_importing_twice_gives_the_same_fingerprint(tmp_path: Path) -> None:
    fill(tmp_path / "voc")
    first = import_dataset(tmp_path / "voc", tmp_path / "a", config())
    second = import_dataset(tmp_path / "voc", tmp_path / "b", config())
    assert first["fingerprint"] == second["fingerprint"]


def blood_cells() -> Path:
    """The BCCD photographs; skips where they are absent."""
    beside = Path(__file__).resolve().parents[5] / "shared" / "data" / "bccd"
    folder = Path(os.environ.get("GATEHOUSE_TEST_BCCD", beside))
    if not folder.is_dir():
        pytest.skip(f"the BCCD photographs are not at {folder}; set GATEHOUSE_TEST_BCCD")
    return folder


def test_the_blood_cells_lose_two_boxes_without_area_and_nothing_else(tmp_path: Path) -> None:
    manifest = import_dataset(blood_cells(), tmp_path, config(max_reject_share=0.01))
    assert manifest["import"]["images"] == {"seen": 364, "kept": 364}
    objects = manifest["import"]["objects"]
    assert objects == {"seen": 4888, "kept": 4886, "rejected": 2, "lost_with_image": 0}
    assert {n: e["records"] for n, e in manifest["splits"].items()} == {
        "train": 205,
        "val": 87,
        "test": 72,
    }
    rows = [json.loads(r) for r in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert [(r["file"], r["line"], r["rule"]) for r in rows] == [
        ("Annotations/BloodImage_00338.xml", 158, "geometry.empty"),
        ("Annotations/BloodImage_00343.xml", 50, "geometry.empty"),
    ]
    assert require_valid(open_dataset(tmp_path), 0).valid == 364
