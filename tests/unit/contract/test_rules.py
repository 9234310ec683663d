"""The page of rules and the code name the same rules, and each of them refuses something."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mlcore
from mlcore.contract.rules import RULES
from tests.support.must_fail import FIXTURES

FOLDER = Path(mlcore.__file__).parent
FAMILIES = "|".join(sorted({rule.partition(".")[0] for rule in RULES}))
RULE_ID = re.compile(rf"({FAMILIES})\.[a-z_0-9]+")
MAKERS = {"Fault": 0, "add": 0, "Problem": 5}
"""calls that state a problem, and which argument is its rule"""
FILES = re.compile(r"dataset\.json|[a-z_]+\.jsonl")
"""names of files that look like rules"""


def constants(tree: ast.AST) -> set[str]:
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is str}


def stated(tree: ast.AST) -> set[str]:
    """Rules given to a call that states a problem, also of families that nobody has listed."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        place = MAKERS.get(ast.unparse(node.func).rpartition(".")[2])
        if place is not None and len(node.args) > place:
            found |= constants(node.args[place])
    return {text for text in found if re.fullmatch(r"[a-z_]+\.[a-z_0-9]+", text)}


def emitted(source: str) -> set[str]:
    tree = ast.parse(source)
    named = {text for text in constants(tree) if RULE_ID.fullmatch(text)}
    return {text for text in named | stated(tree) if not FILES.fullmatch(text)}


def test_every_rule_in_the_code_is_stated_and_every_stated_rule_is_used() -> None:
    sources = [p for p in FOLDER.rglob("*.py") if p.name != "rules.py"]
    used: set[str] = set().union(*(emitted(p.read_text("utf-8")) for p in sources))
    assert used == set(RULES)


def test_the_page_on_data_lists_every_rule_with_its_sentence_in_order() -> None:
    page = (FOLDER.parent / "docs" / "data.md").read_text("utf-8").partition("## The rules")[2]
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", page, re.MULTILINE)
    assert rows == list(RULES.items())


def test_a_planted_rule_is_seen() -> None:
    assert emitted('Fault("shape.round", "x")\n') == {"shape.round"}
    assert emitted('Problem("f", 1, 0, "id", "m", "record.planted")\n') == {"record.planted"}


def test_every_rule_is_a_sentence() -> None:
    assert all(text[0].isupper() and text.endswith(".") for text in RULES.values())


def test_every_rule_has_an_input_that_breaks_it() -> None:
    assert sorted(FIXTURES) == sorted(RULES)


@pytest.mark.parametrize("rule", sorted(FIXTURES))
def test_the_input_that_breaks_a_rule_is_refused_by_that_rule(rule: str, tmp_path: Path) -> None:
    assert set(FIXTURES[rule](tmp_path)) == {rule}
