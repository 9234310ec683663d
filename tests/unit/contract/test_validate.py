"""Validation: every fault of a line, an object or an image is named and counted."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mlcore.contract import checking, reader, validate
from mlcore.contract.check_run import CheckOptions, Images
from mlcore.contract.checking import plan_chunks
from mlcore.contract.pictures import image_faults
from mlcore.contract.problem_log import rejects_file
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import record_line
from mlcore.contract.rules import RULES
from mlcore.contract.spaces import in_bins, in_pixels
from mlcore.contract.validate import require_valid, validate_dataset, validate_file
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import DataError
from tests.support.datasets import box_record, encoded, picture, write_dataset


def gif() -> bytes:
    out = io.BytesIO()
    picture().save(out, "GIF")
    return out.getvalue()


def deep(shape: tuple[int, ...]) -> bytes:
    return bytes(cv2.imencode(".png", np.full(shape, 30_000, np.uint16))[1])


FAULTS = [
    (encoded(picture(), "JPEG")[:-40], "image.truncated"),
    (encoded(picture(), "JPEG")[:-2], "image.truncated"),
    (encoded(picture(), "PNG")[:200], "image.truncated"),
    (encoded(picture(), "PNG")[:-6], "image.truncated"),
    (b"", "image.truncated"),
    (b"\x89PNG\r\n\x1a\n", "image.truncated"),
    (encoded(picture(), "JPEG", orientation=3), "image.orientation"),
    (encoded(picture(), "PNG", orientation=2), "image.orientation"),
    (deep((48, 64)), "image.depth"),
    (deep((48, 64, 3)), "image.depth"),
    (encoded(picture().convert("P"), "PNG"), "image.palette"),
    (encoded(picture().convert("RGBA"), "PNG"), "image.mode"),
    (encoded(picture().convert("CMYK"), "JPEG"), "image.mode"),
    (encoded(picture(width=65)), "image.size"),
    (gif(), "image.format"),
    (b"<svg/>", "image.format"),
]


@pytest.mark.parametrize(("data", "rule"), FAULTS)
def test_each_fault_of_an_image_has_its_rule(data: bytes, rule: str) -> None:
    assert [f.rule for f in image_faults(data, 64, 48)] == [rule]
    assert rule in RULES


def test_a_rotated_image_of_swapped_size_breaks_two_rules() -> None:
    data = encoded(picture(width=48, height=64), orientation=6)
    assert [f.rule for f in image_faults(data, 64, 48)] == ["image.orientation", "image.size"]


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_upright_eight_bit_images_have_no_fault(mode: str, format_: str) -> None:
    assert image_faults(encoded(picture().convert(mode), format_), 64, 48) == []


@given(st.sampled_from([encoded(picture(), f) for f in ("JPEG", "PNG")]), st.data())
def test_a_file_cut_anywhere_is_found(whole: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert image_faults(whole[:cut], 64, 48)


@given(st.binary(max_size=200))
def test_any_bytes_that_are_no_image_give_a_fault(data: bytes) -> None:
    assert image_faults(data, 64, 48)


def test_an_orientation_behind_the_data_of_a_png_is_found() -> None:
    exif = encoded(picture(), "PNG", orientation=6)
    start = exif.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(exif[start : start + 4], "big")
    late = exif[:start] + exif[end:-12] + exif[start:end] + exif[-12:]
    assert [f.rule for f in image_faults(late, 64, 48)] == ["image.orientation"]


def test_a_good_dataset_passes_with_its_own_fingerprint(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    result = require_valid(dataset)
    assert (result.lines, result.valid, result.problems) == (6, 6, [])
    assert result.fingerprint == dataset.fingerprint
    assert [r.id for r in result.records["val"]] == ["r4", "r5"]


def test_each_bad_image_of_a_dataset_is_named_by_line(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, train=len(FAULTS) + 1)
    for number, (data, _) in enumerate(FAULTS):
        (tmp_path / "images" / f"r{number}.jpg").write_bytes(data)
    (tmp_path / "images" / f"r{len(FAULTS)}.jpg").unlink()
    result = validate_dataset(dataset)
    expected = [rule for _, rule in FAULTS] + ["image.missing"]
    assert [(p.line, p.rule) for p in result.problems] == list(enumerate(expected, start=1))
    assert {p.file for p in result.problems} == {"train.jsonl"}
    assert result.rejected == len(expected)


def test_an_image_that_leads_outside_the_dataset_is_refused(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "d")
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(encoded(picture(99)))
    (tmp_path / "d" / "images" / "r0.jpg").unlink()
    (tmp_path / "d" / "images" / "r0.jpg").symlink_to(secret)
    assert [p.rule for p in validate_dataset(dataset).problems] == ["image.outside"]


def test_a_repeated_id_is_named_with_its_first_place(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    with (tmp_path / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write(record_line(box_record(0)) + "\n")
    (problem,) = validate_dataset(dataset).problems
    assert (problem.rule, problem.line) == ("record.duplicate_id", 5)
    assert "train.jsonl:1" in problem.message


def test_a_picture_in_two_splits_is_found_by_its_content(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, train=2, val=1)
    (tmp_path / "images" / "r2.jpg").write_bytes((tmp_path / "images" / "r0.jpg").read_bytes())
    (problem,) = validate_dataset(dataset).problems
    assert (problem.file, problem.rule) == ("val.jsonl", "image.leak")


def test_training_is_stopped_past_the_share_and_told_why(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r1.jpg").unlink()
    with pytest.raises(DataError) as caught:
        require_valid(dataset, 0.1, rejects=tmp_path / "rejected.jsonl")
    assert "1 of 6" in caught.value.message
    assert "image.missing 1" in caught.value.hint
    assert caught.value.where == "train.jsonl:2"
    (row,) = (tmp_path / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(row)["line"] == 2


def test_within_the_share_the_valid_records_are_given(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r1.jpg").unlink()
    result = require_valid(dataset, 0.2)
    assert [r.id for r in result.records["train"]] == ["r0", "r2", "r3"]


def test_a_split_without_a_valid_record_stops_training(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, train=9, val=1)
    (tmp_path / "images" / "r9.jpg").unlink()
    with pytest.raises(DataError, match="val"):
        require_valid(dataset, 0.5)


def test_an_image_swapped_for_another_good_one_is_noticed(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r1.jpg").write_bytes(encoded(picture(77)))
    with pytest.raises(DataError, match=r"train\.jsonl:2: images/r1\.jpg has SHA-256"):
        require_valid(dataset)


def test_a_changed_image_stops_training_also_beside_tolerated_rejects(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r0.jpg").unlink()
    (tmp_path / "images" / "r1.jpg").write_bytes(encoded(picture(77)))
    with pytest.raises(DataError, match="fingerprint"):
        require_valid(dataset, 0.5)


def test_an_older_dataset_is_held_to_its_fingerprint_alone(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images.jsonl").unlink()
    assert require_valid(dataset).valid == 6
    (tmp_path / "images" / "r1.jpg").write_bytes(encoded(picture(77)))
    with pytest.raises(DataError, match="fingerprint"):
        require_valid(dataset)


def test_a_file_without_lines_is_rejected_whole(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    result = validate_file(tmp_path / "train.jsonl")
    assert (result.lines, result.reject_share) == (0, 1.0)


def test_every_problem_of_every_line_is_in_the_rejects_file(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{oops\n{"id":""}\n', encoding="utf-8")
    with rejects_file(tmp_path / "rejects.jsonl") as sink:
        result = validate_file(path, sink=sink)
    lines = (tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert result.rejected == 2
    assert [r["line"] for r in rows] == [1] + [2] * (len(rows) - 1)
    assert rows[0]["record"] == "{oops"
    assert sum(result.by_rule.values()) == len(rows)


def test_progress_is_told_of_lines_and_then_of_images(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    validate_dataset(write_dataset(tmp_path), progress=lambda *step: told.append(step))
    assert told == [("lines", 4, 6), ("lines", 6, 6), ("images", 6, 6)]


def test_progress_may_stop_the_check(tmp_path: Path) -> None:
    def stop(*_step: object) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        validate_dataset(write_dataset(tmp_path), progress=stop)


def test_a_grey_picture_may_stand_for_a_record(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    grey = Image.new("L", (64, 48), 90)
    (tmp_path / "images" / "r0.jpg").write_bytes(encoded(grey))
    assert validate_file(dataset.split_file("train")).problems == []


def test_without_the_second_pass_only_records_are_fingerprinted(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    result = validate_dataset(dataset, CheckOptions(images="headers"))
    assert result.fingerprint == ""
    assert result.records_fingerprint == dataset.manifest["records_fingerprint"]


def test_headers_tell_no_damage_behind_them(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r0.jpg").write_bytes(encoded(picture())[:-40])
    assert validate_dataset(dataset, CheckOptions(images="headers")).problems == []
    assert [p.rule for p in validate_dataset(dataset).problems] == ["image.truncated"]


def test_a_cap_on_pixels_is_held_by_record_and_by_file(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, train=2, val=1)
    (tmp_path / "images" / "r1.jpg").write_bytes(encoded(picture(1, 640, 480)))
    result = validate_dataset(dataset, CheckOptions(max_pixels=64 * 48))
    assert [(p.line, p.rule) for p in result.problems] == [(2, "image.size"), (2, "image.pixels")]
    result = validate_dataset(dataset, CheckOptions(max_pixels=1024))
    assert result.by_rule["record.pixels"] == 3


def test_images_may_lie_below_another_root(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "d")
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "train.jsonl"
    dataset.split_file("train").rename(moved)
    assert validate_file(moved).by_rule == {"image.missing": 4}
    assert validate_file(moved, tmp_path / "d").valid == 4


def messy_dataset(folder: Path) -> Dataset:
    """Many lines over several chunks, a good part of them bad in one way or another."""
    dataset = write_dataset(folder, train=6, val=3)
    good = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = list(good)
    for number in range(200):
        row = json.loads(good[number % 6])
        row["id"] = f"x{number % 190}"
        row["objects"] *= 1 + number % 3
        if number % 7 == 0:
            row["objects"][0]["bbox_2d"] = [4, 5, 900, 30]
        if number % 11 == 0:
            row["images"] = ["images/none.jpg"]
        rows.append("{oops" if number % 13 == 0 else json.dumps(row, ensure_ascii=False))
    (folder / "train.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (folder / "images" / "r2.jpg").write_bytes(encoded(picture(2))[:-40])
    (folder / "images" / "r8.jpg").write_bytes((folder / "images" / "r0.jpg").read_bytes())
    return dataset


@pytest.mark.parametrize("images", ["headers", "full"])
def test_one_worker_and_several_find_the_same_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: Images
) -> None:
    monkeypatch.setattr(checking, "CHUNK_BYTES", 4096)
    dataset = messy_dataset(tmp_path)
    told: list[list[Mapping[str, Any]]] = []
    results = []
    for workers in (1, 2, 3):
        rows: list[Mapping[str, Any]] = []
        options = CheckOptions(images, workers)
        results.append(validate_dataset(dataset, options, sink=rows.append))
        told.append(rows)
    assert results[0] == results[1] == results[2]
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == sum(results[0].by_rule.values())
    places = [(row["file"] != "train.jsonl", row["line"]) for row in told[0]]
    assert places == sorted(places)
    expected = {"line.json", "geometry.bounds", "image.missing", "record.duplicate_id"}
    if images == "full":
        expected |= {"image.truncated", "image.leak", "image.changed"}
    assert set(results[0].by_rule) >= expected - {"image.changed"}


def test_counts_are_complete_where_few_problems_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "KEPT", 3)
    path = tmp_path / "train.jsonl"
    path.write_text("{oops\n" * 20, encoding="utf-8")
    rows: list[Mapping[str, Any]] = []
    result = validate_file(path, sink=rows.append)
    assert (len(result.problems), result.by_rule, len(rows)) == (3, {"line.json": 20}, 20)


@pytest.mark.parametrize("size", [1, 7, 100, 10**6])
def test_chunks_cover_every_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(checking, "CHUNK_BYTES", size)
    raw = b"a\n\n" + b"b" * 300 + b"\r\nc\n\n" + b"d" * 20
    (tmp_path / "t.jsonl").write_bytes(raw)
    chunks = list(plan_chunks(tmp_path / "t.jsonl", 0))
    assert b"".join(raw[c.start : c.start + c.size] for c in chunks) == raw
    assert [c.first_line for c in chunks] == list(
        accumulate((c.lines for c in chunks[:-1]), initial=1)
    )
    assert sum(c.lines for c in chunks) == len(raw.splitlines()) == 6


def test_an_endless_line_is_refused_without_being_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_LINE", 100)
    monkeypatch.setattr(checking, "CHUNK_BYTES", 64)
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"{oops\n" + b"x" * 1000 + b"\n{oops\n" + b"y" * 500)
    result = validate_file(path)
    assert [(p.line, p.rule) for p in result.problems] == [
        (1, "line.json"),
        (2, "line.length"),
        (3, "line.json"),
        (4, "line.length"),
    ]


def test_a_dataset_in_bins_is_given_in_pixels(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path, "d", ("train",))
    writer.add_image("images/r0.jpg", encoded(picture(0)))
    writer.add("train", in_bins(box_record(0)))
    writer.finish()
    result = require_valid(open_dataset(tmp_path))
    assert result.records["train"] == [in_pixels(in_bins(box_record(0)))]
