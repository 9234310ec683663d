"""Nothing outside the packages of INSIDE reads model output."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.doors import doors

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("mlcore", "jobs", "console")
INSIDE = {
    ROOT / "mlcore" / "coordjson", ROOT / "mlcore" / "objectjson",
    ROOT / "mlcore" / "stage_b" / "replies",
}


def sources() -> list[Path]:
    return [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if INSIDE.isdisjoint(path.parents)
    ]


def test_no_other_code_parses_model_output() -> None:
    found = {str(p.relative_to(ROOT)): d for p in sources() if (d := doors(p.read_text()))}
    assert found == {}


PLANTED: list[tuple[str, str]] = [
    (r"import re; re.compile(r'<\|coord_(\d+)\|>')", "pattern of coordinates"),
    ("import re; re.findall('coord_[0-9]+', x)", "pattern of coordinates"),
    ("from re import findall as f; f('coord_[0-9]+', x)", "pattern applied|pattern of"),
    ("import json; json.loads(answer.text)", "JSON"),
    ("import json; json.loads(row['text'])", "JSON"),
    ("import json; json.loads(row.get('text'))", "JSON"),
    ("import json; json.loads(sample.raw)", "JSON"),
    ("import json\ndef f(row):\n    said = row.text.strip()\n    return json.loads(said)", "JSON"),
    ("import json\ndef f(completion):\n    return json.loads(completion)", "JSON"),
    ("import json\ndef f(r):\n    if (said := r.text): json.loads(s=said)", "JSON"),
    ("import json as j\ndef f(r):\n    a = r.text\n    b = a[3:] + '}'\n    j.loads(b)", "JSON"),
    ("from json import loads\nloads(prediction.text)", "JSON"),
    ("import orjson; orjson.loads(prediction.text.encode())", "JSON"),
    ("import ast; ast.literal_eval(prediction.text)", "JSON"),
    ("import json; json.JSONDecoder().raw_decode(prediction.text)", "JSON"),
    ("import json\nfor x in (a.text, b): json.loads(x)", "JSON"),
    ("import json; json.loads(f'[{answer.text}]')", "JSON"),
    ("import re; re.search('desc.*', prediction.text)", "pattern applied"),
    ("prediction.text.split('×')", "cut"),
    ("def f(r):\n    said = r.text\n    return said.strip().partition(',')", "cut"),
]


@pytest.mark.parametrize(("planted", "mark"), PLANTED)
def test_the_rule_sees_a_planted_violation(planted: str, mark: str) -> None:
    found = doors(planted)
    assert len(found) == 1
    assert any(part in found[0] for part in mark.split("|"))


@pytest.mark.parametrize(
    "harmless",
    ["import json; json.loads(line)", "path.read_text().split('\\n')", "json.loads(response.text)",
     "f'<|coord_{k}|>'", "parse_strict(answer.text)", "import json; json.dumps(answer.text)",
     "def f(r):\n    said = r.text\n    return len(said)\n"
     "def g(said):\n    return json.loads(said)"],
)
def test_the_rule_leaves_other_code_alone(harmless: str) -> None:
    assert doors(harmless) == []
