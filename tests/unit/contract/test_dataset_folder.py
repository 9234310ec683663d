"""Dataset folders: writing, opening, reading, fingerprints."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlcore.contract.fingerprint import Fingerprint
from mlcore.contract.image_list import image_entry
from mlcore.contract.reader import iter_lines, open_dataset, read_records
from mlcore.contract.records import record_line
from mlcore.contract.spaces import in_bins, in_pixels
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import DataError
from mlcore.run.hashing import file_sha256
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


def test_images_jsonl_describes_every_image_in_writing_order(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, train=2, val=1)
    entries = list(dataset.images())
    assert [e.path for e in entries] == [f"images/r{n}.jpg" for n in range(3)]
    data = (tmp_path / "images" / "r1.jpg").read_bytes()
    second = entries[1]
    assert (second.sha256, second.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (second.width, second.height, len(second.dhash)) == (64, 48, 16)
    assert dataset.manifest["images"] == {
        "file": "images.jsonl",
        "count": 3,
        "bytes": sum(e.bytes for e in entries),
        "sha256": file_sha256(tmp_path / "images.jsonl"),
    }


def test_pixels_at_hand_give_the_same_entry_as_the_bytes(tmp_path: Path) -> None:
    pixels = np.asarray(picture(3))
    data = encoded(picture(3), "PNG")
    assert image_entry("a.png", data, pixels) == image_entry("a.png", data)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "xyz"},
        {"bytes": 0},
        {"width": True},
        {"dhash": "12"},
        {"path": ""},
        {"extra": 1},
    ],
)
def test_a_bad_line_of_images_jsonl_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    dataset = write_dataset(tmp_path)
    first, *rest = (tmp_path / "images.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.dumps({**json.loads(first), **change}), *rest]
    (tmp_path / "images.jsonl").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(DataError, match=r"images\.jsonl") as caught:
        list(dataset.images())
    assert caught.value.where.endswith("images.jsonl:1")


def test_bytes_that_are_no_picture_are_not_written(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path, "d", ("train",))
    with pytest.raises(DataError, match=r"images/r0\.jpg"):
        writer.add_image("images/r0.jpg", encoded(picture())[:-40])
    writer.close()
    assert not (tmp_path / "images" / "r0.jpg").exists()


def test_an_image_is_written_once(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path, "d", ("train",))
    writer.add_image("images/r0.jpg", encoded(picture()))
    with pytest.raises(DataError, match="twice"):
        writer.add_image("images/r0.jpg", encoded(picture(1)))
    writer.close()


def test_a_dataset_is_in_one_space_and_says_which(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path, "d", ("train",))
    for number in range(2):
        writer.add_image(f"images/r{number}.jpg", encoded(picture(number)))
    writer.add("train", in_bins(box_record(0)))
    with pytest.raises(DataError, match="norm1000"):
        writer.add("train", box_record(1))
    assert writer.finish()["coord_space"] == "norm1000"
    (record,) = open_dataset(tmp_path).split("train")
    assert record == in_pixels(in_bins(box_record(0)))


def test_the_records_have_a_fingerprint_of_their_own(tmp_path: Path) -> None:
    base, other = Fingerprint(), Fingerprint()
    base.add("train", "{}", ["aa"])
    other.add("train", "{}", ["bb"])
    assert base.records_hexdigest() == other.records_hexdigest()
    other.add_line("train", "{}")
    assert base.records_hexdigest() != other.records_hexdigest()


def test_a_dataset_of_the_first_schema_is_still_read(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    older = {**dataset.manifest, "schema": "dataset/1"}
    del older["images"], older["records_fingerprint"]
    (tmp_path / "dataset.json").write_text(json.dumps(older))
    (tmp_path / "images.jsonl").unlink()
    reopened = open_dataset(tmp_path)
    assert len(reopened.split("train")) == 4
    with pytest.raises(DataError, match=r"images\.jsonl"):
        list(reopened.images())


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
        (b'{"id":"\\ud800"}', "line.encoding"),
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
