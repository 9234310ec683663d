"""Validation: every fault of a line, an object or an image is named and counted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mlcore.contract.pictures import image_faults
from mlcore.contract.records import record_line
from mlcore.contract.rules import RULES
from mlcore.contract.validate import (
    require_valid,
    validate_dataset,
    validate_file,
    write_rejects,
)
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
    with pytest.raises(DataError, match="fingerprint"):
        require_valid(dataset)


def test_a_file_without_lines_is_rejected_whole(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    result = validate_file(tmp_path / "train.jsonl")
    assert (result.lines, result.reject_share) == (0, 1.0)


def test_every_problem_of_every_line_is_in_the_rejects_file(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{oops\n{"id":""}\n', encoding="utf-8")
    result = validate_file(path)
    write_rejects(tmp_path / "rejects.jsonl", result)
    lines = (tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert result.rejected == 2
    assert [r["line"] for r in rows] == [1] + [2] * (len(rows) - 1)
    assert rows[0]["record"] == "{oops"
    assert sum(result.by_rule().values()) == len(rows)


def test_progress_is_told_line_by_line_and_may_stop_the_check(tmp_path: Path) -> None:
    done: list[int] = []
    validate_dataset(write_dataset(tmp_path), done.append)
    assert done == [1, 2, 3, 4, 5, 6]


def test_a_grey_picture_may_stand_for_a_record(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    grey = Image.new("L", (64, 48), 90)
    (tmp_path / "images" / "r0.jpg").write_bytes(encoded(grey))
    assert validate_dataset(dataset).problems == []
