"""Leases: a host may write for an attempt only while it holds the attempt's lease."""
from __future__ import annotations

import uuid
from datetime import timedelta

from console.api.problems import ApiProblem
from console.runs.models import Attempt
from console.runs.states import AttemptState

LEASE = timedelta(seconds=20)
HEARTBEAT_S = 5


class LeaseLostError(ApiProblem):
    """The attempt ended, or another host has it: kill the child and forget the run."""

    def __init__(self, detail: str = "The attempt is not yours any more.") -> None:
        super().__init__(409, "lease_lost", detail)


def hold(attempt_id: int, lease: str) -> Attempt:
    """The running attempt with its row locked. Call it inside a transaction.

    Raises LeaseLostError for a wrong lease and for an attempt that ended.
    """
    rows = Attempt.objects.select_for_update(of=("self",)).select_related("run")
    attempt = rows.filter(pk=attempt_id).first()
    if attempt is None or not same_lease(attempt, lease) or attempt.state != AttemptState.RUNNING:
        raise LeaseLostError
    return attempt


def same_lease(attempt: Attempt, lease: str) -> bool:
    """True when the text is this attempt's lease."""
    try:
        return attempt.lease == uuid.UUID(lease)
    except (ValueError, AttributeError, TypeError):
        return False
