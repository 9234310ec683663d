"""`python -m mlcore data`: output and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlcore.contract.cli import main
from mlcore.run.exits import ExitCode
from tests.support.datasets import add_voc, encoded, picture, voc_object, voc_xml, write_dataset


def test_a_good_file_exits_zero_with_its_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(tmp_path)
    assert main(["validate", str(tmp_path / "train.jsonl"), "--json"]) == ExitCode.OK
    shown = json.loads(capsys.readouterr().out)
    assert (shown["records"], shown["valid"], shown["rejected"], shown["problems"]) == (4, 4, 0, [])
    assert len(shown["fingerprint"]) == 64


def test_a_dataset_folder_is_checked_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_dataset(tmp_path)
    assert main(["validate", str(tmp_path), "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["fingerprint"] == dataset.fingerprint


@pytest.mark.parametrize(("share", "code"), [("0", ExitCode.DATA), ("0.25", ExitCode.OK)])
def test_the_share_decides_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], share: str, code: ExitCode
) -> None:
    write_dataset(tmp_path)
    (tmp_path / "images" / "r2.jpg").unlink()
    path = str(tmp_path / "train.jsonl")
    assert main(["validate", path, "--json", "--max-reject-share", share]) == code
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["line"], problem["path"], problem["rule"]) == (3, "images[0]", "image.missing")


def test_problems_read_as_file_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.jsonl").write_text("{\n")
    main(["validate", str(tmp_path / "t.jsonl"), "--rejects", str(tmp_path / "r.jsonl")])
    assert capsys.readouterr().out.startswith("t.jsonl:1: record: not JSON")
    assert (tmp_path / "r.jsonl").exists()


def test_a_missing_file_is_a_sentence_and_not_a_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(tmp_path / "none.jsonl")]) == ExitCode.DATA
    assert "cannot read" in capsys.readouterr().err


def test_an_import_tells_what_it_kept_and_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "voc"
    objects = voc_object("RBC", 1, 1, 9, 9) + voc_object("RBC", 7, 7, 7, 7)
    for number in range(2):
        add_voc(root, f"p{number}", voc_xml(objects), encoded(picture(number)))
    arguments = ["import", "voc", str(root), str(tmp_path / "cells"), "--max-reject-share", "0.5"]
    assert main(arguments) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "2 of 2 images, 2 of 4 objects" in shown
    assert "rejected Annotations/p0.xml:7: RBC has no area: [7, 7, 7, 7]" in shown
    assert main(arguments) == ExitCode.CONFIG


def test_an_import_past_the_share_exits_with_the_data_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "voc"
    add_voc(root, "p0", voc_xml(voc_object("RBC", 7, 7, 7, 7)), encoded(picture()))
    assert main(["import", "voc", str(root), str(tmp_path / "cells")]) == ExitCode.DATA
    assert "rejects.jsonl" in capsys.readouterr().err


def test_a_name_that_cannot_be_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["import", "voc", str(tmp_path), str(tmp_path / "o"), "--name", "a b"]
    assert main(arguments) == ExitCode.CONFIG
    assert "dataset_name" in capsys.readouterr().err
