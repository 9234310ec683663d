"""Why a queued run waits: one sentence, the one reason that binds."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.fleet.models import WorkerProcess
from console.fleet.queries import live_workers
from console.runs.models import Attempt, Run
from console.runs.states import AttemptState, State


@dataclass(frozen=True)
class _Place:
    """What the order of the queue needs to know of a queued run."""

    pk: int
    queue: str
    order: tuple[int, float, int]


@dataclass(frozen=True)
class _Scene:
    """Workers, busy slots and the queue at one moment, read once for many runs."""

    workers: list[WorkerProcess]
    busy: dict[tuple[int, str], int]
    queue: list[_Place]


def waiting_reason(run: Run) -> str:
    """Why this queued run waits; empty for any other run."""
    return waiting_reasons([run]).get(run.pk, "")


def waiting_reasons(runs: Sequence[Run]) -> dict[int, str]:
    """The reason for each queued run among these, by primary key."""
    queued = [run for run in runs if run.state == State.QUEUED]
    if not queued:
        return {}
    scene = _look()
    return {run.pk: _reason(run, scene) for run in queued}


def _look() -> _Scene:
    busy: dict[tuple[int, str], int] = {}
    running = Attempt.objects.filter(state=AttemptState.RUNNING).values_list("host_id", "worker")
    for host, worker in running:
        busy[host or 0, worker] = busy.get((host or 0, worker), 0) + 1
    rows = Run.objects.filter(state=State.QUEUED).values_list(
        "pk", "queue", "priority", "queued_at"
    )
    queue = [_Place(pk, name, (-prio, at.timestamp(), pk)) for pk, name, prio, at in rows]
    return _Scene(live_workers(), busy, queue)


def _reason(run: Run, scene: _Scene) -> str:
    workers = [w for w in scene.workers if run.queue in w.queues]
    if not workers:
        return _("No worker serves the queue %(queue)s.") % {"queue": run.queue}
    if run.folder_host_id is not None:
        workers = [w for w in workers if w.host_id == run.folder_host_id]
        if not workers:
            name = run.folder_host.name if run.folder_host else ""
            return _("Host %(host)s has its checkpoint and is offline.") % {"host": name}
    workers = [w for w in workers if run.kind in w.kinds]
    if not workers:
        return _("No worker of the queue %(queue)s can do a run of kind %(kind)s.") % {
            "queue": run.queue, "kind": run.kind
        }
    taking = [w for w in workers if not w.host.draining]
    if not taking:
        names = ", ".join(sorted({w.host.name for w in workers}))
        return ngettext(
            "Host %(hosts)s is draining.", "Hosts %(hosts)s are draining.", len(names.split(", "))
        ) % {"hosts": names}
    return _place(run, taking, scene)


def _place(run: Run, workers: Sequence[WorkerProcess], scene: _Scene) -> str:
    mine = (-run.priority, run.queued_at.timestamp(), run.pk)
    ahead = sum(1 for p in scene.queue if p.queue == run.queue and p.order < mine)
    slots = sum(w.slots for w in workers)
    busy = sum(scene.busy.get((w.host_id, w.name), 0) for w in workers)
    if ahead:
        return ngettext("%(n)d run is ahead of it.", "%(n)d runs are ahead of it.", ahead) % {
            "n": ahead
        }
    if busy >= slots:
        return ngettext(
            "The only slot of the queue %(queue)s is busy.",
            "All %(n)d slots of the queue %(queue)s are busy.", slots,
        ) % {"n": slots, "queue": run.queue}
    return _("It is next; a worker is about to take it.")
