"""What people do to runs after the launch: cancel, resume, retry, clone, edit."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.api.problems import ApiProblem
from console.runs.changes import change
from console.runs.launching import PRIORITIES, TAG, LaunchRequest, launch, request_of
from console.runs.models import Run
from console.runs.states import Reason, State, check
from console.wake import wake_on_commit
from mlcore.kinds import KINDS

RESUMABLE_STATES = frozenset({State.INTERRUPTED, State.CANCELLED, State.FAILED})


class StateConflictError(ApiProblem):
    """The run is in a state in which this cannot be done."""

    def __init__(self, run: Run, detail: str) -> None:
        super().__init__(409, "wrong_state", detail, state=run.state)


def cancel(actor: Actor, run: Run) -> Run:
    """End a queued run now; ask a running one to stop. A second ask changes nothing.

    Raises StateConflictError for a run that has ended.
    """
    with transaction.atomic():
        run = _locked(run)
        if run.state == State.CANCELLING:
            return run
        if run.finished:
            raise StateConflictError(run, f"The run has ended: {run.state}.")
        now = timezone.now()
        asked: dict[str, Any] = {"cancel_requested_at": now, "cancel_requested_by": actor.user}
        if run.state == State.QUEUED:
            new, asked = State.CANCELLED, {**asked, "ended": now, "reason": Reason.USER}
        else:
            new = State.CANCELLING
        check(run.state, new)
        change(run, state=new, **asked)
        audit.record(actor, "run.cancel", f"run:{run.uid}", project=run.project)
    run.refresh_from_db()
    return run


def can_resume(run: Run) -> str:
    """Empty when the run can continue as itself, else the reason why not."""
    if run.state not in RESUMABLE_STATES:
        return f"Only a run that has stopped short can be resumed; this one is {run.state}."
    if not KINDS[run.kind].resumable:
        return f"A run of kind {run.kind} keeps no checkpoint; retry it instead."
    if run.reason in (Reason.CONFIG, Reason.GATE):
        return "It would end the same way; clone it with edits instead."
    if run.attempt_number == 0:
        return "It never started, so there is nothing to continue; retry it instead."
    return ""


def resume(actor: Actor, run: Run) -> Run:
    """Queue the next attempt of the same run, on the host that has its folder.

    Raises StateConflictError when `can_resume` has a reason against it.
    """
    with transaction.atomic():
        run = _locked(run)
        against = can_resume(run)
        if against:
            raise StateConflictError(run, against)
        check(run.state, State.QUEUED)
        change(
            run, state=State.QUEUED, ended=None, reason="", error={}, tries=0,
            queued_at=timezone.now(), cancel_requested_at=None, cancel_requested_by=None,
        )
        audit.record(actor, "run.resume", f"run:{run.uid}", project=run.project)
        wake_on_commit(run.queue)
    run.refresh_from_db()
    return run


def retry(actor: Actor, run: Run) -> Run:
    """A new run with the same config and inputs. Raises StateConflictError while it is live."""
    if not run.finished:
        raise StateConflictError(run, "The run has not ended; cancel it first.")
    return launch(actor, run.project, request_of(run), parent=run, relation="retry")


def clone(actor: Actor, run: Run, request: LaunchRequest) -> Run:
    """A new run from an edited request; `request_of(run, ...)` makes one."""
    return launch(actor, run.project, request, parent=run, relation="clone")


def edit(actor: Actor, run: Run, values: Mapping[str, Any]) -> Run:
    """Change name, note, tags, priority (while queued) or the pin as baseline of its kind."""
    plain = ("name", "note", "priority", "pinned")
    changes = {name: values[name] for name in plain if name in values}
    errors = []
    if "tags" in values:
        tags = list(dict.fromkeys(values["tags"]))
        changes["tag_line"] = f" {' '.join(tags)} "
        if any(not TAG.fullmatch(tag) for tag in tags) or len(changes["tag_line"]) > 400:
            detail = "each has 1 to 40 letters, digits and . : _ -"
            errors.append({"pointer": "/tags", "detail": detail})
    if changes.get("priority", 0) not in PRIORITIES:
        errors.append({"pointer": "/priority", "detail": "must be from -100 to 100"})
    if "name" in changes and not str(changes["name"]).strip():
        errors.append({"pointer": "/name", "detail": "must not be empty"})
    if errors:
        raise ApiProblem(422, "invalid", errors[0]["detail"], errors=errors)
    with transaction.atomic():
        run = _locked(run)
        if "priority" in changes and run.state != State.QUEUED:
            raise StateConflictError(run, "Only a queued run has a place to change.")
        if changes.get("pinned"):
            others = Run.objects.filter(project=run.project, kind=run.kind, pinned=True)
            for other in others.exclude(pk=run.pk):
                change(other, pinned=False)
        change(run, **changes)
        told = {name: values[name] for name in values if name != "note"}
        audit.record(actor, "run.edit", f"run:{run.uid}", project=run.project, detail=told)
    run.refresh_from_db()
    return run


def _locked(run: Run) -> Run:
    return Run.objects.select_for_update(of=("self",)).select_related("project").get(pk=run.pk)
