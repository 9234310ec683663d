"""Reflection with a language model: what it is asked, word for word (UPDATE_GOLDEN=1), and what
becomes of what it says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlcore.stage_b.artifacts import read_rows
from mlcore.stage_b.backends.protocol import Question
from mlcore.stage_b.decide import decide
from mlcore.stage_b.guidance.model import Guidance, read_guidance
from mlcore.stage_b.learner import Judged
from mlcore.stage_b.reflection.meeting import Meeting, pack
from mlcore.stage_b.reflection.prompts import decision_turns, ops_turns, tokens_of
from mlcore.stage_b.rollout import Rolled
from mlcore.stage_b.rows import HypothesisEventRow, NeedReviewRow, ReflectionRow
from mlcore.stage_b.ticket import Decode, Ticket
from mlcore.stage_b.verdict.contract import parse_two_lines
from mlcore.stage_b.verdict.select import Candidate, Policy
from tests.support.tickets import BAD, BARE_FIBRE, FAIL, GOOD, MISSION, PASS, guidance, ticket
from tests.unit.stage_b.reflection.scene import FIBRE_RULE, Talking, config, run, tickets

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "reflection_prompts"
TOLD = guidance(S1="任何一张图里的明确否定都算数。", G1=FIBRE_RULE)


def judged(one: Ticket, told: Guidance, *said: str) -> Judged:
    candidates = [
        Candidate(i, Decode(0.1, 0.9, 64), text, parse_two_lines(text))
        for i, text in enumerate(said)
    ]
    rolled = Rolled(one, candidates)
    return Judged(rolled, decide(rolled, told, Policy()), 1, 0, told)


def meeting(*records: Judged) -> Meeting:
    return Meeting("model-0003", 3, records, (), TOLD, (), 4)


RECORDS = (
    judged(ticket("a", "fail", GOOD, f"{GOOD}，需复核,备注:反光"), TOLD, PASS, FAIL),
    judged(ticket("b", "pass", BAD), TOLD, FAIL, "?"),
)


@pytest.mark.parametrize(("name", "turns"), [("decision", decision_turns), ("ops", ops_turns)])
def test_a_prompt_is_exactly_this(name: str, turns: Callable[..., Any]) -> None:
    asked = turns(meeting(*RECORDS), "bbu")
    text = "\n".join(f"[{turn.role}]\n{turn.text}" for turn in asked) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "UPDATE_GOLDEN=1 pytest this file, and commit"


def keys_in(question: Question) -> list[str]:
    lines = question.turns[-1].text.splitlines()
    return [line.partition("ticket_key=")[2] for line in lines if "ticket_key=" in line]


def says(ops: Callable[[list[str]], dict[str, Any] | str], decision: Any = None) -> Any:
    def answer(question: Question) -> str:
        keys = keys_in(question)
        if question.name.endswith("decision"):
            unexplained = [key for key in keys if key.startswith("wrong")]
            found = {"no_evidence_group_ids": [*unexplained, "other::fail"],
                     "decision_analysis": "没有缺陷"}  # fmt: skip
            return decision or f"```json\n{json.dumps(found)}\n```"
        made = ops(keys)
        return made if isinstance(made, str) else json.dumps(made)

    return answer


def adding(keys: list[str], text: str = FIBRE_RULE, **changes: Any) -> dict[str, Any]:
    operation = {"op": "add", "text": text, "rationale": "新", "evidence": keys}
    return {"has_evidence": True, "evidence_analysis": "裸纤", "operations": [operation], **changes}


def rows_of(folder: Path) -> list[ReflectionRow]:
    return list(read_rows(folder / "verdicts", "reflection.jsonl", ReflectionRow))


@pytest.fixture
def reflect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def go(answer: Any, made: list[Ticket], **changes: Any) -> tuple[Path, dict[str, Any], Talking]:
        backend = Talking(answer)
        asked = config(tmp_path, made, reflector={"type": "model"}, **changes)
        folder, report = run(monkeypatch, tmp_path, asked, backend)
        return folder, report, backend

    return go


def test_what_it_says_becomes_guidance_and_a_queue(reflect: Callable[..., Any]) -> None:
    folder, report, _ = reflect(says(adding), tickets())
    learnt = read_guidance(folder / "guidance" / "guidance.json", MISSION)
    assert list(learnt.learnt.values()) == [FIBRE_RULE]
    assert learnt.metadata["G1"].reflection_id == "model-0001"
    queued = read_rows(folder / "verdicts", "need_review_queue.jsonl", NeedReviewRow)
    assert {r.ticket_key for r in queued} == {"wrong000::fail", "wrong001::fail"}
    assert report["reflection"]["tickets"]["need_review"] == 2


def test_a_name_by_number_is_understood(reflect: Callable[..., Any]) -> None:
    def numbered(keys: list[str]) -> dict[str, Any]:
        return adding([f"第{i}组" for i, _ in enumerate(keys, 1)])

    folder, _, _ = reflect(says(numbered), tickets(4, 4, 0))
    (first, *_) = rows_of(folder)
    assert all(key.startswith("bare") for key in first.reflection.proposal.evidence_group_ids)


def test_an_answer_that_cannot_be_read_is_asked_again_and_then_given_up(
    reflect: Callable[..., Any],
) -> None:
    folder, report, _ = reflect(says(adding, "不知道"), tickets(4, 4, 0), retry_budget=1)
    assert all(row.reflection.warnings == ["decision_error"] for row in rows_of(folder))
    assert len(rows_of(folder)) == 3, "four together, then two and two"
    assert report["reflection"]["tickets"] == {"agreed": 4, "need_review": 4}
    assert report["reflection"]["calls"] == 3
    queued = list(read_rows(folder / "verdicts", "need_review_queue.jsonl", NeedReviewRow))
    assert {row.reason_code for row in queued} == {"budget_exhausted"}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (lambda keys: adding([*keys, "good000::pass"]), "no ticket of this reflection"),
        (lambda keys: adding(keys, "若图2松动，则判不通过"), "names a ticket or an image"),
        (lambda keys: adding(keys, "若明确否定，则判不通过。" * 20), "most is 160"),
        (lambda keys: adding([]), "no ticket is given"),
    ],
)
def test_an_operation_that_may_not_be_is_left_out_with_its_reason(
    reflect: Callable[..., Any], bad: Callable[[list[str]], dict[str, Any]], why: str
) -> None:
    folder, _, _ = reflect(says(bad), tickets(4, 4, 0), retry_budget=0)
    (operation, *_) = rows_of(folder)[0].reflection.proposal.operations
    assert why in operation.refused
    assert read_guidance(folder / "guidance" / "guidance.json", MISSION).learnt == {}


def test_a_hypothesis_covers_tickets_and_is_promoted_once_it_has_support(
    reflect: Callable[..., Any],
) -> None:
    def guessing(keys: list[str]) -> dict[str, Any]:
        guess = {"text": FIBRE_RULE, "falsifier": "多数通过", "evidence": keys}
        return adding(keys, operations=[], hypotheses=[guess])

    limits = {"min_support_cycles": 2, "min_unique_ticket_keys": 5}
    folder, report, _ = reflect(says(guessing), tickets(4, 8, 0), batch=12, hypotheses=limits)
    events = list(read_rows(folder / "verdicts", "hypothesis_events.jsonl", HypothesisEventRow))
    assert [event.event for event in events] == ["proposed", "promoted"]
    learnt = read_guidance(folder / "guidance" / "guidance.json", MISSION)
    assert learnt.metadata["G1"].rationale == "hypothesis_promotion"
    assert report["reflection"]["hypotheses"] == {"promoted": 1}
    pool = json.loads((folder / "verdicts" / "hypotheses.json").read_text(encoding="utf-8"))
    assert [one["support_cycles"] for one in pool.values()] == [2]


def test_a_cap_of_changes_holds_for_an_epoch(reflect: Callable[..., Any]) -> None:
    texts = iter(range(100))

    def another(keys: list[str]) -> dict[str, Any]:
        return adding(keys, f"若任一图中「光纤」达到{next(texts) + 2}个，则判不通过。")

    folder, _, _ = reflect(says(another), tickets(4, 8, 0), change_cap_per_epoch=1, retry_budget=0)
    assert len(read_guidance(folder / "guidance" / "guidance.json", MISSION).learnt) == 1
    assert "epoch_change_cap_reached" in rows_of(folder)[-1].reflection.warnings


def test_tickets_without_room_wait_and_keep_their_budget(reflect: Callable[..., Any]) -> None:
    made = [ticket(f"bare{i}", "fail", *[GOOD, BARE_FIBRE] * 6) for i in range(4)]
    made += [ticket("good", "pass", GOOD)]
    _, report, backend = reflect(says(adding), made, batch=5, token_budget=1900, retry_budget=0)
    shown = [keys_in(q) for q in backend.asked if q.name.endswith("decision")]
    assert max(map(len, shown)) < 4
    assert sorted(key for keys in shown for key in keys) == [f"bare{i}::fail" for i in range(4)]
    assert report["reflection"]["tickets"] == {"agreed": 1, "contributor": 4}


def test_a_ticket_that_fits_nowhere_goes_to_a_person(reflect: Callable[..., Any]) -> None:
    made = [ticket("long", "fail", *[GOOD] * 60), ticket("good", "pass", GOOD)]
    folder, _, backend = reflect(says(adding), made, token_budget=1900)
    (row,) = read_rows(folder / "verdicts", "need_review_queue.jsonl", NeedReviewRow)
    assert "token_budget" in row.uncertainty_note
    assert all("/reflection-" not in q.name for q in backend.asked)


def test_what_teaches_most_is_packed_first() -> None:
    wholly_wrong = judged(ticket("c", "fail", GOOD), TOLD, PASS, PASS)
    packed = pack([wholly_wrong, *RECORDS], 10, [5, 5, 50], 20)
    assert [r.decided.ticket.group_id for r in packed.records] == ["a", "c"]
    assert [r.decided.ticket.group_id for r in packed.unfit] == ["b"]
    packed = pack([wholly_wrong, *RECORDS], 10, [5, 5, 5], 16)
    assert [r.decided.ticket.group_id for r in packed.records] == ["a"]
    assert [r.decided.ticket.group_id for r in packed.waiting] == ["c", "b"]


def test_tokens_are_estimated_on_the_high_side() -> None:
    assert tokens_of("螺丝") == 2
    assert tokens_of("abcd") == 2
    assert tokens_of("") == 0
