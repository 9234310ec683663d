"""A run that was killed anywhere ends as if it had not been."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.errors import DataError
from mlcore.stage_b.backends.protocol import Question, Reply
from mlcore.stage_b.journal import Journal, JournaledBackend
from mlcore.stage_b.ticket import Decode
from tests.support.tickets import Scripted

COLD = Decode(0.0, 1.0, 8)


def asked(*groups: str) -> list[Question]:
    return [Question(f"m/{group}", ()) for group in groups]


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    backend = Scripted({("a", 0): "one", ("b", 0): None})
    journal = Journal(path, resume=False)
    first = JournaledBackend(backend, journal).answer(asked("a", "b"), COLD)
    journal.close()
    again = Journal(path, resume=True)
    assert again.replaying
    assert JournaledBackend(Scripted({}), again).answer(asked("a", "b"), COLD) == first
    assert not again.replaying
    assert again.now == journal.now
    assert JournaledBackend(backend, again).answer(asked("a"), COLD)[0].text == "one"


def test_a_torn_entry_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, resume=False)
    journal.step("heard", {"a": 1})
    journal.step("heard", {"a": 2})
    path.write_bytes(path.read_bytes()[:-5])
    again = Journal(path, resume=True)
    again.step("heard", {"a": 1})
    assert not again.replaying
    again.step("heard", {"a": 3})
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize(("what", "value"), [("heard", 2), ("told", 1)])
def test_a_run_that_does_something_else_is_told(tmp_path: Path, what: str, value: int) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, resume=False).step("heard", {"a": 1})
    with pytest.raises(DataError, match="does not fit") as caught:
        Journal(path, resume=True).step(what, {"a": value})
    assert caught.value.where == "journal.jsonl:1"


def test_other_questions_are_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, resume=False).answers("x", lambda: [Reply("y")])
    with pytest.raises(DataError, match="other questions"):
        Journal(path, resume=True).answers("z", list)


def test_a_run_that_starts_again_forgets_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, resume=False).step("begin", {})
    assert Journal(path, resume=True).begun() is not None
    assert Journal(path, resume=False).begun() is None


def test_a_damaged_journal_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, resume=False).step("begin", {})
    path.write_text(path.read_text(encoding="utf-8") + "{broken\n", encoding="utf-8")
    journal = Journal(path, resume=True)
    with pytest.raises(DataError) as caught:
        journal.step("begin", {})
    assert caught.value.where == "journal.jsonl:2"
