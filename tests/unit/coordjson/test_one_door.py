"""Nothing outside mlcore/coordjson reads model output."""
from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("mlcore", "jobs", "console")
COORD = re.compile(r"coord_(\\|\(|\[|\.|\d)|\|>")
ANSWER_NAMES = {"text", "raw", "raw_text", "answer", "output", "completion", "generated"}
JSON_READERS = {"json.loads", "json.JSONDecoder", "ast.literal_eval", "orjson.loads"}
PATTERN_MAKERS = {"re.compile", "re.match", "re.search", "re.findall", "re.finditer",
                  "re.fullmatch", "re.split", "regex.compile"}


def doors(source: str) -> list[str]:
    """Places that look like a second parser of model output.

    Three marks: a regular expression about coordinate tokens; a JSON reader applied to the text
    of an answer (an attribute `.text` or `.raw`, or `row["text"]`); and splitting such a text.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in PATTERN_MAKERS and any(_mentions_coords(arg) for arg in node.args):
                found.append(f"line {node.lineno}: pattern of coordinates")
            if name in JSON_READERS and any(_is_answer(arg) for arg in node.args):
                found.append(f"line {node.lineno}: JSON read from an answer")
            if _cuts(node.func):
                found.append(f"line {node.lineno}: answer cut apart")
    return found


def _cuts(function: ast.expr) -> bool:
    named = isinstance(function, ast.Attribute) and function.attr in ("split", "partition")
    return named and isinstance(function, ast.Attribute) and _is_answer(function.value)


def _mentions_coords(node: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Constant) and isinstance(part.value, str) and COORD.search(part.value)
        for part in ast.walk(node)
    )


def _is_answer(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute) and node.attr in ANSWER_NAMES:
        return _owner(node.value) not in ("response", "source", "self", "options", "error")
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and node.slice.value in ANSWER_NAMES
    )


def _owner(node: ast.expr) -> str:
    return ast.unparse(node).rsplit(".", 1)[-1]


def sources() -> list[Path]:
    inside = {ROOT / "mlcore" / "coordjson", ROOT / "mlcore" / "objectjson"}
    return [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if inside.isdisjoint(path.parents)
    ]


def test_no_other_code_parses_model_output() -> None:
    found = {str(p.relative_to(ROOT)): d for p in sources() if (d := doors(p.read_text()))}
    assert found == {}


@pytest.mark.parametrize(
    ("planted", "mark"),
    [
        (r"import re; re.compile(r'<\|coord_(\d+)\|>')", "pattern"),
        ("import re; re.findall('coord_[0-9]+', x)", "pattern"),
        ("import json; json.loads(answer.text)", "JSON"),
        ("import json; json.loads(row['text'])", "JSON"),
        ("import json; json.loads(sample.raw)", "JSON"),
        ("prediction.text.split('×')", "cut"),
    ],
)
def test_the_rule_sees_a_planted_violation(planted: str, mark: str) -> None:
    assert len(doors(planted)) == 1
    assert mark in doors(planted)[0]


@pytest.mark.parametrize(
    "harmless",
    ["import json; json.loads(line)", "path.read_text().split('\\n')", "json.loads(response.text)",
     "f'<|coord_{k}|>'", "parse_strict(answer.text)"],
)
def test_the_rule_leaves_other_code_alone(harmless: str) -> None:
    assert doors(harmless) == []
