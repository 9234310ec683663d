"""Killed at every entry of the journal, a run that resumes leaves what an unbroken one leaves."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlcore.stage_b.journal import Journal
from tests.unit.stage_b.reflection.scene import Talking, config, run, tickets

CLOCK = {"elapsed_seconds", "groups_per_second", "eta_seconds_epoch", "eta_seconds_run"}
TIMES = {"created_at", "updated_at", "time", "timestamp", "first_seen", "last_seen"} | CLOCK
TIMES |= {"promoted_at", "rejected_at"}
Write = Callable[[Journal, str, Any], None]
WRITE: Write = Journal._write


class KilledError(BaseException):
    """As a signal would end the process: nothing may catch it."""


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(v) for key, v in value.items() if key not in TIMES}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def contents(folder: Path) -> dict[str, Any]:
    """Every artifact without its times; snapshots are called after theirs."""
    out: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.json*")):
        lines = path.read_text(encoding="utf-8")
        rows = lines.splitlines() if path.suffix == ".jsonl" else [lines]
        name = "snapshot" if path.parent.name == "snapshots" else path.name
        out.setdefault(name, []).extend(timeless(json.loads(row)) for row in rows)
    return out


def killing(at: int, *, torn: bool) -> Write:
    """Writes until the `at`-th entry, of which half or all reaches the disk."""
    written = 0

    def write(journal: Journal, what: str, facts: Any) -> None:
        nonlocal written
        written += 1
        WRITE(journal, what, facts)
        if written == at:
            if torn:
                data = journal.path.read_bytes()
                journal.path.write_bytes(data[: -len(data.splitlines()[-1]) // 2])
            raise KilledError

    return write


def test_a_run_that_was_killed_anywhere_ends_as_if_it_had_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    made = config(tmp_path, tickets(4, 5, 1), epochs=2, batch=8, batch_size=3, retry_budget=1)
    whole, _ = run(monkeypatch, tmp_path, made, place="whole")
    expected = contents(whole)
    entries = len((whole.parent / "journal.jsonl").read_text(encoding="utf-8").splitlines())
    assert entries > 12
    for at in range(1, entries + 1):
        place = f"killed-{at}"
        monkeypatch.setattr(Journal, "_write", killing(at, torn=at % 2 == 0))
        with pytest.raises(KilledError):
            run(monkeypatch, tmp_path, made, place=place)
        monkeypatch.setattr(Journal, "_write", WRITE)
        backend = Talking()
        folder, _ = run(monkeypatch, tmp_path, made, backend, place=place, resuming=True)
        assert contents(folder) == expected, f"killed at entry {at}"
        again = (folder.parent / "journal.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(again) == entries


def test_what_was_answered_before_the_kill_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path, tickets(6, 6, 1), batch=7)
    monkeypatch.setattr(Journal, "_write", killing(3, torn=False))
    with pytest.raises(KilledError):
        run(monkeypatch, tmp_path, made)
    monkeypatch.setattr(Journal, "_write", WRITE)
    backend = Talking()
    run(monkeypatch, tmp_path, made, backend, resuming=True)
    assert len(backend.asked) == 13 - 7


def test_a_resumed_run_that_was_over_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path, tickets(6, 6, 1))
    folder, first = run(monkeypatch, tmp_path, made)
    before, backend = contents(folder), Talking()
    _, again = run(monkeypatch, tmp_path, made, backend, resuming=True)
    assert contents(folder) == before
    assert again == first
    assert backend.asked == []
