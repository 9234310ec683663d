"""Dataset folders: writing, opening, reading, fingerprints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlcore.contract.reader import iter_lines, open_dataset, read_records
from mlcore.contract.records import record_line
from mlcore.contract.writer import DatasetWriter, Fingerprint
from mlcore.errors import DataError
from tests.support.datasets import box_record, encoded, picture, write_dataset


def test_a_written_dataset_opens_with_its_records(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, train=3, val=2)
    assert [r.id for r in dataset.split("train")] == ["r0", "r1", "r2"]
    assert dataset.split("val")[1] == box_record(4)
    assert dataset.manifest["classes"] == [{"name": "螺丝", "objects": 5, "images": 5}]
    assert dataset.manifest["rejects"] == 0


def test_the_same_content_has_the_same_fingerprint(tmp_path: Path) -> None:
    first, second = write_dataset(tmp_path / "a"), write_dataset(tmp_path / "b")
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize("change", ["line", "image", "split"])
def test_the_fingerprint_tells_lines_images_and_splits_apart(change: str) -> None:
    base, other = Fingerprint(), Fingerprint()
    base.add("train", "{}", ["aa"])
    other.add(
        "val" if change == "split" else "train",
        "{ }" if change == "line" else "{}",
        ["ab" if change == "image" else "aa"],
    )
    assert base.hexdigest() != other.hexdigest()


def test_an_id_occurs_once(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path, "d", ("train",))
    writer.add_image("images/r0.jpg", encoded(picture()))
    writer.add("train", box_record(0))
    with pytest.raises(DataError, match="twice"):
        writer.add("train", box_record(0))


def test_a_folder_is_no_dataset_until_it_is_finished(tmp_path: Path) -> None:
    DatasetWriter(tmp_path, "d", ("train",)).close()
    with pytest.raises(DataError, match=r"no dataset\.json"):
        open_dataset(tmp_path)


def test_writing_again_takes_away_the_old_manifest(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    DatasetWriter(tmp_path, "d", ("train",)).close()
    assert not (tmp_path / "dataset.json").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"schema":"dataset/9"}', '{"schema":"dataset/1"}'])
def test_a_manifest_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError):
        open_dataset(tmp_path)


def test_an_unknown_split_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write_dataset(tmp_path).split("test")
    assert "train, val" in caught.value.hint


def test_reading_stops_at_a_bad_line_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(record_line(box_record(0)) + "\n{oops\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.jsonl:2") as caught:
        list(read_records(path))
    assert caught.value.where.endswith(":2")


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"{", "line.json"),
        (b"", "line.json"),
        (b'{"id":"a","id":"b"}', "line.json"),
        (b'{"id":NaN}', "line.json"),
        (b"[" * 100_000, "line.json"),
        (b"\xff\xfe", "line.encoding"),
    ],
)
def test_a_broken_line_has_its_rule_and_the_rest_is_read(
    tmp_path: Path, raw: bytes, rule: str
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(raw + b"\n" + record_line(box_record(1)).encode() + b"\n")
    first, second = iter_lines(path)
    assert [p.rule for p in first.problems] == [rule]
    assert second.record == box_record(1)


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        list(read_records(tmp_path / "none.jsonl"))


def test_the_manifest_holds_the_hash_of_each_split_file(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "train.jsonl").write_text("", encoding="utf-8")
    changed = write_dataset(tmp_path / "again")
    entry = dataset.manifest["splits"]["train"]
    assert entry["sha256"] == changed.manifest["splits"]["train"]["sha256"]
    assert json.loads((tmp_path / "dataset.json").read_text())["splits"]["train"] == entry
