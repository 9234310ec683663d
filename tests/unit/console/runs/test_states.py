"""The state machine by itself, and that the database refuses what it does not know."""
from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from console.runs.models import Run
from console.runs.states import FINISHED, LIVE, State, TransitionError, check, verdict_of

STATES = list(State)


def test_a_succeeded_run_never_changes_again() -> None:
    for state in STATES:
        with pytest.raises(TransitionError):
            check(State.SUCCEEDED, state)


def test_only_a_queued_run_can_start() -> None:
    for state in STATES:
        if state is State.QUEUED:
            check(state, State.RUNNING)
        else:
            with pytest.raises(TransitionError):
                check(state, State.RUNNING)


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        (0, "succeeded", "ok"),
        (2, "failed", "config"),
        (3, "failed", "data"),
        (4, "failed", "preflight"),
        (5, "failed", "gate"),
        (6, "cancelled", "user"),
        (70, "failed", "code"),
        (71, "failed", "oom"),
        (72, "queued", "infra"),
        (75, "queued", "interrupted"),
        (-9, "queued", "infra"),
        (-11, "failed", "code"),
        (None, "queued", "lost"),
    ],
)
def test_the_first_end_of_an_attempt(code: int | None, state: str, reason: str) -> None:
    verdict = verdict_of(code, cancel_asked=False, tries=1)
    assert (verdict.state, verdict.reason) == (state, reason)


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [(72, "failed", "infra"), (75, "interrupted", "interrupted"), (None, "failed", "lost")],
)
def test_the_third_try_is_the_last(code: int | None, state: str, reason: str) -> None:
    verdict = verdict_of(code, cancel_asked=False, tries=3)
    assert (verdict.state, verdict.reason) == (state, reason)


@pytest.mark.parametrize("code", [72, 75, -9, -15, None])
def test_a_death_after_a_cancel_is_the_cancel(code: int | None) -> None:
    verdict = verdict_of(code, cancel_asked=True, tries=1)
    assert (verdict.state, verdict.reason) == ("cancelled", "user")


def test_a_run_that_was_done_before_the_cancel_reached_it_has_succeeded() -> None:
    assert verdict_of(0, cancel_asked=True, tries=1).state == "succeeded"


@given(st.integers(-64, 255) | st.none(), st.booleans(), st.integers(1, 5))
def test_every_end_leads_to_a_state_that_a_host_can_leave_behind(
    code: int | None, cancel_asked: bool, tries: int
) -> None:
    verdict = verdict_of(code, cancel_asked=cancel_asked, tries=tries)
    check(State.CANCELLING if cancel_asked else State.RUNNING, verdict.state)
    assert verdict.state in FINISHED | {State.QUEUED}
    assert not (cancel_asked and verdict.state in LIVE)


@pytest.mark.parametrize(
    "change", [{"state": "flying"}, {"reason": "weather"}, {"state": "failed"}]
)
def test_the_database_refuses_a_state_that_cannot_be(launch: Any, change: dict[str, str]) -> None:
    run = launch()
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(**change)
