"""Tickets, guidance and a backend for tests of verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlcore.stage_b.backends.protocol import Question, Reply
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.ticket import Decode, Evidence, Ticket, Verdict

MISSION = "BBU安装方式检查（正装）"
CHECKLIST = "需要检测到BBU设备，且BBU安装螺丝符合要求"
GOOD = "类别=BBU安装螺丝,符合性=符合×1，类别=BBU设备,可见性=完整×1"
BAD = "类别=BBU安装螺丝,符合性=不符合,问题=未拧紧×1"
BARE_FIBRE = "类别=光纤,保护措施=无保护×1"
PASS = "Verdict: 通过\nReason: 螺丝符合"
FAIL = "Verdict: 不通过\nReason: 螺丝不符合"


def guidance(**experiences: str) -> Guidance:
    """The checklist and the texts by key."""
    return Guidance(MISSION, 1, {"G0": CHECKLIST, **experiences})


def ticket(group: str, label: Verdict, *summaries: str) -> Ticket:
    """A ticket whose images are called after their place."""
    images = tuple(f"{i}.jpg" for i in range(1, len(summaries) + 1))
    return Ticket(group, label, Evidence(MISSION, images, summaries))


def stage_a_line(one: Ticket) -> dict[str, Any]:
    """The ticket as Stage-A writes it."""
    texts = one.evidence.summaries
    return {
        "group_id": one.group_id,
        "mission": one.mission,
        "label": one.label,
        "images": list(one.evidence.images),
        "per_image": {f"image_{i}": text for i, text in enumerate(texts, start=1)},
    }


def write_stage_a(path: Path, tickets: Sequence[Ticket]) -> Path:
    """A file of records."""
    lines = [json.dumps(stage_a_line(one), ensure_ascii=False) for one in tickets]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Scripted:
    """A backend that says what a table has for (group, draw), and remembers what it was asked."""

    model_digest: str | None = None
    about: Mapping[str, Any] = {"type": "scripted"}

    def __init__(self, texts: Mapping[tuple[str, int], str | None]) -> None:
        self.texts = texts
        self.asked: list[Question] = []

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        self.asked += questions
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> Reply:
        text = self.texts[question.name.rpartition("/")[2], question.draw]
        return Reply(text, "" if text is not None else "a prompt of 9 tokens, most is 8")
