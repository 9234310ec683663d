"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.errors import InfrastructureError
from mlcore.run.aside import written_aside


def test_both_files_appear_at_the_end_and_not_before(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    with written_aside(first, second) as (one, two):
        one.write("1")
        two.write("两")
        assert not first.exists()
        assert not second.exists()
    assert (first.read_text(encoding="utf-8"), second.read_text(encoding="utf-8")) == ("1", "两")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_an_error_leaves_nothing_behind_and_an_older_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")
    with (
        pytest.raises(ZeroDivisionError),
        written_aside(tmp_path / "a.txt", tmp_path / "b.txt") as (one, _two),
    ):
        one.write(str(1 / 0))
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InfrastructureError, match="nowhere"),
        written_aside(tmp_path / "nowhere" / "a.txt"),
    ):
        pass
