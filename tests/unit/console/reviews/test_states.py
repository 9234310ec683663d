"""Which states follow which, and what reviews make of a ticket."""
from __future__ import annotations

from itertools import product

import pytest

from console.reviews.states import (
    CLAIMABLE,
    FINAL,
    FREE,
    SETTLED,
    Decision,
    State,
    TransitionError,
    check,
    outcome_of,
    rest_state,
)

DECISIONS = sorted(Decision)
EVERY = [
    (list(blind), needed)
    for count in (0, 1, 2)
    for blind in product(DECISIONS, repeat=count)
    for needed in range(max(1, count), 4)
]
"""every set of reviews that a ticket can have, with every number that it can need"""


@pytest.mark.parametrize(
    ("blind", "needed", "state"),
    [
        ([], 1, "pending"), (["pass"], 1, "decided"), (["unsure"], 1, "conflict"),
        (["broken"], 1, "decided"), (["fail"], 2, "second"), (["unsure"], 2, "second"),
        (["fail", "fail"], 2, "agreed"), (["fail", "pass"], 2, "conflict"),
        (["unsure", "unsure"], 2, "conflict"), (["pass", "pass"], 3, "conflict"),
    ],
)
def test_reviews_settle_a_ticket_or_ask_for_another_person(
    blind: list[str], needed: int, state: str
) -> None:
    assert rest_state(blind, needed) == state


def test_an_adjudicator_has_the_last_word() -> None:
    assert rest_state(["pass", "fail"], 2, adjudicated=True) == State.ADJUDICATED
    assert outcome_of(State.ADJUDICATED, ["pass", "fail"], "broken") == "broken"


def test_a_ticket_at_rest_is_free_or_settled_and_only_then_has_an_outcome() -> None:
    for blind, needed in EVERY:
        state = rest_state(blind, needed)
        assert state in FREE | SETTLED
        assert bool(outcome_of(state, blind)) == (state in SETTLED)
        check(State.LEASED, state)


def test_any_review_can_be_undone_from_where_it_led() -> None:
    for blind, needed in EVERY:
        for taken in range(len(blind)):
            left = blind[:taken] + blind[taken + 1 :]
            check(rest_state(blind, needed), rest_state(left, needed))


def test_nothing_leaves_an_export() -> None:
    for new in sorted(set(State) - {State.EXPORTED}):
        with pytest.raises(TransitionError):
            check(State.EXPORTED, new)


@pytest.mark.parametrize("state", sorted(FREE))
def test_every_free_ticket_can_be_leased_and_go_back(state: State) -> None:
    check(state, State.LEASED)
    check(State.LEASED, state)


@pytest.mark.parametrize("state", sorted(CLAIMABLE))
def test_a_ticket_is_decided_only_by_who_holds_it(state: State) -> None:
    for settled in sorted(FINAL):
        with pytest.raises(TransitionError):
            check(state, settled)
