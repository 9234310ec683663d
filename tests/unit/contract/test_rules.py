"""The page of rules and the code name the same rules."""

from __future__ import annotations

import re
from pathlib import Path

import mlcore.contract
from mlcore.contract.rules import RULES

FOLDER = Path(mlcore.contract.__file__).parent
RULE_ID = re.compile(r'"((?:line|record|object|geometry|image|voc)\.[a-z_]+)"')


def test_every_rule_in_the_code_is_stated_and_every_stated_rule_is_used() -> None:
    sources = [p for p in FOLDER.glob("*.py") if p.name != "rules.py"]
    used = {name for path in sources for name in RULE_ID.findall(path.read_text("utf-8"))}
    assert used == set(RULES)


def test_every_rule_is_a_sentence() -> None:
    assert all(text[0].isupper() and text.endswith(".") for text in RULES.values())
