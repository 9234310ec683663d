"""The examples of docs/model-output.md."""
from __future__ import annotations

import doctest
from pathlib import Path

from mlcore.coordjson.errors import RULES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "model-output.md"


def test_the_examples_are_true() -> None:
    done = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert done.attempted > 8
    assert done.failed == 0


def test_every_rule_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [rule for rule in RULES if f"`{rule}`" not in text] == []
