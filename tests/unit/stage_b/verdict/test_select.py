"""The vote: majority of the well-formed, ties fail, half must be well-formed."""

from __future__ import annotations

from itertools import product

import pytest

from mlcore.stage_b.ticket import Decode
from mlcore.stage_b.verdict.contract import parse_two_lines
from mlcore.stage_b.verdict.select import (
    Candidate,
    NoVerdict,
    Policy,
    Selection,
    is_decided,
    select,
)

POLICY = Policy(min_agreement=0.8)
TEXTS = {"p": "Verdict: 通过\nReason: 好", "f": "Verdict: 不通过\nReason: 坏", "x": "?"}


def candidates(word: str, temperatures: list[float] | None = None) -> list[Candidate]:
    heat = temperatures or [0.1] * len(word)
    return [
        Candidate(i, Decode(t, 0.9, 64), TEXTS[c], parse_two_lines(TEXTS[c]))
        for i, (c, t) in enumerate(zip(word, heat, strict=True))
    ]


@pytest.mark.parametrize(
    ("votes", "verdict", "strength", "warnings"),
    [
        ("ppp", "pass", 1.0, ()),
        ("ppppf", "pass", 0.8, ("rollout_contradiction",)),
        ("ppf", "pass", 2 / 3, ("low_agreement", "rollout_contradiction")),
        ("pf", "fail", 0.5, ("tied_vote", "low_agreement", "rollout_contradiction")),
        ("ppxx", "pass", 1.0, ()),
        ("fxp", "fail", 0.5, ("tied_vote", "low_agreement", "rollout_contradiction")),
    ],
)
def test_the_majority_of_the_well_formed_wins(
    votes: str, verdict: str, strength: float, warnings: tuple[str, ...]
) -> None:
    won = select(candidates(votes), POLICY)
    assert isinstance(won, Selection)
    assert (won.verdict, won.vote_strength, won.warnings) == (verdict, strength, warnings)


@pytest.mark.parametrize(
    ("votes", "reason"),
    [("", "no_candidates"), ("xxx", "no_valid_candidates"), ("pxx", "format_error")],
)
def test_too_few_well_formed_candidates_give_no_verdict(votes: str, reason: str) -> None:
    lost = select(candidates(votes), POLICY)
    assert isinstance(lost, NoVerdict)
    assert lost.reason == reason
    assert lost.codes == ({"line_count": votes.count("x")} if votes else {})


def test_the_coolest_of_the_winners_speaks_then_the_first() -> None:
    won = select(candidates("fppp", [0.1, 0.7, 0.4, 0.4]), POLICY)
    assert isinstance(won, Selection)
    assert won.candidate == 2


@pytest.mark.parametrize("total", [1, 2, 3, 4, 5])
def test_a_vote_is_decided_exactly_when_nothing_to_come_can_change_it(total: int) -> None:
    for length in range(total + 1):
        for votes in product("pfx", repeat=length):
            seen = "".join(votes)
            outcomes = {
                outcome(seen + "".join(rest)) for rest in product("pfx", repeat=total - length)
            }
            if is_decided(candidates(seen), total, POLICY):
                assert len(outcomes) == 1, seen
            elif "none" not in outcomes:
                assert len(outcomes) > 1, seen


def outcome(votes: str) -> str:
    won = select(candidates(votes), POLICY)
    return won.verdict if isinstance(won, Selection) else "none"
