"""Claims: the best runnable run for a worker becomes an attempt under a fresh lease."""
from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.api.problems import ApiProblem
from console.catalog.models import Output
from console.fleet.models import Host, WorkerProcess
from console.runs.changes import change
from console.runs.fencing import LEASE
from console.runs.models import Attempt, Run
from console.runs.states import ON_HOST, AttemptState, State

CANDIDATES = 500
"""oldest queued runs of the highest priorities that one claim looks at"""


def claim(
    host_id: int, worker: str, queues: Sequence[str], kinds: Sequence[str]
) -> Attempt | None:
    """Give the worker a run, or None when there is none for it, it is full, or its host drains.

    Two claims at once never get one run: the row changes from queued to running once.
    """
    with transaction.atomic():
        host = Host.objects.select_for_update().filter(pk=host_id).first()
        if host is None:
            raise ApiProblem(404, "unknown_host", "Say hello first.")
        Host.objects.filter(pk=host.pk).update(last_seen=timezone.now())
        if host.draining or _is_full(host, worker):
            return None
        gpus = _free_gpus(host)
        for run in _candidates(host, queues, kinds):
            leased = None
            if run.queue == "gpu" and host.gpus:
                if not gpus:
                    continue
                leased = gpus[:1]
            attempt = _take(run, host, worker, leased)
            if attempt is not None:
                return attempt
    return None


def _is_full(host: Host, worker: str) -> bool:
    slots = WorkerProcess.objects.filter(host=host, name=worker).values_list("slots", flat=True)
    busy = Attempt.objects.filter(host=host, worker=worker, state=AttemptState.RUNNING).count()
    return busy >= (slots.first() or 0)


def _free_gpus(host: Host) -> list[int]:
    running = Attempt.objects.filter(host=host, state=AttemptState.RUNNING)
    taken = {index for gpus in running.values_list("gpus", flat=True) for index in gpus or ()}
    return [gpu["index"] for gpu in host.gpus if gpu["index"] not in taken]


def _candidates(host: Host, queues: Sequence[str], kinds: Sequence[str]) -> list[Run]:
    """Runnable here, best first: priority, then who has the least running, then age."""
    rows = Run.objects.filter(state=State.QUEUED, queue__in=queues, kind__in=kinds)
    rows = rows.filter(folder_host=None) | rows.filter(folder_host=host)
    running = list(
        Run.objects.filter(state__in=ON_HOST).values_list("project_id", "created_by_id")
    )
    by_project = Counter(project for project, _ in running)
    by_person = Counter(person for _, person in running)
    found = rows.select_related("project").order_by("-priority", "queued_at", "id")[:CANDIDATES]
    return sorted(
        found,
        key=lambda run: (
            -run.priority, by_project[run.project_id], by_person[run.created_by_id],
            run.queued_at, run.pk,
        ),
    )


def _take(run: Run, host: Host, worker: str, gpus: list[int] | None) -> Attempt | None:
    now = timezone.now()
    number = run.attempt_number + 1
    won = change(
        run, where={"state": State.QUEUED, "attempt_number": run.attempt_number},
        state=State.RUNNING, attempt_number=number, tries=run.tries + 1,
        started=run.started or now, folder_host=host, phase="claimed",
        message="",
    )
    if not won:
        return None
    return Attempt.objects.create(
        run=run, number=number, host=host, worker=worker, boot_id=host.boot_id, gpus=gpus,
        lease=uuid.uuid4(), lease_expires=now + LEASE, started=now,
    )


def describe(attempt: Attempt) -> dict[str, Any]:
    """What the worker needs to know to do the attempt.

    The config's text is complete but for shipped recipes, which every host has; so there are no
    other sources to send.
    """
    run = attempt.run
    files = dict(
        Output.objects.filter(pk__in=[b["output"] for b in run.bindings]).values_list("pk", "files")
    )
    return {
        "run": {
            "uid": run.uid, "kind": run.kind, "name": run.name, "project": run.project.slug
        },
        "attempt": {
            "id": attempt.pk, "number": attempt.number, "lease": str(attempt.lease),
            "lease_expires": attempt.lease_expires, "gpus": attempt.gpus,
        },
        "config": {"filename": run.config_filename, "text": run.config_text, "sources": []},
        "set": run.settings,
        "bindings": [
            {"ref": b["ref"], "digest": b["digest"], "files": files[b["output"]]}
            for b in run.bindings
        ],
        "resume": attempt.number > 1,
        "earlier": _earlier(attempt),
    }


def _earlier(attempt: Attempt) -> list[dict[str, Any]]:
    """How far the earlier attempts of the run were told; its host has their files."""
    rows = Attempt.objects.filter(run=attempt.run, number__lt=attempt.number).order_by("number")
    return list(rows.values("id", "number", "last_seq", "log_size"))
