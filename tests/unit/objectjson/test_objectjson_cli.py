"""The command line for object_N JSON, and the line that may stand before an answer."""
from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable

import pytest

from mlcore.cli import main
from mlcore.objectjson import ObjectJsonError, PlainObject, Scale
from mlcore.objectjson.prefix import Prefix, parse_prefixed, read_prefix

Shell = Callable[..., tuple[int, str, str]]
GOOD = '{"object_1": {"desc": "a", "bbox_2d": [10, 20, 30, 40]}, "object_2": {"desc": "光纤", ' \
       '"line_points": 2, "line": [[1, 2], [3, 4]]}}'
RECORDS = [{"desc": "a", "bbox_2d": [10, 20, 30, 40]}, {"desc": "光纤", "line": [1, 2, 3, 4]}]
LINE = "<DOMAIN=BBU>, <TASK=DETECTION>\n"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    def run(given: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        code = main(["objectjson", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize("mode", ["strict", "salvage"])
@pytest.mark.parametrize(
    "scale",
    [(), ("--emit-norm", "norm100"), ("--emit-norm", "none", "--width", "64", "--height", "48")],
)
def test_render_is_the_inverse_of_parse(mode: str, scale: tuple[str, ...], shell: Shell) -> None:
    code, out, _ = shell(GOOD, "parse", "--mode", mode, *scale)
    assert code == 0
    assert json.loads(out) == {"records": RECORDS, "dropped": {}, "truncated": False}
    assert shell(out, "render", *scale) == (0, GOOD + "\n", "")


def test_a_refused_answer_exits_2_with_its_position(shell: Shell) -> None:
    code, out, err = shell(GOOD.replace("object_2", "object_3"), "parse")
    assert (code, out) == (2, "")
    place = GOOD.index('"object_2"')
    assert err.startswith(f"-:{place}: bad_index: ")
    assert shell(GOOD, "parse", "--emit-norm", "none", "--width", "20", "--height", "20")[0] == 2


def test_pixels_need_a_size(shell: Shell) -> None:
    code, _, err = shell(GOOD, "parse", "--emit-norm", "none")
    assert code == 2
    assert "width and height" in err
    assert shell(GOOD, "parse", "--space", "pixels")[0] == 2
    assert shell(GOOD, "parse", "--emit-norm", "norm100", "--space", "pixels")[0] == 2


def test_numbers_can_be_shown_in_another_space(shell: Shell) -> None:
    size = ("--width", "1000", "--height", "500")
    bins = json.loads(shell(GOOD, "parse", "--emit-norm", "norm100", "--space", "bins")[1])
    assert bins["records"][0]["bbox_2d"] == [101, 202, 303, 404]
    pixels = json.loads(shell(GOOD, "parse", "--space", "pixels", *size)[1])
    assert pixels["records"][0]["bbox_2d"][0] == 10.0
    assert pixels["records"][0]["bbox_2d"][1] == pytest.approx(20 * 499 / 999)


@pytest.mark.parametrize("mode", ["strict", "salvage"])
def test_a_first_line_is_read_and_reported(mode: str, shell: Shell) -> None:
    code, out, _ = shell(LINE + GOOD, "parse", "--mode", mode)
    assert code == 0
    assert json.loads(out)["prefix"] == {"domain": "BBU", "task": "DETECTION"}
    assert json.loads(out)["records"] == RECORDS


def test_positions_after_a_first_line_are_of_the_whole_text() -> None:
    text = LINE + '{"object_1": 7}'
    with pytest.raises(ObjectJsonError) as caught:
        parse_prefixed(text, Scale())
    assert caught.value.position == text.index("7")
    assert caught.value.rule == "not_an_object"


def test_the_first_line_must_name_this_task() -> None:
    item = PlainObject("a", "bbox_2d", (10, 20, 30, 40))
    only = '{"object_1": {"desc": "a", "bbox_2d": [10, 20, 30, 40]}}'
    assert parse_prefixed(LINE + only, Scale()) == (Prefix("BBU", "DETECTION", len(LINE)), [item])
    assert parse_prefixed(only, Scale()) == (None, [item])
    with pytest.raises(ObjectJsonError) as caught:
        parse_prefixed(LINE.replace("DETECTION", "SUMMARY") + only, Scale())
    assert caught.value.rule == "bad_prefix"


@pytest.mark.parametrize("text", ["", GOOD, " " + LINE, LINE[:-1], LINE.replace(", ", ",")])
def test_other_first_lines_are_none(text: str) -> None:
    assert read_prefix(text) is None
