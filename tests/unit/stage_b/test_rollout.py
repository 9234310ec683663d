"""Candidates, the vote and the guard over many tickets."""

from __future__ import annotations

from dataclasses import replace

from mlcore.stage_b.decide import FALLBACK, decide
from mlcore.stage_b.rollout import Grid, Rolled, roll
from mlcore.stage_b.ticket import Decode, Ticket
from mlcore.stage_b.verdict.contract import parse_two_lines
from mlcore.stage_b.verdict.select import Candidate, Policy
from tests.support.tickets import (
    BAD,
    BARE_FIBRE,
    FAIL,
    GOOD,
    PASS,
    Scripted,
    guidance,
    ticket,
)

GRID = Grid((Decode(0.1, 0.9, 64), Decode(0.7, 0.9, 64)), samples=2)
FIBRE_RULE = "若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。"


def rolled(tickets: list[Ticket], backend: Scripted, grid: Grid = GRID) -> list[Rolled]:
    return roll(tickets, guidance(), backend, grid, domain="bbu")


def said(*texts: str) -> list[Candidate]:
    return [
        Candidate(i, Decode(0.1, 0.9, 64), text, parse_two_lines(text))
        for i, text in enumerate(texts)
    ]


def test_candidates_count_over_the_grid_decode_after_decode() -> None:
    backend = Scripted({("a", i): PASS for i in range(4)})
    (one,) = rolled([ticket("a", "pass", GOOD)], backend)
    assert [(c.index, c.decode.temperature) for c in one.candidates] == [
        (0, 0.1), (1, 0.1), (2, 0.7), (3, 0.7)
    ]  # fmt: skip
    assert [q.draw for q in backend.asked] == [0, 1, 2, 3]


def test_swapping_the_label_changes_nothing_that_is_asked() -> None:
    asked = []
    for label in ("pass", "fail"):
        backend = Scripted({("a", i): PASS for i in range(4)})
        rolled([replace(ticket("a", "pass", GOOD, BAD), label=label)], backend)
        asked.append(backend.asked)
    assert asked[0] == asked[1]


def test_a_decided_ticket_is_left_alone_when_asked_to() -> None:
    texts = {("a", i): PASS for i in range(4)} | {("b", i): [PASS, FAIL][i % 2] for i in range(4)}
    backend = Scripted(texts)
    tickets = [ticket("a", "pass", GOOD), ticket("b", "pass", GOOD)]
    a, b = rolled(tickets, backend, replace(GRID, stop_early=True))
    assert (len(a.candidates), len(b.candidates)) == (3, 4)


def test_a_prompt_that_is_too_long_gets_no_verdict() -> None:
    backend = Scripted({("a", 0): None})
    (one,) = rolled([ticket("a", "fail", GOOD)], backend)
    decided = decide(one, guidance(), Policy())
    assert decided.verdict is None
    assert decided.failure is not None
    assert "most is 8" in decided.failure.detail
    assert len(backend.asked) == 1


def test_the_guard_overrules_a_pass_and_rewrites_its_reason() -> None:
    one = Rolled(ticket("a", "fail", GOOD, BAD), said(PASS, PASS, PASS))
    decided = decide(one, guidance(), Policy())
    assert (decided.verdict, decided.label_match) == ("fail", True)
    assert "fail_first_override" in decided.warnings
    assert decided.needs_manual_review
    assert "Image2: BBU安装螺丝" in decided.reason


def test_a_rule_of_the_guidance_overrules_too() -> None:
    one = Rolled(ticket("a", "fail", GOOD, BARE_FIBRE), said(PASS))
    assert decide(one, guidance(), Policy()).verdict == "pass"
    ruled = decide(one, guidance(G1=FIBRE_RULE), Policy())
    assert (ruled.verdict, ruled.guard.rules) == ("fail", ("G1",))


def test_one_malformed_candidate_is_dropped_and_half_are_enough() -> None:
    good = decide(Rolled(ticket("a", "pass", GOOD), said(PASS, "?")), guidance(), Policy())
    assert good.verdict == "pass"
    bad = decide(Rolled(ticket("a", "pass", GOOD), said(PASS, "?", "?")), guidance(), Policy())
    assert bad.verdict is None
    assert bad.failure is not None
    assert bad.failure.codes == {"line_count": 2}


def test_what_passes_in_agreement_needs_nobody() -> None:
    one = decide(Rolled(ticket("a", "pass", GOOD), said(PASS, PASS)), guidance(), Policy())
    assert (one.warnings, one.needs_manual_review, one.reason) == ((), False, "螺丝符合")
    assert all(parse_two_lines(f"Verdict: pass\nReason: {text}") for text in FALLBACK.values())
