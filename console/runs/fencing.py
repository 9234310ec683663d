"""Leases: a host may write for an attempt only while it holds the attempt's lease."""
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
SELECT run_id, number, last_seq, log_size, rewind_step, progress_from IS NOT NULL
FROM runs_attempt WHERE id = %s AND lease = %s AND state = %s
"""


class LeaseLostError(ApiProblem):
    """The attempt ended, or another host has it: kill the child and forget the run."""

    def __init__(self, detail: str = "The attempt is not yours any more.") -> None:
        super().__init__(409, "lease_lost", detail)


@dataclass
class Held:
    """What ingest needs of a held attempt, without the weight of its run."""

    pk: int
    run_id: int
    number: int
    last_seq: int
    log_size: int
    rewind_step: int | None
    has_progress: bool


def hold_lightly(attempt_id: int, lease: str) -> Held:
    """Like `hold`, in one plain query, for the writes that come many times a second."""
    try:
        key = _LEASE.get_db_prep_value(uuid.UUID(lease), connection)
    except (ValueError, AttributeError, TypeError):
        raise LeaseLostError from None
    locking = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD + locking, [attempt_id, key, AttemptState.RUNNING])
        row = cursor.fetchone()
    if row is None:
        raise LeaseLostError
    return Held(attempt_id, *row)


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
