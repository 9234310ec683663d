"""Older lines become records of the contract; what was done is counted, nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.contract import migrate
from mlcore.contract.cli import main
from mlcore.contract.migrate import MigrateOptions, migrate_file
from mlcore.contract.records import Record, record_line
from mlcore.contract.validate import validate_file
from mlcore.errors import ConfigError
from mlcore.run.exits import ExitCode
from tests.support.datasets import encoded, picture


def source(folder: Path, *rows: Any) -> Path:
    (folder / "images").mkdir()
    (folder / "images" / "a.jpg").write_bytes(encoded(picture()))
    path = folder / "old.jsonl"
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def old(*objects: dict[str, Any], **keys: Any) -> dict[str, Any]:
    base = {"images": ["images/a.jpg"], "width": 64, "height": 48, "objects": list(objects)}
    return {**base, **keys}


def migrated(folder: Path, *rows: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    path = source(folder, *rows)
    done = migrate_file(path, folder / "new.jsonl", MigrateOptions(folder, "pixel"))
    lines = (folder / "new.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines], dict(done.changes)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"quad": [1, 1, 9, 1, 9, 9, 1, 9]}, {"poly": [1, 1, 9, 1, 9, 9, 1, 9]}),
        ({"bbox": [1, 2, 9, 9]}, {"bbox_2d": [1, 2, 9, 9]}),
        ({"polygon": [[1, 1], [9, 1], [9, 9], [1, 9]]}, {"poly": [1, 1, 9, 1, 9, 9, 1, 9]}),
        ({"poly": [1, 1, 9, 1, 9, 9, 1, 9, 1, 1]}, {"poly": [1, 1, 9, 1, 9, 9, 1, 9]}),
        ({"poly": [0, 0, 10, 0, 0, 4], "poly_points": 3}, {"poly": [0, 0, 10, 0, 5, 2, 0, 4]}),
    ],
)
def test_each_older_geometry_becomes_the_contract_s(
    tmp_path: Path, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    (row,), _ = migrated(tmp_path, old({"desc": "x", **given}))
    assert row["objects"] == [{"desc": "x", **expected}]
    assert (row["id"], row["coord_space"]) == ("old-000001", "pixel")
    assert validate_file(tmp_path / "new.jsonl").valid == 1


def test_coord_tokens_become_bins_whatever_space_was_asked_for(tmp_path: Path) -> None:
    tokens = [f"<|coord_{n}|>" for n in (1, 2, 900, 999)]
    (row,), changes = migrated(tmp_path, old({"desc": "x", "bbox_2d": tokens}))
    assert row["coord_space"] == "norm1000"
    assert row["objects"][0]["bbox_2d"] == [1, 2, 900, 999]
    assert changes["coord tokens to bins"] == 1


def test_paths_below_the_root_and_sizes_of_files_are_filled_in(tmp_path: Path) -> None:
    row = old(images=[str(tmp_path / "images" / "a.jpg")])
    del row["width"], row["height"]
    (made,), changes = migrated(tmp_path, row)
    assert (made["images"], made["width"], made["height"]) == (["images/a.jpg"], 64, 48)
    assert changes["sizes read from files"] == changes["image paths made relative"] == 1


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    migrated(tmp_path, old({"desc": "x", "poly": [0, 0, 10, 0, 0, 4]}))
    options = MigrateOptions(tmp_path, "pixel")
    again = migrate_file(tmp_path / "new.jsonl", tmp_path / "again.jsonl", options)
    assert not +again.changes
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "new.jsonl").read_bytes()


def test_what_cannot_be_told_is_rejected_with_its_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = source(tmp_path, "{oops", old({"desc": "x", "bbox": [1, 2, 9]}), [])
    arguments = ["migrate", str(path), str(tmp_path / "new.jsonl"), "--json"]
    assert main(arguments) == ExitCode.DATA
    shown = json.loads(capsys.readouterr().out)
    assert (shown["lines"], shown["kept"]) == (3, 0)
    expected = {"line.json", "geometry.count", "record.coord_space", "record.type"}
    assert set(shown["by_rule"]) == expected
    assert (tmp_path / "new.jsonl.rejects.jsonl").read_text().count("\n") >= 4


@pytest.mark.parametrize(("share", "code"), [("0.49", ExitCode.DATA), ("0.5", ExitCode.OK)])
def test_the_share_decides_the_exit_code(tmp_path: Path, share: str, code: ExitCode) -> None:
    path = source(tmp_path, "{oops", old())
    arguments = ["migrate", str(path), str(tmp_path / "new.jsonl"), "--coord-space", "pixel"]
    assert main([*arguments, "--max-reject-share", share]) == code


def test_a_source_without_lines_is_no_success(tmp_path: Path) -> None:
    path = source(tmp_path)
    path.write_text("", encoding="utf-8")
    assert main(["migrate", str(path), str(tmp_path / "new.jsonl")]) == ExitCode.DATA


def test_a_size_of_null_is_read_from_the_file_like_a_missing_one(tmp_path: Path) -> None:
    (made,), changes = migrated(tmp_path, old(width=None, height=None))
    assert (made["width"], made["height"]) == (64, 48)
    assert changes["sizes read from files"] == 1


def test_a_stated_size_is_kept_where_only_the_other_is_null(tmp_path: Path) -> None:
    (made,), _ = migrated(tmp_path, old(width=65, height=None))
    assert (made["width"], made["height"]) == (65, 48)


def test_a_migration_that_stops_leaves_no_part_of_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = source(tmp_path, old(), old())
    before = sorted(p.name for p in tmp_path.iterdir())
    calls = iter([record_line])

    def once(record: Record) -> str:
        return next(calls)(record)

    monkeypatch.setattr(migrate, "record_line", once)
    with pytest.raises(StopIteration):
        migrate_file(path, tmp_path / "new.jsonl", MigrateOptions(tmp_path, "pixel"))
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_without_json_the_counts_are_sentences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = source(tmp_path, old({"desc": "x", "bbox": [1, 2, 9, 9]}), "{oops")
    main(["migrate", str(path), str(tmp_path / "new.jsonl"), "--coord-space", "pixel"])
    shown = capsys.readouterr()
    assert "bbox to bbox_2d: 1\n" in shown.out
    assert shown.out.endswith("2 records: 1 kept, 1 rejected\n")
    assert "new.jsonl.rejects.jsonl" in shown.err


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = source(tmp_path, old())
    with pytest.raises(ConfigError, match="exists"):
        migrate_file(path, path, MigrateOptions(tmp_path, "pixel"))
