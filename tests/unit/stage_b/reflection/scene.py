"""Runs of the job in reflection mode, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from mlcore.stage_b import job
from mlcore.stage_b.backends.protocol import Question, Reply
from mlcore.stage_b.config import StageBConfig
from mlcore.stage_b.guidance.model import Guidance, guidance_json
from mlcore.stage_b.ticket import Decode, Ticket
from tests.support.tickets import BARE_FIBRE, GOOD, MISSION, PASS, guidance, ticket, write_stage_a

FIBRE_RULE = "若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。"
Says = Callable[[Question], str]


class Talking:
    """Passes every ticket; what it says in a reflection is given."""

    model_digest: str | None = None
    about: Mapping[str, str] = {"type": "talking"}

    def __init__(self, says: Says | None = None) -> None:
        self.says = says
        self.asked: list[Question] = []

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        self.asked += questions
        return [
            Reply(self.says(q) if self.says and "/reflection-" in q.name else PASS)
            for q in questions
        ]


def tickets(good: int = 12, bare: int = 8, wrong: int = 2) -> list[Ticket]:
    """The desk fails bare fibres and nothing else; `wrong` labels are mistaken."""
    out = [ticket(f"good{i:03}", "pass", GOOD) for i in range(good)]
    out += [ticket(f"bare{i:03}", "fail", GOOD, BARE_FIBRE) for i in range(bare)]
    out += [ticket(f"wrong{i:03}", "fail", GOOD) for i in range(wrong)]
    return out


def config(
    folder: Path,
    made: Sequence[Ticket],
    start: Guidance | None = None,
    epochs: int = 1,
    batch: int = 6,
    **reflection: Any,
) -> StageBConfig:
    write_stage_a(folder / "stage_a.jsonl", made)
    entry = {MISSION: guidance_json(start or guidance())}
    (folder / "guidance.json").write_text(json.dumps(entry), encoding="utf-8")
    values = {
        "kind": "stage_b",
        "mission": MISSION,
        "summaries": ["stage_a.jsonl"],
        "guidance": "guidance.json",
        "backend": {"type": "replay", "path": "x"},
        "sampler": {"grid": [{"temperature": 0.0}]},
        "runner": {"epochs": epochs, "batch_tickets": batch, "logging_steps": 7},
        "reflection": {"batch_size": 4, **reflection},
    }
    return StageBConfig.model_validate(values)


def run(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    made: StageBConfig,
    backend: Talking | None = None,
    *,
    place: str = "run",
    resuming: bool = False,
) -> tuple[Path, dict[str, Any]]:
    """The artifacts and the report."""
    monkeypatch.setattr(job, "open_backend", lambda *_, **__: backend or Talking())
    where = RunFolder(folder / place)
    attempt = where.last_attempt() + 1
    ctx = RunContext(
        where, EventWriter(where.events(attempt)), StopSignal(), attempt, resuming, folder
    )
    return where.artifacts, job.run(made, ctx)
