"""The command line that shows how an answer is read."""
from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlcore.cli import main

Shell = Callable[..., tuple[int, str, str]]
FIBRE = '{"line": [<|coord_1|>,<|coord_2|>,<|coord_3|>,<|coord_4|>], "desc":"光纤"}'
GOOD = f'{{"objects": [{FIBRE}]}}'
RECORD = {"desc": "光纤", "line": [1, 2, 3, 4]}


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Run a command with a text or bytes on its standard input: exit code, output, errors."""

    def run(given: str | bytes, *arguments: str) -> tuple[int, str, str]:
        raw = given.encode() if isinstance(given, str) else given
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        code = main(["coordjson", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_strict_prints_the_records_with_numbers(shell: Shell) -> None:
    code, out, err = shell(GOOD + "\n", "parse", "--mode", "strict")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"records": [RECORD], "dropped": {}, "truncated": False}
    assert "光纤" in out


def test_strict_exits_2_with_position_and_reason(shell: Shell) -> None:
    code, out, err = shell(GOOD[:-2] + ",]}", "parse", "--mode", "strict")
    assert (code, out) == (2, "")
    assert err.startswith(f"-:{len(GOOD) - 1}: syntax: expected")


def test_the_order_of_keys_is_a_choice(shell: Shell) -> None:
    for order, expected in (("any", 0), ("geometry_first", 0), ("desc_first", 2)):
        assert shell(GOOD, "parse", "--mode", "strict", "--field-order", order)[0] == expected
    code, out, _ = shell(GOOD, "parse", "--mode", "salvage", "--field-order", "desc_first")
    assert code == 0
    assert json.loads(out)["dropped"] == {"order_violation": 1}


def test_salvage_prints_what_is_right_and_counts_the_rest(shell: Shell) -> None:
    broken = f'Sure: {{"objects": [{{"desc": 7}}, {FIBRE}, {{"desc": "a", "bbox'
    code, out, _ = shell(broken, "parse", "--mode", "salvage")
    assert code == 0
    assert json.loads(out) == {
        "records": [RECORD], "dropped": {"bad_desc": 1, "truncated": 1}, "truncated": True
    }


def test_spans_say_where_everything_stands(shell: Shell) -> None:
    text = f'{{"objects": [{{}}, {FIBRE}]}}'
    found: dict[str, Any] = json.loads(shell(text, "parse", "--mode", "salvage", "--spans")[1])
    (row,) = found["records"]
    assert text[slice(*row["span"])] == FIBRE
    assert text[slice(*row["geometry_span"])].startswith("[<|coord_1|>")
    assert row["index"] == 1
    assert found["drops"] == [{"rule": "missing_desc", "span": [13, 15]}]
    assert found["objects_array_open_cut"] == 13
    assert found["record_end_cuts"] == [15, row["span"][1]]


@pytest.mark.parametrize("flags", [(), ("--spans",)])
def test_render_is_the_inverse_of_parse(shell: Shell, flags: tuple[str, ...]) -> None:
    parsed = shell(GOOD, "parse", "--mode", "strict", *flags)[1]
    code, text, _ = shell(parsed, "render")
    assert code == 0
    start = '{"objects": [{"desc": "光纤", "line": [<|coord_1|>, '
    assert text.startswith(start)
    assert json.loads(shell(text, "parse", "--mode", "strict")[1])["records"] == [RECORD]
    flipped = shell(parsed, "render", "--field-order", "geometry_first")[1]
    assert flipped.startswith('{"objects": [{"line": ')


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("7", "records"),
        ('{"records": {}}', "records"),
        ('{"records": [7]}', "records[0]"),
        ('{"records": [{"line": [1, 2, 3, 4]}]}', "records[0].desc"),
        ('{"records": [{"desc": "a"}]}', "exactly one of"),
        ('{"records": [{"desc": "a", "line": [1, 2, 3, 4], "poly": []}]}', "exactly one of"),
        ('{"records": [{"desc": "a", "line": [1, 2, 3, 4], "score": 1}]}', "records[0].score"),
        ('{"records": [{"desc": "a", "line": [1, 2, 3, 4.5]}]}', "records[0].line"),
        ('{"records": [{"desc": "a", "line": [1, 2, 3, true]}]}', "records[0].line"),
        ('{"records": [{"desc": "a", "line": [1, 2, 3, 9999999]}]}', "digits"),
        ('{"records": [{"desc": "a", "line": [1, 2, 3, 1000]}]}', "outside 0..999"),
        ('{"records": [{"desc": "a", "line": [1, 2, 3]}]}', "even count"),
        ('{"records": [{"desc": "\\ud800", "line": [1, 2, 3, 4]}]}', "surrogate"),
        ('{"records": [{"desc": "a", "bbox_2d": [5, 2, 3, 4]}]}', "x1 <= x2"),
    ],
)
def test_what_cannot_be_written_is_refused(given: str, said: str, shell: Shell) -> None:
    code, out, err = shell(given, "render")
    assert (code, out) == (2, "")
    assert said in err


def test_a_file_may_be_named_instead(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "answer.txt"
    path.write_text(GOOD, encoding="utf-8")
    assert json.loads(shell("", "parse", str(path))[1])["records"] == [RECORD]


def test_what_cannot_be_read_at_all_exits_3(shell: Shell, tmp_path: Path) -> None:
    assert shell(b"\xff", "parse")[0] == 3
    code, _, err = shell("", "parse", str(tmp_path / "none"))
    assert code == 3
    assert "none" in err
