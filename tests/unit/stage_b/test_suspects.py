"""Labels that the evidence contradicts, and those that it does not."""

from __future__ import annotations

from mlcore.stage_b.decide import decide
from mlcore.stage_b.learner import Judged
from mlcore.stage_b.rollout import Rolled
from mlcore.stage_b.suspects import FAULT_SEEN, NO_FAULT, label_suspects
from mlcore.stage_b.ticket import Decode, Verdict
from mlcore.stage_b.verdict.contract import parse_two_lines
from mlcore.stage_b.verdict.select import Candidate, Policy
from tests.support.tickets import BAD, BARE_FIBRE, FAIL, GOOD, PASS, guidance, ticket


def judged(key: str, label: Verdict, *summaries: str, said: tuple[str, ...] = (PASS,)) -> Judged:
    candidates = [
        Candidate(i, Decode(0.1, 0.9, 64), text, parse_two_lines(text))
        for i, text in enumerate(said)
    ]
    rolled = Rolled(ticket(key, label, *summaries), candidates)
    return Judged(rolled, decide(rolled, guidance(), Policy()), 1, 0, guidance())


def suspects(*extra: Judged) -> list[tuple[str, str]]:
    desk = [judged(f"f{i}", "fail", BAD) for i in range(5)]
    desk += [judged(f"p{i}", "pass", GOOD) for i in range(5)]
    return [(row.ticket_key, row.reason_code) for row in label_suspects([*desk, *extra])]


def test_a_desk_that_agrees_with_the_evidence_is_not_doubted() -> None:
    assert suspects() == []


def test_a_fail_without_any_fault_and_a_pass_with_a_usual_one_are_doubted() -> None:
    found = suspects(judged("x", "fail", GOOD), judged("y", "pass", GOOD, BAD))
    assert found == [("x::fail", NO_FAULT), ("y::pass", FAULT_SEEN)]


def test_a_fault_outside_the_focus_may_be_why_the_desk_failed_it() -> None:
    assert suspects(judged("x", "fail", GOOD, BARE_FIBRE)) == []


def test_free_text_may_be_why_the_desk_failed_it() -> None:
    assert suspects(judged("x", "fail", GOOD, f"{GOOD}，备注:面板破裂")) == []


def test_a_vote_that_is_not_unanimous_doubts_itself() -> None:
    assert suspects(judged("x", "fail", GOOD, said=(PASS, PASS, FAIL))) == []


def test_a_fault_that_the_desk_often_accepts_doubts_no_pass() -> None:
    rust = "类别=BBU安装螺丝,问题=生锈×1"
    accepted = [judged(f"r{i}", "pass", rust) for i in range(4)]
    assert suspects(*accepted, judged("r9", "fail", rust)) == []
