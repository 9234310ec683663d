"""Writes of the fleet: hosts that say hello, drain, the end of silent workers."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.fleet.models import OFFLINE_AFTER, Host, Pulse, WorkerProcess

FORGET_WORKER_AFTER = timedelta(hours=1)
OUTAGE = timedelta(seconds=15)
"""a gap between two ticks from which on the console itself counts as having been away"""


@dataclass(frozen=True)
class Greeting:
    """What a worker says about itself and its host."""

    host: str
    boot_id: str
    worker: str
    queues: Sequence[str]
    kinds: Sequence[str]
    slots: int
    version: str = ""
    gpus: Sequence[dict[str, Any]] = field(default_factory=list)
    roots: Sequence[str] = ()


def hello(greeting: Greeting) -> Host:
    """Know the worker and its host. The host is what its live workers are together."""
    now = timezone.now()
    with transaction.atomic():
        host, _ = Host.objects.select_for_update().get_or_create(
            name=greeting.host, defaults={"boot_id": greeting.boot_id}
        )
        WorkerProcess.objects.update_or_create(
            host=host, name=greeting.worker,
            defaults={
                "queues": list(greeting.queues), "kinds": list(greeting.kinds),
                "slots": greeting.slots, "version": greeting.version, "last_seen": now,
                "roots": list(greeting.roots),
            },
        )
        live = list(host.workers.filter(last_seen__gt=now - OFFLINE_AFTER))
        host.boot_id, host.version, host.last_seen = greeting.boot_id, greeting.version, now
        host.gpus = list(greeting.gpus)
        host.slots = sum(worker.slots for worker in live)
        host.queues = sorted({queue for worker in live for queue in worker.queues})
        host.kinds = sorted({kind for worker in live for kind in worker.kinds})
        host.save()
    return host


def set_draining(actor: Actor, host: Host, *, draining: bool) -> None:
    """A draining host finishes what it has and takes nothing new."""
    with transaction.atomic():
        if Host.objects.filter(pk=host.pk, draining=not draining).update(draining=draining):
            audit.record(actor, "host.drain" if draining else "host.resume", host.name)
    host.refresh_from_db()


def forget_silent_workers() -> int:
    """Drop the rows of workers that ended long ago; returns how many."""
    before = timezone.now() - FORGET_WORKER_AFTER
    deleted, _ = WorkerProcess.objects.filter(last_seen__lt=before).delete()
    return deleted


def beat_pulse() -> bool:
    """Note the tick. True when the console was away before it, so that silent leases are no
    fault of their hosts."""
    now = timezone.now()
    with transaction.atomic():
        pulse, made = Pulse.objects.select_for_update().get_or_create(
            pk=1, defaults={"last_tick": now}
        )
        away = made or now - pulse.last_tick > OUTAGE
        Pulse.objects.filter(pk=1).update(last_tick=now)
    return away
