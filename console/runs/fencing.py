"""Leases: a host may write for an attempt only while it holds the attempt's lease.

Who holds a run's running attempt may also bring home what its earlier attempts left unsaid, as
when their worker was killed: their files lie in the run folder that the next attempt continues.
"""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from console.api.problems import ApiProblem
from console.runs.models import Attempt
from console.runs.states import AttemptState

LEASE = timedelta(seconds=20)
HEARTBEAT_S = 5
_LEASE = Attempt._meta.get_field("lease")
_HOLD = """
SELECT a.run_id, a.number, a.last_seq, a.log_size, a.rewind_step, a.progress_from IS NOT NULL,
holder.id = a.id
FROM runs_attempt holder JOIN runs_attempt a
ON a.run_id = holder.run_id AND a.number <= holder.number
WHERE holder.lease = %s AND holder.state = %s AND a.id = %s
"""


class LeaseLostError(ApiProblem):
    """The attempt ended, or another host has it: kill the child and forget the run."""

    def __init__(self, detail: str = "The attempt is not yours any more.") -> None:
        super().__init__(409, "lease_lost", detail)


@dataclass
class Held:
    """What ingest needs of a held attempt, without the weight of its run. `current` is false for
    an earlier attempt than the one whose lease was shown."""

    pk: int
    run_id: int
    number: int
    last_seq: int
    log_size: int
    rewind_step: int | None
    has_progress: bool
    current: bool


def hold_lightly(attempt_id: int, lease: str) -> Held:
    """Like `hold`, in one plain query, for the writes that come many times a second. The lease
    may also be that of a later attempt of the same run."""
    try:
        key = _LEASE.get_db_prep_value(uuid.UUID(lease), connection)
    except (ValueError, AttributeError, TypeError):
        raise LeaseLostError from None
    locking = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD + locking, [key, AttemptState.RUNNING, attempt_id])
        row = cursor.fetchone()
    if row is None:
        raise LeaseLostError
    *values, current = row
    return Held(attempt_id, *values, current=bool(current))


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
