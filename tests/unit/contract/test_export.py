"""Every export is read back by its own importer; what a format cannot hold is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlcore.contract.cli import main
from mlcore.contract.export_config import EXPORT_FORMATS, DataExportConfig
from mlcore.contract.export_job import run
from mlcore.contract.exporters.engine import export_dataset
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import CancelledError, ConfigError, DataError
from mlcore.geometry.order import order_objects
from mlcore.kinds import KINDS, config_model
from mlcore.run.exits import ExitCode
from tests.support.datasets import encoded, picture, run_context
from tests.support.foreign import bring

CLASSES = ["螺丝", "标签", 'a & "b" <c>']
OBJECTS = (
    SceneObject("类别=螺丝,符合性=不符合,问题=未拧紧|露铜", "bbox_2d", (4, 5.25, 20, 30)),
    SceneObject("类别=螺丝,符合性=符合", "bbox_2d", (0, 0, 64, 48)),
    SceneObject("类别=标签,文本=x", "poly", (10, 2, 30.5, 6, 28, 20, 9, 18)),
    SceneObject('a & "b" <c>', "line", (1, 2, 30, 40, 60, 44.5)),
)


def make(folder: Path) -> Dataset:
    """Boxes, a polygon and a line; a picture without objects; two splits and attributes."""
    writer = DatasetWriter(folder, "mixed", ("train", "val"))
    for number, split in enumerate(("train", "train", "val")):
        chosen = OBJECTS if number != 1 else ()
        objects = tuple(order_objects(chosen, CLASSES))
        path = f"images/r{number}.jpg"
        writer.add_image(path, encoded(picture(number)))
        writer.add(split, Record(f"r{number}", (path,), 64, 48, "pixel", objects, None, {}))
    writer.finish({"class_order": CLASSES, "object_order": "class_then_rows"})
    return open_dataset(folder)


def config(format_: str, **changes: Any) -> DataExportConfig:
    values = {"kind": "data_export", "dataset": "x", "format": format_, **changes}
    return DataExportConfig.model_validate(values)


def back(format_: str) -> dict[str, Any]:
    """The options with which a format is read back whole."""
    outlines = {"geometry": "poly", "max_polygon_points": 0} if format_ in ("coco", "lvis") else {}
    return {"type": format_, **outlines}


def bare(record: Record) -> Record:
    """A record without what formats do not hold."""
    return replace(record, summary=None, metadata={})


@pytest.mark.parametrize("format_", EXPORT_FORMATS)
def test_what_a_format_holds_comes_back_and_the_rest_is_counted(
    tmp_path: Path, format_: str
) -> None:
    dataset = make(tmp_path / "data")
    report = export_dataset(dataset, tmp_path / "out", config(format_))
    records, rejects, _ = bring(tmp_path / "out", back(format_), tmp_path / "again")
    assert rejects == []
    holds_lines = format_ in ("cvat", "label_studio")
    assert report["objects"]["left_out"] == ({} if holds_lines else {"line": 2})
    assert report["objects"]["written"] == (8 if holds_lines else 6)
    for record in dataset.split("train") + dataset.split("val"):
        kept = tuple(o for o in record.objects if holds_lines or o.kind != "line")
        if format_ == "voc":
            kept = tuple(
                SceneObject(o.desc, "bbox_2d", (9, 2, 30.5, 20)) if o.kind == "poly" else o
                for o in kept
            )
        came = bare(records[record.id])
        if format_ in ("voc", "label_studio"):  # they hold no order of classes
            assert set(came.objects) == set(kept)
            came = replace(came, objects=kept)
        assert came == replace(bare(record), objects=kept)
        copied = tmp_path / "again" / records[record.id].images[0]
        assert copied.read_bytes() == (dataset.folder / record.images[0]).read_bytes()
    if format_ != "label_studio":
        again = open_dataset(tmp_path / "again")
        assert {s: len(again.split(s)) for s in again.splits} == {"train": 2, "val": 1}


@pytest.mark.parametrize("format_", EXPORT_FORMATS)
def test_the_same_dataset_gives_the_same_bytes(tmp_path: Path, format_: str) -> None:
    dataset = make(tmp_path / "data")
    trees = []
    for name in ("a", "b"):
        export_dataset(dataset, tmp_path / name, config(format_))
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        trees.append([(p.relative_to(tmp_path / name), p.read_bytes()) for p in files])
    assert trees[0] == trees[1]


def test_chosen_splits_only(tmp_path: Path) -> None:
    dataset = make(tmp_path / "data")
    report = export_dataset(dataset, tmp_path / "out", config("coco", splits=["val"]))
    assert report["images"] == {"val": 1}
    assert [p.name for p in (tmp_path / "out" / "images").iterdir()] == ["r2.jpg"]
    with pytest.raises(DataError, match="test"):
        export_dataset(dataset, tmp_path / "b", config("coco", splits=["test"]))
    with pytest.raises(DataError, match="not odd"):
        export_dataset(dataset, tmp_path / "c", config("coco", splits=["odd"]))


def test_ids_that_are_no_file_names_are_made_such_and_may_not_collide(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path / "data", "x", ("train",))
    for number, name in enumerate(("a/b", "a__b")):
        writer.add_image(f"images/{number}.jpg", encoded(picture(number)))
        writer.add("train", Record(name, (f"images/{number}.jpg",), 64, 48, "pixel", ()))
    writer.finish()
    with pytest.raises(DataError, match="one file name"):
        export_dataset(open_dataset(tmp_path / "data"), tmp_path / "out", config("yolo"))
    assert not (tmp_path / "b.jpg").exists()


def test_the_platform_is_only_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", "platform", str(tmp_path), str(tmp_path / "out")]
    assert main(arguments) == ExitCode.CONFIG
    assert "only read" in capsys.readouterr().err
    with pytest.raises(ValueError, match="only read"):
        config("platform")


def test_the_command_says_what_was_not_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "data")
    arguments = ["export", "yolo", str(tmp_path / "data"), str(tmp_path / "out")]
    assert main(arguments) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "train: 2 images" in shown
    assert "left out: line 2" in shown
    assert main(arguments) == ExitCode.CONFIG
    assert "not empty" in capsys.readouterr().err
    assert main(["export", "yolo", str(tmp_path), str(tmp_path / "o2")]) == ExitCode.DATA


def test_the_job_writes_files_counts_and_stops_when_asked(tmp_path: Path) -> None:
    make(tmp_path / "data")
    context = run_context(tmp_path / "run")
    report = run(config("yolo", dataset="data"), context)
    assert report["headline"]["objects"] == {"value": 6, "unit": "objects", "n": 8}
    assert (context.folder.artifacts / "files" / "data.yaml").exists()
    stopped = run_context(tmp_path / "stopped")
    stopped.stop.request()
    with pytest.raises(CancelledError):
        run(config("yolo", dataset="data"), stopped)
    with pytest.raises(ConfigError, match="gone"):
        run(config("yolo", dataset="gone"), run_context(tmp_path / "third"))


def test_the_kind_names_its_config_and_its_output() -> None:
    assert config_model("data_export") is DataExportConfig
    assert KINDS["data_export"].outputs == {"files": "files"}


def test_a_report_is_printed_for_people_and_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "data")
    assert main(["report", str(tmp_path / "data")]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "3 images (train 2, val 1), 8 objects" in shown
    assert "螺丝 符合性: 不符合 2 (50.0%), 符合 2 (50.0%)" in shown
    assert "螺丝: 2 of 4 (50.0%)" in shown
    assert main(["report", str(tmp_path / "data"), "--json", "--write"]) == ExitCode.OK
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "data" / "report.json").read_text())
    assert main(["report", str(tmp_path)]) == ExitCode.DATA
