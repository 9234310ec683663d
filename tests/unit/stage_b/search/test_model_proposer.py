"""Proposals of a language model: what it is asked, word for word (UPDATE_GOLDEN=1), and what is
taken from what it says."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mlcore.stage_b import job
from mlcore.stage_b.artifacts import read_rows
from mlcore.stage_b.backends.protocol import Question, Reply
from mlcore.stage_b.decide import Decided, decide
from mlcore.stage_b.guidance.operations import Operation
from mlcore.stage_b.rollout import Rolled
from mlcore.stage_b.rows import RuleCandidateRow
from mlcore.stage_b.search.config import ModelProposerConfig
from mlcore.stage_b.search.model_proposer import ModelProposer, proposal_turns
from mlcore.stage_b.ticket import Decode, Ticket
from mlcore.stage_b.verdict.contract import parse_two_lines
from mlcore.stage_b.verdict.select import Candidate, Policy
from tests.support.tickets import BARE_FIBRE, GOOD, PASS, guidance, ticket
from tests.unit.stage_b.reflection.scene import FIBRE_RULE, config, run, tickets

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "reflection_prompts" / "proposal.txt"
TOLD = guidance(S1="任何一张图里的明确否定都算数。")


def decided(one: Ticket) -> Decided:
    candidate = Candidate(0, Decode(0.0, 0.9, 64), PASS, parse_two_lines(PASS))
    return decide(Rolled(one, [candidate]), TOLD, Policy())


JUDGED = [
    decided(ticket("good", "pass", GOOD)),
    *(decided(ticket(f"bare{i}", "fail", GOOD, BARE_FIBRE)) for i in range(3)),
]


def reply(text: str = FIBRE_RULE, evidence: Sequence[str] = ("第1组", "bare1::fail")) -> str:
    operation = {"op": "add", "text": text, "rationale": "裸纤", "evidence": list(evidence)}
    value = {"has_evidence": True, "evidence_analysis": "裸纤", "operations": [operation]}
    return f"改动：\n```json\n{json.dumps(value, ensure_ascii=False)}\n```"


class Saying:
    """Says one thing in answer to a proposal and passes every ticket."""

    model_digest: str | None = None
    about: dict[str, Any] = {}

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[Question] = []

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        self.asked += questions
        return [Reply(self.text if q.name.endswith("/proposal") else PASS) for q in questions]


def proposed(text: str, **changes: Any) -> tuple[list[Operation], Saying, list[str]]:
    backend, warned = Saying(text), list[str]()
    made = ModelProposer(
        ModelProposerConfig(type="model", **changes),
        backend,
        "bbu",
        lambda code, message: warned.append(f"{code}: {message}"),
    )
    return made.propose(JUDGED, TOLD, 3), backend, warned


def test_a_prompt_is_exactly_this() -> None:
    turns = proposal_turns(JUDGED[1:3], TOLD, "bbu", 3)
    text = "\n".join(f"[{turn.role}]\n{turn.text}" for turn in turns) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text, "UPDATE_GOLDEN=1 pytest this file"


def test_only_wrongly_judged_tickets_are_shown_and_can_be_evidence() -> None:
    made, backend, warned = proposed(reply())
    assert [one.text for one in made] == [FIBRE_RULE]
    assert made[0].evidence == ("bare0::fail", "bare1::fail")
    assert warned == []
    assert "good::pass" not in backend.asked[0].turns[-1].text


@pytest.mark.parametrize(
    "text",
    [reply(evidence=["good::pass"]), reply(evidence=[]), reply("若图2松动，则判不通过")],
)
def test_what_may_not_become_a_rule_is_not_tried(text: str) -> None:
    assert proposed(text)[0] == []


def test_an_answer_that_cannot_be_read_is_warned_of() -> None:
    made, _, warned = proposed("不知道")
    assert made == []
    assert warned == ["proposal_unread: there is no JSON object"]


def test_a_prompt_shows_what_fits() -> None:
    _, backend, _ = proposed(reply(), token_budget=560)
    assert 0 < backend.asked[0].turns[-1].text.count("ticket_key=") < 3


def test_a_search_tries_what_a_model_proposes_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path, tickets(40, 40, 0))
    shares = {"propose_share": 0.3, "gate_share": 0.4}
    asked = {"proposer": {"type": "model"}, "iterations": 2, **shares}
    plain = made.model_dump(mode="json") | {"reflection": None, "search": asked}
    backend = Saying(reply(evidence=["第1组"]))
    folder, report = run(monkeypatch, tmp_path, job.StageBConfig.model_validate(plain), backend)
    rows = list(read_rows(folder / "verdicts", "rule_candidates.jsonl", RuleCandidateRow))
    assert (rows[0].proposer, rows[0].applied) == ("model", True)
    assert report["search"]["rules_accepted"] == 1
