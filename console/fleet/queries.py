"""Reads of the fleet."""
from __future__ import annotations

from django.utils import timezone

from console.fleet.models import OFFLINE_AFTER, Host, WorkerProcess


def live_workers() -> list[WorkerProcess]:
    """Workers heard of lately, with their hosts."""
    since = timezone.now() - OFFLINE_AFTER
    return list(WorkerProcess.objects.filter(last_seen__gt=since).select_related("host"))


def serves(queue: str, kind: str) -> bool:
    """True when a worker that is there takes this kind from this queue."""
    return any(queue in w.queues and kind in w.kinds for w in live_workers())


def hosts() -> list[Host]:
    """Every host, by name, with its workers."""
    return list(Host.objects.prefetch_related("workers").order_by("name"))


def busy_slots(host: Host) -> int:
    """How many attempts the host runs now."""
    return host.attempts.filter(state="running").count()
