"""The command line that shows how an answer is read."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlcore.cli import main

GOOD = '{"objects": [{"line": [<|coord_1|>,<|coord_2|>,<|coord_3|>,<|coord_4|>], "desc":"光纤"}]}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "answer.txt"
    path.write_text(GOOD + "\n", encoding="utf-8")
    return path


def test_parse_prints_the_objects_with_numbers(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["coordjson", "parse", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == [{"desc": "光纤", "line": [1, 2, 3, 4]}]


def test_render_prints_the_canonical_form(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coordjson", "render", str(file)]) == 0
    start = '{"objects": [{"desc": "光纤", "line": [<|coord_1|>, '
    assert capsys.readouterr().out.startswith(start)


def test_a_refused_answer_names_its_character_and_exits_3(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["coordjson", "parse", str(file), "--order", "desc_first"]) == 3
    assert f"{file}:" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_exits_3(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    if content:
        path.write_bytes(content)
    assert main(["coordjson", "parse", str(path)]) == 3
    assert "x" in capsys.readouterr().err
