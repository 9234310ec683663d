"""The end of an attempt, told by its host or concluded from its silence."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.api.idempotency import forget_old as forget_old_answers
from console.catalog.outputs import listed_files
from console.catalog.services import index_pending, register_output
from console.fleet import services as fleet
from console.gates.services import record_result
from console.reviews import periodic as reviews
from console.reviews.ingest import note_output
from console.runs.changes import change
from console.runs.fencing import LEASE, LeaseLostError, hold, same_lease
from console.runs.models import Attempt, Run
from console.runs.states import FINISHED, AttemptState, Reason, State, check, verdict_of
from console.verdicts.indexing import index_pending as index_verdicts
from console.verdicts.people import refresh_pending as count_decisions
from console.wake import wake, wake_on_commit
from mlcore.kinds import KINDS
from mlcore.run.exits import meaning_of

REWAKE_AFTER = timedelta(seconds=10)
MOST_WAKES = 8
"""wake-ups sent per queue and tick: each starts at most one worker slot"""


@dataclass(frozen=True)
class Ending:
    """How a host says an attempt ended. `outputs` is [{name, type, digest}]; the listing of
    each is the blob of its digest."""

    exit_code: int
    last_seq: int = 0
    report: Mapping[str, Any] | None = None
    manifest: Mapping[str, Any] | None = None
    outputs: Sequence[Mapping[str, Any]] = field(default_factory=list)


def finish(attempt_id: int, lease: str, ending: Ending) -> str:
    """End an attempt and register what it made; returns the run's state.

    Telling the same end twice gets the same answer. Raises LeaseLostError when the attempt is not
    the caller's any more, ApiProblem 422 when an output is not what it says it is; then nothing
    has ended yet.
    """
    attempt = Attempt.objects.select_related("run__project").filter(pk=attempt_id).first()
    if attempt is None or not same_lease(attempt, lease):
        raise LeaseLostError
    if attempt.state == AttemptState.ENDED and attempt.exit_code == ending.exit_code:
        return attempt.run.state
    if attempt.state != AttemptState.RUNNING:
        raise LeaseLostError
    # Reading a dataset takes time, so it is done before the row is locked. Outputs are named by
    # content: registering them and then losing the lease does no harm.
    for output in ending.outputs:
        registered = register_output(
            attempt.run, output["name"], output["type"], output["digest"],
            listed_files(output["digest"]), ending.report,
        )
        note_output(attempt.run, registered)
    with transaction.atomic():
        attempt = hold(attempt_id, lease)
        return _conclude(attempt, ending.exit_code, ending)


def reap() -> int:
    """End attempts whose lease ran out; returns how many."""
    expired = Attempt.objects.filter(
        state=AttemptState.RUNNING, lease_expires__lt=timezone.now()
    ).values_list("pk", "lease")
    reaped = 0
    for pk, lease in list(expired):
        with transaction.atomic():
            try:
                attempt = hold(pk, str(lease))
            except LeaseLostError:
                continue
            if attempt.lease_expires < timezone.now():
                _conclude(attempt, None, None)
                reaped += 1
    return reaped


def tick() -> dict[str, int]:
    """The periodic work: reap, wake workers for what has waited, forget silent workers, write the
    rows of a dataset whose writer died and of new verdicts, count verdicts with what people decided
    since, and what the review queue has to do.

    After an outage of the console itself every lease gets a fresh term first: hosts could not
    have beaten meanwhile, and their children may be well.
    """
    if fleet.beat_pulse():
        running = Attempt.objects.filter(state=AttemptState.RUNNING)
        running.update(lease_expires=timezone.now() + LEASE)
    reaped = reap()
    fleet.forget_silent_workers()
    woken = _wake_for_waiting()
    index_pending()
    forget_old_answers()
    index_verdicts()
    count_decisions()
    reviews.tick()
    return {"reaped": reaped, "woken": woken}


def _wake_for_waiting() -> int:
    waiting = Run.objects.filter(
        state=State.QUEUED, queued_at__lt=timezone.now() - REWAKE_AFTER
    ).values_list("queue", flat=True)
    counts: dict[str, int] = {}
    for queue in waiting:
        counts[queue] = counts.get(queue, 0) + 1
    return sum(wake(queue, min(n, MOST_WAKES)) for queue, n in counts.items())


def _conclude(attempt: Attempt, exit_code: int | None, ending: Ending | None) -> str:
    """End a held attempt and move its run on; returns the run's new state."""
    run = attempt.run
    now = timezone.now()
    reason = Reason.LOST if exit_code is None else Reason(meaning_of(exit_code).reason)
    attempt.state = AttemptState.LOST if exit_code is None else AttemptState.ENDED
    attempt.exit_code, attempt.reason, attempt.ended = exit_code, reason, now
    attempt.save(update_fields=["state", "exit_code", "reason", "ended"])
    verdict = verdict_of(
        exit_code, cancel_asked=run.cancel_requested_at is not None, tries=run.tries
    )
    check(run.state, verdict.state)
    changes: dict[str, Any] = {"state": verdict.state, "reason": verdict.reason, "message": ""}
    if verdict.state in FINISHED:
        changes.update(ended=now, phase="")
    if verdict.state is State.QUEUED:
        changes.update(queued_at=now, phase="")
        if not KINDS[run.kind].resumable:
            changes["folder_host"] = None
        wake_on_commit(run.queue)
    if verdict.state is State.SUCCEEDED:
        changes["error"] = {}
    if ending is not None:
        changes.update(_results(ending))
    change(run, **changes)
    if ending is not None and ending.report is not None:
        record_result(run, ending.report)
    return str(verdict.state)


def _results(ending: Ending) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if ending.manifest is not None:
        changes["manifest"] = dict(ending.manifest)
    if ending.report is not None:
        changes["report"] = dict(ending.report)
        headline = ending.report.get("headline")
        changes["headline"] = headline if isinstance(headline, dict) else {}
    return changes
