"""Tickets are found in folders and datasets, in an order that never changes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlcore.contract.reader import open_dataset
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import DataError
from mlcore.stage_a.config import DatasetSource, StageAConfig
from mlcore.stage_a.datasets import find_in_dataset
from mlcore.stage_a.folders import find_in_folders, group_id_of, opened_folders
from mlcore.stage_a.group import Group, drawn, natural
from tests.support.datasets import box_record, encoded, picture
from tests.support.ticket_folders import FAILED, PASSED, put, ticket_folders
from tests.support.tickets import MISSION


def test_failed_tickets_come_first_groups_by_name_and_images_as_people_count(
    tmp_path: Path,
) -> None:
    found = find_in_folders(ticket_folders(tmp_path), MISSION)
    assert [(g.ticket_key, [p.name for p in g.photos]) for g in found.groups] == [
        ("a::fail", ["1.PNG", "2.png", "10.png"]),
        ("QC-TEMP-20241206-0015502::fail", ["QC-TEMP-20241206-0015502_1.jpg"]),
        ("a::pass", ["x.jpg", "y.jpg"]),
        (
            "QC-TEMP-20241206-0015502::pass",
            ["QC-TEMP-20241206-0015502_1.jpg", "QC-TEMP-20241206-0015502_2.jpeg"],
        ),
    ]
    assert found.warnings == ()


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    root = ticket_folders(tmp_path)
    put(root, "待审核", "c", "1.jpg")
    put(root, PASSED, "empty")
    (root / MISSION / PASSED / "empty" / "note.txt").write_text("no image")
    (root / MISSION / PASSED / "loose.jpg").write_bytes(b"")
    found = find_in_folders(root, MISSION)
    assert len(found.groups) == 4
    assert {code for code, _ in found.warnings} == {
        "unknown_label_folder", "empty_group", "image_outside_group"
    }  # fmt: skip


def test_two_folders_of_one_ticket_and_label_are_not_joined_silently(tmp_path: Path) -> None:
    put(tmp_path, PASSED, "a", "QC-X-20240101-1_1.jpg")
    put(tmp_path, PASSED, "b", "QC-X-20240101-1_2.jpg")
    first, second = find_in_folders(tmp_path, MISSION).groups
    assert first.problem == ""
    assert f"{PASSED}/a" in second.problem


@pytest.mark.parametrize(
    ("image", "id_"),
    [
        ("QC-TEMP-20241206-0015502_3.jpg", "QC-TEMP-20241206-0015502"),
        ("QC-2024-1.jpg", "folder"),
        ("x-QC-TEMP-20241206-1.jpg", "folder"),
        ("QC-TEMP-2024120-1.jpg", "folder"),
    ],
)
def test_a_ticket_is_called_after_its_first_image_or_its_folder(image: str, id_: str) -> None:
    assert group_id_of(image, "folder") == id_


def test_a_mission_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    ticket_folders(tmp_path)
    with pytest.raises(DataError) as caught:
        find_in_folders(tmp_path, "BBU安装方式检查(正装)")
    assert MISSION in caught.value.hint
    (tmp_path / "挡风板安装检查" / FAILED).mkdir(parents=True)
    with pytest.raises(DataError, match="no ticket"):
        find_in_folders(tmp_path, "挡风板安装检查")


@pytest.mark.parametrize("around", ["", "tickets"])
def test_a_zip_of_the_folders_serves_as_well_and_leaves_nothing_behind(
    tmp_path: Path, around: str
) -> None:
    whole = find_in_folders(ticket_folders(tmp_path / "in" / around), MISSION)
    archive = Path(shutil.make_archive(str(tmp_path / "up"), "zip", tmp_path / "in"))
    with opened_folders(archive, tmp_path / "unpacked", MISSION) as root:
        assert find_in_folders(root, MISSION).groups == whole.groups
        assert (root / whole.groups[0].photos[0].path).is_file()
    assert not (tmp_path / "unpacked").exists()
    with opened_folders(tmp_path / "in", tmp_path / "unpacked", MISSION) as root:
        assert root == tmp_path / "in"


def test_names_are_ordered_by_the_numbers_in_them() -> None:
    names = ["b2", "10", "b10", "2", "B1", "02"]
    assert sorted(names, key=natural) == ["02", "2", "10", "B1", "b2", "b10"]


def test_a_draw_keeps_the_order_and_each_label_has_its_own() -> None:
    groups = [Group(f"g{i}", "pass" if i % 2 else "fail", ()) for i in range(20)]
    some = drawn(groups, 3, 4, seed=1)
    assert [g.label for g in some].count("pass") == 3
    assert some == sorted(some, key=groups.index)
    assert drawn(groups, 3, 4, seed=1) == some != drawn(groups, 3, 4, seed=2)
    passed = [g for g in some if g.label == "pass"]
    assert [g for g in drawn(groups, 3, None, seed=1) if g.label == "pass"] == passed
    assert len(drawn(groups, None, None, seed=1)) == 20
    assert len(drawn(groups, 0, 99, seed=1)) == 10


def dataset(folder: Path, tickets: list[dict[str, Any]] | None, **metadata: Any) -> Path:
    writer = DatasetWriter(folder, "small", ("train", "val"))
    for number in range(4):
        record = replace(box_record(number), metadata=dict(metadata))
        writer.add_image(record.images[0], encoded(picture(number)))
        writer.add("val" if number else "train", record)
    writer.finish()
    if tickets is not None:
        text = "".join(json.dumps(row) + "\n" for row in tickets)
        (folder / "tickets.jsonl").write_text(text, encoding="utf-8")
    open_dataset(folder)
    return folder


def test_tickets_of_a_dataset_are_those_of_the_split_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    rows = [
        {"ticket": "t2", "label": "fail", "true_label": "pass", "images": ["r3", "r1"]},
        {"ticket": "other", "label": "pass", "true_label": "pass", "images": ["r0"]},
        {"ticket": "t1", "label": "PASS", "true_label": "fail", "images": ["r2"]},
        {"ticket": "torn", "label": "pass", "images": ["r2", "r0"]},
    ]
    found = find_in_dataset(dataset(tmp_path / "d", rows), source())
    assert [(g.ticket_key, [p.name for p in g.photos]) for g in found.groups] == [
        ("t2::fail", ["images/r3.jpg", "images/r1.jpg"]),
        ("t1::pass", ["images/r2.jpg"]),
        ("torn::pass", ["images/r2.jpg"]),
    ]
    assert found.groups[0].photos[0].truth == "一"
    assert "1 of its 2 images" in found.groups[2].problem
    assert found.about["tickets"] == "tickets.jsonl"


def test_without_a_file_of_tickets_the_metadata_says_them(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "d", None, ticket="t", verdict="fail")
    (group,) = find_in_dataset(folder, source(label_key="verdict")).groups
    assert (group.ticket_key, len(group.photos)) == ("t::fail", 3)
    with pytest.raises(DataError, match="pass or fail, not None") as caught:
        find_in_dataset(folder, source())
    assert caught.value.where == "r1: metadata.label"
    with pytest.raises(DataError, match="belongs to a ticket"):
        find_in_dataset(dataset(tmp_path / "e", None), source())


@pytest.mark.parametrize(
    "row", [{"ticket": "t", "label": "pass"}, {"ticket": " ", "label": "pass", "images": []}, []]
)
def test_a_bad_line_of_tickets_is_named(tmp_path: Path, row: Any) -> None:
    with pytest.raises(DataError) as caught:
        find_in_dataset(dataset(tmp_path / "d", [row]), source())
    assert caught.value.where == "tickets.jsonl:1"


def source(**fields: Any) -> DatasetSource:
    return DatasetSource.model_validate({"type": "dataset", "dataset": "d", **fields})


def config(**fields: Any) -> StageAConfig:
    values = {
        "kind": "stage_a",
        "mission": MISSION,
        "source": {"type": "folders", "root": "r"},
        "system": {"type": "model", "model": "m"},
        **fields,
    }
    return StageAConfig.model_validate(values)


def test_a_mission_is_asked_about_in_its_own_words_unless_others_are_given() -> None:
    asked = config().asked()
    assert (asked.profile, asked.domain, asked.mission) == ("summary_runtime", "bbu", MISSION)
    assert config(messages={}).asked().profile == "inspection"
    assert config(mission="门锁检查", messages={}).mission == "门锁检查"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mission": "门锁检查"}, "set messages"),
        ({"mission": "../x"}, "pattern"),
        ({"mission": ".."}, "pattern"),
        ({"messages": {"profile": "dense", "domain": "bbu"}}, "no words for the task summary"),
        ({"system": {"type": "constant"}}, "constant"),
        ({"batch_size": 0}, "greater"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_config_that_cannot_be_asked_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        config(**fields)
