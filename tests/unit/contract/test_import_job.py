"""The `import` job in a run folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.contract.import_config import ImportConfig
from mlcore.contract.import_job import run
from mlcore.contract.reader import open_dataset
from mlcore.errors import CancelledError, ConfigError, DataError
from mlcore.run.events import read_events
from mlcore.run.hashing import file_sha256
from tests.support.datasets import add_voc, encoded, picture, run_context, voc_object, voc_xml


def make_source(root: Path) -> None:
    for number in range(4):
        objects = voc_object("RBC", 1, 1, 9, 9)
        if number == 3:
            objects += voc_object("RBC", 7, 7, 7, 7)
        add_voc(root, f"p{number}", voc_xml(objects), encoded(picture(number)))


def job(**changes: object) -> ImportConfig:
    values = {
        "kind": "import",
        "format": {"type": "voc"},
        "source": "voc",
        "max_reject_share": 0.5,
        **changes,
    }
    return ImportConfig.model_validate(values)


def test_the_output_is_a_dataset_and_the_report_counts(tmp_path: Path) -> None:
    make_source(tmp_path / "voc")
    context = run_context(tmp_path / "run")
    report = run(job(), context)
    assert report["schema"] == "import/1"
    assert report["headline"]["objects"] == {"value": 4, "unit": "objects", "n": 5}
    dataset = open_dataset(context.folder.artifacts / "dataset")
    assert dataset.fingerprint == report["fingerprint"]
    events = list(read_events(context.events.path))
    assert [e["done"] for e in events if e["type"] == "progress"] == [4]
    assert [e["code"] for e in events if e["type"] == "warning"] == ["rejects"]


def test_a_stop_ends_it_without_a_dataset(tmp_path: Path) -> None:
    make_source(tmp_path / "voc")
    context = run_context(tmp_path / "run")
    context.stop.request()
    with pytest.raises(CancelledError):
        run(job(), context)
    assert not (context.folder.artifacts / "dataset" / "dataset.json").exists()


def test_a_source_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone"):
        run(job(source="gone"), run_context(tmp_path / "run"))


def test_a_failed_import_sends_its_rejects(tmp_path: Path) -> None:
    make_source(tmp_path / "voc")
    context = run_context(tmp_path / "run")
    with pytest.raises(DataError, match="rejected"):
        run(job(max_reject_share=0.0), context)
    (sent,) = [e for e in read_events(context.events.path) if e["type"] == "artifact"]
    path = tmp_path / "run" / sent["path"]
    assert (sent["name"], sent["size"]) == ("rejects.jsonl", path.stat().st_size)
    assert sent["sha256"] == file_sha256(path)


def test_a_source_in_no_layout_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "voc").mkdir()
    context = run_context(tmp_path / "run")
    with pytest.raises(DataError):
        run(job(), context)
    assert [e for e in read_events(context.events.path) if e["type"] == "artifact"] == []
