"""The deterministic proposer finds what labels follow, and nothing where they follow nothing."""

from __future__ import annotations

import numpy as np

from mlcore.stage_b.decide import decide
from mlcore.stage_b.mining import Case, Thresholds, case_of, mine
from mlcore.stage_b.rollout import Rolled
from mlcore.stage_b.ticket import Decode, Verdict
from mlcore.stage_b.verdict.contract import parse_two_lines
from mlcore.stage_b.verdict.select import Candidate, Policy
from tests.support.tickets import BAD, BARE_FIBRE, FAIL, GOOD, PASS, guidance, ticket

FIBRE_RULE = "若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。"


def case(key: str, label: Verdict, *summaries: str, said: str = PASS) -> Case:
    candidate = Candidate(0, Decode(0.1, 0.9, 64), said, parse_two_lines(said))
    rolled = Rolled(ticket(key, label, *summaries), [candidate])
    made = case_of(decide(rolled, guidance(), Policy()))
    assert made is not None
    return made


def noisy_cases() -> list[Case]:
    """40 tickets: a bare fibre fails, except for two labels that are wrong."""
    bare = [case(f"b{i}", "fail", GOOD, BARE_FIBRE) for i in range(18)]
    good = [case(f"g{i}", "pass", GOOD) for i in range(20)]
    return [*bare, *good, case("x1", "pass", BARE_FIBRE), case("x2", "fail", GOOD)]


def test_the_fact_that_labels_follow_becomes_a_rule() -> None:
    (finding,) = mine(noisy_cases())
    assert finding.text == FIBRE_RULE
    assert len(finding.helped) == 18
    assert finding.harmed == ("x1::pass",)


def test_the_order_of_tickets_changes_nothing() -> None:
    cases = noisy_cases()
    shuffled = [cases[i] for i in np.random.default_rng(0).permutation(len(cases))]
    assert [f.text for f in mine(shuffled)] == [f.text for f in mine(cases)]


def test_labels_that_follow_nothing_give_no_rule() -> None:
    rng = np.random.default_rng(1)
    cases = [
        case(f"t{i}", "fail" if rng.random() < 0.3 else "pass", GOOD, *([BARE_FIBRE] * (i % 2)))
        for i in range(120)
    ]
    assert mine(cases) == []


def test_a_fault_that_the_desk_accepts_is_excused() -> None:
    accepted = "类别=BBU安装螺丝,问题=生锈×1"
    cases = [case(f"a{i}", "pass", GOOD, accepted) for i in range(12)]
    cases += [case(f"b{i}", "fail", BAD) for i in range(12)]
    assert all(c.verdict == "fail" for c in cases)
    (finding,) = mine(cases)
    assert finding.text == "若任一图中「BBU安装螺丝」的「问题」为「生锈」，不因此判不通过。"
    assert finding.harmed == ()


def test_a_ticket_that_the_vote_failed_is_not_to_be_excused() -> None:
    accepted = "类别=BBU安装螺丝,问题=生锈×1"
    cases = [case(f"a{i}", "pass", accepted, said=FAIL) for i in range(12)]
    assert mine(cases) == []


def test_two_facts_together_are_found_where_neither_alone_is_enough() -> None:
    both, fibre = f"{BARE_FIBRE}，类别=标签,可读性=不可读×1", BARE_FIBRE
    label = "类别=标签,可读性=不可读×1"
    cases = [case(f"b{i}", "fail", both) for i in range(15)]
    cases += [case(f"f{i}", "pass", fibre) for i in range(15)]
    cases += [case(f"l{i}", "pass", label) for i in range(15)]
    (finding,) = mine(cases)
    assert len(finding.rule.conditions) == 2
    assert (len(finding.helped), finding.harmed) == (15, ())
    assert mine(cases, thresholds=Thresholds(pairs=False)) == []


def test_what_is_missing_can_be_the_reason() -> None:
    shield = f"{GOOD}，类别=挡风板,安装方向=方向正确×1"
    cases = [case(f"p{i}", "pass", shield) for i in range(15)]
    cases += [case(f"m{i}", "fail", GOOD) for i in range(15)]
    (finding,) = mine(cases)
    assert finding.text == "若所有图中都没有「挡风板」，则判不通过。"


def test_few_tickets_are_no_evidence() -> None:
    cases = [case("b1", "fail", BARE_FIBRE), case("b2", "fail", BARE_FIBRE)]
    assert mine([*cases, *(case(f"g{i}", "pass", GOOD) for i in range(20))]) == []
