"""Heartbeats: how a host keeps its lease, and how it hears of a cancel."""
from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from console.fleet.models import Host
from console.runs.fencing import LEASE, hold


def beat(
    attempt_id: int, lease: str, pid: int | None, pgid: int | None
) -> tuple[bool, datetime]:
    """Extend the lease; returns whether a cancel was asked for, and when the lease ends.

    Raises LeaseLostError.
    """
    now = timezone.now()
    with transaction.atomic():
        attempt = hold(attempt_id, lease)
        attempt.lease_expires = now + LEASE
        attempt.pid = pid if pid is not None else attempt.pid
        attempt.pgid = pgid if pgid is not None else attempt.pgid
        attempt.save(update_fields=["lease_expires", "pid", "pgid"])
        Host.objects.filter(pk=attempt.host_id).update(last_seen=now)
    return attempt.run.cancel_requested_at is not None, attempt.lease_expires
