"""The ticket that a pattern reads from a path."""
from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.tickets import ticket_of


@pytest.mark.parametrize(
    ("pattern", "path", "ticket"),
    [
        (r"(T\d+)", "a/T12_front.jpg", "T12"),
        (r"T\d+", "a/T12_front.jpg", "T12"),
        (r"^(.*)/", "T9/front.jpg", "T9"),
        (r"(?:x)|(T\d)", "x", ""),
        (r"(T\d+)", "nothing.jpg", ""),
    ],
)
def test_the_first_group_or_the_whole_match_is_the_ticket(
    pattern: str, path: str, ticket: str
) -> None:
    assert ticket_of(re.compile(pattern), path) == ticket


@given(st.text(), st.from_regex(r"T[0-9]{1,6}", fullmatch=True))
def test_a_ticket_is_found_wherever_it_stands(before: str, ticket: str) -> None:
    assert ticket_of(re.compile(r"<(T[0-9]+)>"), f"{before}<{ticket}>/a.jpg") == ticket


def ask(question: object) -> object:
    done = subprocess.run(
        [sys.executable, "-m", "mlcore.contract.tickets"], input=json.dumps(question), text=True,
        capture_output=True, check=True,
    )
    return json.loads(done.stdout)


def test_the_program_answers_for_every_name() -> None:
    names = ["T1/a.jpg", "T1/b.jpg", "c.jpg"]
    assert ask({"pattern": "T.", "names": names}) == {"tickets": ["T1", "T1", ""]}


def test_the_program_says_what_is_wrong_with_a_pattern() -> None:
    assert "not a regular expression" in ask({"pattern": "(", "names": []})["problem"]
