"""Every way that a ticket can go."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.stage_b.reflection.states import FINAL, Event, TicketState, moved

EVENTS: tuple[Event, ...] = get_args(Event)


@pytest.mark.parametrize(
    ("events", "end"),
    [
        (["no_verdict"], "malformed"),
        (["agrees"], "agreed"),
        (["unexplained"], "need_review reflection_no_evidence_after_gt"),
        (["learn", "covered"], "contributor"),
        (["learn", "uncovered"], "retry 1"),
        (["undecided", "learn", "uncovered"], "retry 2"),
        (["undecided", "learn", "uncovered", "undecided"], "need_review budget_exhausted"),
        (["learn", "unaffordable"], "need_review budget_exhausted"),
        (["undecided", "agrees"], "agreed"),
    ],
)
def test_a_ticket_goes_this_way(events: list[Event], end: str) -> None:
    state = TicketState()
    for event in events:
        state = moved(state, event, 2)
    assert str(state) == end


@given(st.lists(st.sampled_from(EVENTS), max_size=12), st.integers(0, 3))
def test_no_ticket_leaves_its_end_or_is_tried_too_often(events: list[Event], budget: int) -> None:
    state = TicketState()
    for event in events:
        if state.stage in FINAL:
            with pytest.raises(ValueError, match="cannot be"):
                moved(state, event, budget)
            return
        try:
            state = moved(state, event, budget)
        except ValueError:
            continue
        assert state.retries <= budget
        assert bool(state.reason) == (state.stage == "need_review")
